"""Compiled plans and serialized responses, for comparing both executors."""

from __future__ import annotations

import graphql
import orjson
from graphql import ExecutionResult, FragmentDefinitionNode, OperationDefinitionNode

from graphql_server.compiled import Compiler
from graphql_server.compiled.plan import Plan


def plan(compiler: Compiler, text: str) -> Plan:
    document = graphql.parse(text)
    definitions = document.definitions
    (operation,) = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
    fragments = {
        one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)
    }
    found = compiler.plan(operation, fragments)
    assert found is not None
    return found


def shown(result: ExecutionResult) -> bytes:
    """The answer as it is sent, with what the errors come from."""
    found = [
        {**error.formatted, "from": repr(error.original_error)} for error in result.errors or ()
    ]
    return orjson.dumps({"data": result.data, "errors": found})
