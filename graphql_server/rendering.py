"""Stored subscriptions: checked when they are saved, and executed for one event at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphql
import strawberry
from graphql import ExecutionResult, FieldNode, OperationType
from graphql.execution import execute_subscription_event
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import VariableValues, get_argument_values

from graphql_server import compiled, errors
from graphql_server.documents import Documents, Operation
from graphql_server.service import OperationsTable

_UNAVAILABLE = "UNAVAILABLE"


class Unsuitable(Exception):
    """The document is not a subscription that can be stored; the text is a sentence for its author."""


class RenderingFailed(Exception):
    """Something of the event could not be read, through no fault of the document."""

    def __init__(self, message: str, *, is_temporary: bool) -> None:
        super().__init__(message)
        #: Whether a service is away, and not the program at fault.
        self.is_temporary = is_temporary


class Renderer:
    """Executes stored subscriptions as `Engine` does for subscribers, without a connection."""

    def __init__(
        self,
        schema: strawberry.Schema,
        table: OperationsTable,
        refusal: errors.Present,
        *,
        hardened: bool = False,
        is_compiled: bool = True,
    ) -> None:
        """As for `Engine`."""
        self._hardened = hardened
        self._schema = schema._schema
        self._executor_class = schema.execution_context_class
        compiler = None
        if is_compiled:
            compiler = compiled.Compiler(
                self._schema, self._executor_class, hide_suggestions=hardened
            )
        self._documents = Documents(self._schema, compiler, table, hardened=hardened)
        self._refusal = refusal

    def check(self, document: str, field: str) -> None:
        """Raise Unsuitable unless the document is one subscription of that root field alone."""
        self._operation(document, field)

    async def render(self, document: str, field: str, context: Any, event: Any) -> dict[str, Any]:
        """What a subscriber with that document receives for the event: `data`, and `errors` if any.

        Raises Unsuitable as `check`, and RenderingFailed where it is the service that failed.
        """
        operation, variables = self._operation(document, field)
        if operation.plan is not None:
            result = await operation.plan.respond(context, variables, event)
        else:
            result = await self._interpret(operation, context, event)
        shown: dict[str, Any] = {"data": result.data}
        if result.errors:
            shown["errors"] = errors.present(result.errors, self._refusal)
            for each in shown["errors"]:
                code = each["extensions"]["code"]
                if code in {errors.INTERNAL, _UNAVAILABLE}:
                    raise RenderingFailed(each["message"], is_temporary=code == _UNAVAILABLE)
        return shown

    async def _interpret(self, operation: Operation, context: Any, event: Any) -> ExecutionResult:
        executor = self._executor_class.build(
            self._schema,
            operation.document,
            None,
            context,
            None,
            operation.name,
            hide_suggestions=self._hardened,
        )
        assert not isinstance(executor, list), "its variables were checked"
        result: Any = execute_subscription_event(executor.build_per_event_executor(event))
        return result if isinstance(result, ExecutionResult) else await result

    def _operation(self, document: str, field: str) -> tuple[Operation, VariableValues]:
        try:
            operations = list(self._documents.operations(document).values())
            if len(operations) != 1:
                raise Unsuitable("The document must have one operation.")
            operation = operations[0]
            if operation.kind is not OperationType.SUBSCRIPTION:
                raise Unsuitable(
                    f"The document must be a subscription, not a {operation.kind.value}."
                )
            variables = operation.variables.coerce({})
            if isinstance(variables, list):
                raise Unsuitable(
                    "Variables that are required must have default values: " + variables[0].message
                )
            operation.check_cost(self._schema, {})
        except errors.RequestError as error:
            raise Unsuitable(str(error)) from None
        self._check_root(operation, field, variables)
        return operation, variables

    def _check_root(self, operation: Operation, field: str, variables: VariableValues) -> None:
        root = self._schema.subscription_type
        assert root is not None
        fragments = {name: FragmentDetails(node) for name, node in operation.fragments.items()}
        collected = collect_fields(
            self._schema, fragments, variables, root, operation.node, self._hardened
        ).grouped_field_set
        nodes = [details[0].node for details in collected.values()]
        if len(nodes) != 1 or nodes[0].name.value != field:
            raise Unsuitable(f"The document must select `{field}` and nothing beside it.")
        argument = operation.resume_argument
        if argument is not None and _is_given(root.fields[field], nodes[0], argument, variables):
            raise Unsuitable(
                f"Leave out `{argument}`: the webhook itself knows where its deliveries begin."
            )


def _is_given(
    definition: graphql.GraphQLField, node: FieldNode, argument: str, variables: VariableValues
) -> bool:
    values: Mapping[str, Any] = get_argument_values(definition, node, variables)
    # By the name in Python that Strawberry gives the argument, or by its own.
    names = {argument, definition.args[argument].out_name}
    return any(values.get(name) is not None for name in names if name is not None)
