"""Documents, parsed and validated once, and the operations in them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from graphql_server import compiled, errors, limits
from graphql_server.service import Costs, OperationsTable, RootField

_INTROSPECTION = frozenset({"__schema", "__type"})
_PLAIN = RootField()
#: Cached documents, in characters of their text: their syntax trees take about a hundred times as much.
CACHE_CHARACTERS = 300_000
_MAXIMUM_ERRORS = 20


@dataclass(slots=True)
class Operation:
    """One operation of a valid document."""

    document: DocumentNode
    node: OperationDefinitionNode
    name: str | None
    kind: OperationType
    #: Its root fields, except `__typename`.
    root_fields: frozenset[str]
    #: Their names as they are logged.
    label: str
    #: Whether it works signed out even with a bearer token that is not valid.
    works_signed_out: bool
    #: Whether all its root fields check the credential in their own transactions.
    checks_credential: bool
    #: Whether it is introspection or selects nothing but `__typename`: all others are counted by resolvers.
    is_unguarded: bool
    #: The argument that `Last-Event-ID` sets, for a subscription with numbered events.
    resume_argument: str | None
    #: The attribute of such an event that is its number.
    number_attribute: str | None
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: compiled.Variables
    _costs: Costs
    _compiler: compiled.Compiler | None
    _plan: compiled.Plan | None = None
    #: Its cost if independent of the variables; else None.
    _fixed_cost: int | None = None

    @property
    def plan(self) -> compiled.Plan | None:
        """Its compiled plan; None if graphql-core executes it."""
        if self._plan is None and self._compiler is not None:
            self._plan = self._compiler.plan(self.node, self.fragments)
            if self._plan is None:
                self._compiler = None
        return self._plan

    def check_cost(self, schema: GraphQLSchema, given: Mapping[str, Any]) -> None:
        """Raises RequestError for an operation that costs too much."""
        total = self._fixed_cost
        if total is None:
            found = self.cost(schema, given)
            if isinstance(found, list):
                # Execution returns these errors and calls no resolver.
                return
            total = found
        if total > limits.MAXIMUM_COST:
            error = errors.request_error(
                f"This operation costs {total}, and one may cost {limits.MAXIMUM_COST}: an object "
                "counts 1, times the length of the lists it stands in. Ask for shorter pages or fewer fields.",
                errors.TOO_EXPENSIVE,
            )
            error.cost = total
            raise error

    def cost(self, schema: GraphQLSchema, given: Mapping[str, Any]) -> int | list[GraphQLError]:
        """Its cost with these variables, or the errors in them."""
        if self._fixed_cost is not None:
            return self._fixed_cost
        variables = self.variables.coerce(given)
        if isinstance(variables, list):
            return variables
        cost = limits.Cost(schema, self.node, self.fragments, variables, self._costs)
        if not cost.depends_on_variables:
            self._fixed_cost = cost.total
        return cost.total


class Documents:
    """Parses texts into operations, and caches the most recently used valid ones."""

    def __init__(
        self,
        schema: GraphQLSchema,
        compiler: compiled.Compiler | None,
        table: OperationsTable,
        *,
        hardened: bool,
    ) -> None:
        """Without a compiler, no operation has a plan and graphql-core executes all of them."""
        self._schema = schema
        self._root_fields = table.root_fields
        self._costs = table.costs
        self._compiler = compiler
        self._hide_suggestions = hardened
        self._rules = [*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule]
        if hardened:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, dict[str | None, Operation]] = OrderedDict()
        self._kept_characters = 0

    def knows(self, text: str) -> bool:
        """Whether the document is cached as valid."""
        return text in self._kept

    def operations(self, text: str) -> Mapping[str | None, Operation]:
        """The operations of a document by name. Raises RequestError if it is not valid."""
        operations = self._kept.get(text)
        if operations is None:
            operations = self._read(text)
            self._keep(text, operations)
        else:
            self._kept.move_to_end(text)
        return operations

    def operation(self, text: str, name: str | None) -> Operation:
        """The operation to execute. Raises RequestError for an invalid document or name."""
        operations = self.operations(text)
        if name:
            found = operations.get(name)
            if found is None:
                raise errors.request_error(
                    "The document has no operation of the name in `operationName`.",
                    errors.BAD_USER_INPUT,
                )
            return found
        if len(operations) != 1:
            raise errors.request_error(
                "The document has several operations: say in `operationName` which one to run."
                if operations
                else "The document has no operation: it takes a query, mutation or subscription.",
                errors.BAD_USER_INPUT,
            )
        return next(iter(operations.values()))

    def _read(self, text: str) -> dict[str | None, Operation]:
        try:
            document = parse(text, max_tokens=limits.MAXIMUM_TOKENS)
        except GraphQLError as error:
            too_long = "tokens. Parsing aborted" in error.message
            code = errors.TOO_EXPENSIVE if too_long else errors.PARSE_FAILED
            raise errors.coded([error], code) from None
        except RecursionError:
            raise errors.request_error(
                "The document nests too deeply: split it into smaller ones.", errors.PARSE_FAILED
            ) from None
        if found := limits.size_errors(document):
            raise errors.coded(found, errors.TOO_EXPENSIVE)
        found = validate(
            self._schema,
            document,
            self._rules,
            max_errors=_MAXIMUM_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if found:
            raise errors.coded(found, errors.VALIDATION_FAILED)
        fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        operations = [
            self._operation(document, node, fragments)
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        ]
        return {operation.name: operation for operation in operations}

    def _keep(self, text: str, operations: dict[str | None, Operation]) -> None:
        if len(text) > CACHE_CHARACTERS // 10:
            return
        self._kept[text] = operations
        self._kept_characters += len(text)
        while self._kept_characters > CACHE_CHARACTERS:
            oldest, _ = self._kept.popitem(last=False)
            self._kept_characters -= len(oldest)

    def _operation(
        self,
        document: DocumentNode,
        node: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> Operation:
        fields: set[str] = set()
        _collect_fields(node.selection_set, fragments, fields, set())
        fields.discard("__typename")
        known = [self._root_fields.get(name, _PLAIN) for name in fields]
        return Operation(
            document=document,
            node=node,
            name=node.name.value if node.name else None,
            kind=node.operation,
            root_fields=frozenset(fields),
            label=",".join(sorted(fields)) or "__typename",
            works_signed_out=bool(fields)
            and all(
                field.works_signed_out or name in _INTROSPECTION
                for name, field in zip(fields, known, strict=True)
            ),
            checks_credential=all(field.checks_credential for field in known),
            is_unguarded=not fields or bool(fields & _INTROSPECTION),
            resume_argument=known[0].resume_argument if len(known) == 1 else None,
            number_attribute=known[0].number_attribute if len(known) == 1 else None,
            fragments=fragments,
            variables=compiled.Variables(
                self._schema, node, hide_suggestions=self._hide_suggestions
            ),
            _costs=self._costs,
            _compiler=self._compiler,
        )


def _collect_fields(
    selection_set: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    fields: set[str],
    spread: set[str],
) -> None:
    for selection in selection_set.selections:
        if isinstance(selection, FieldNode):
            fields.add(selection.name.value)
        elif isinstance(selection, InlineFragmentNode):
            _collect_fields(selection.selection_set, fragments, fields, spread)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
            spread.add(selection.name.value)
            fragment = fragments[selection.name.value]
            _collect_fields(fragment.selection_set, fragments, fields, spread)
