"""Compiles an operation: each selection into a function, once for each type to which it is applied."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from types import CoroutineType
from typing import Any

import strawberry
from graphql import (
    DirectiveNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.executor import (
    CollectedErrors,
    Executor,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.values import VariableValues

from graphql_server.compiled import fields, run, writing
from graphql_server.compiled.run import Answer, Field
from graphql_server.compiled.variables import Variables

#: The maximum number of fields of all plans of a schema; one takes about three kilobytes with its overhead.
MAXIMUM_FIELDS = 10_000
#: The weight of a variant in addition to its fields.
_VARIANT_FIELDS = 5


class Compiler:
    """Plans for the operations of one schema, with limited memory."""

    def __init__(
        self,
        schema: GraphQLSchema,
        executor_class: type[Executor[Any]],
        *,
        hide_suggestions: bool,
        maximum_fields: int = MAXIMUM_FIELDS,
    ) -> None:
        self.schema = schema
        #: Knowledge about the types beyond graphql-core; None if they are not Strawberry's.
        self.strawberry_schema: strawberry.Schema | None = getattr(
            schema, "_strawberry_schema", None
        )
        self.executor_class = executor_class
        self.hide_suggestions = hide_suggestions
        self._maximum_fields = maximum_fields
        self._fields: dict[Plan, int] = {}
        self._total = 0

    def plan(
        self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> Plan | None:
        """The plan of a valid operation; None if graphql-core executes it."""
        is_known = (
            not operation.directives
            and self.schema.get_directive("defer") is None
            and self.schema.get_directive("stream") is None
            and not any(fragment.variable_definitions for fragment in fragments.values())
            and not _introspects(operation, fragments)
        )
        return Plan(self, operation, fragments) if is_known else None

    def count(self, plan: Plan, number: int) -> None:
        """Account for new fields of a plan, and evict the plans compiled longest ago if necessary."""
        self._fields[plan] = self._fields.get(plan, 0) + number
        self._total += number
        while self._total > self._maximum_fields:
            oldest = next(iter(self._fields))
            self._total -= self._fields.pop(oldest)
            oldest.clear()


class Plan:
    """One operation, with a variant for each combination of variables in `@skip` and `@include`."""

    def __init__(
        self,
        compiler: Compiler,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        self._compiler = compiler
        self._operation = operation
        self._fragments = dict(fragments)
        self._variables = Variables(
            compiler.schema, operation, hide_suggestions=compiler.hide_suggestions
        )
        self._conditions = _condition_names(operation, fragments)
        self._variants: dict[tuple[Any, ...], Variant] = {}

    def clear(self) -> None:
        """Discard the compiled functions: they are compiled again on demand."""
        self._variants = {}

    # Both return the coroutine of a variant: one of their own would add an await to every request.

    def execute(
        self, context: Any, given: Mapping[str, Any], root: Any = None
    ) -> Awaitable[ExecutionResult]:
        """The result of `graphql.execute` for that context, these variables and that root."""
        variables = self._variables.coerce(given)
        if isinstance(variables, list):
            return _refused(variables)
        return self._variant(variables).execute(context, variables, root)

    def respond(
        self, context: Any, variables: VariableValues, event: Any
    ) -> Awaitable[ExecutionResult]:
        """The result of graphql-core's `execute_subscription_event` for one event."""
        return self._variant(variables).execute(context, variables, event)

    def _variant(self, variables: VariableValues) -> Variant:
        coerced = variables.coerced
        key = tuple([coerced.get(name, Undefined) for name in self._conditions])
        variant = self._variants.get(key)
        if variant is None:
            self._compiler.count(self, _VARIANT_FIELDS)
            variant = self._variants[key] = self._new_variant(variables)
        return variant

    def _new_variant(self, variables: VariableValues) -> Variant:
        sources, coerced = variables
        names = self._conditions
        conditions = VariableValues(
            {name: sources[name] for name in names if name in sources},
            {name: coerced[name] for name in names if name in coerced},
        )
        return Variant(self, self._compiler, self._operation, self._fragments, conditions)


class Variant:
    """A plan whose conditions are decided, so that the selected fields depend only on types."""

    def __init__(
        self,
        plan: Plan,
        compiler: Compiler,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        conditions: VariableValues,
    ) -> None:
        self._plan = plan
        self._compiler = compiler
        self._operation = operation
        self._is_mutation = operation.operation is OperationType.MUTATION
        self._conditions = conditions
        self._fragments = {name: FragmentDetails(node) for name, node in fragments.items()}
        root_type = compiler.schema.get_root_type(operation.operation)
        assert root_type is not None
        self._root_type = root_type
        #: One for all root fields, or one for each of a mutation.
        self._root: list[Answer] | None = None
        #: The prototype that each execution copies.
        self._executor = compiler.executor_class(
            compiler.schema,
            fragments,
            self._fragments,
            None,
            None,
            operation,
            conditions,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=compiler.hide_suggestions,
        )

    async def execute(self, context: Any, variables: VariableValues, root: Any) -> ExecutionResult:
        running = self._run(context, variables, root)
        try:
            if self._root is None:
                self._root = self._compile_root()
            if self._is_mutation:
                data = await run.run_serially(self._root, running, root)
            else:
                data = self._root[0](running, root, None)
                if type(data) is CoroutineType:
                    data = await data
        except GraphQLError as error:
            running.collected_errors.add(error, None)
            data = None
        return ExecutionResult(data, running.collected_errors.errors or None)

    def _run(self, context: Any, variables: VariableValues, root: Any) -> Executor[Any]:
        # As `build_per_event_executor` does, without the cost of `copy`.
        running: Executor[Any] = object.__new__(self._compiler.executor_class)
        running.__dict__.update(self._executor.__dict__)
        running.collected_errors = CollectedErrors()
        running.context_value = context
        running.variable_values = variables
        running.root_value = root
        return running

    def _compile_root(self) -> list[Answer]:
        compiler = self._compiler
        grouped = collect_fields(
            compiler.schema,
            self._fragments,
            self._conditions,
            self._root_type,
            self._operation,
            compiler.hide_suggestions,
        ).grouped_field_set
        if not self._is_mutation:
            return [self._compile(self._root_type, grouped)]
        return [self._compile(self._root_type, {name: grouped[name]}) for name in grouped]

    def _below(self, details: FieldDetailsList) -> fields.Below:
        """The answer to the selection below a field, compiled when a type first occurs."""
        compiled: dict[str, Answer] = {}

        def below(kind: GraphQLObjectType) -> Answer:
            answer = compiled.get(kind.name)
            if answer is None:
                answer = compiled[kind.name] = self._compile(kind, self._collect(kind, details))
            return answer

        return below

    def _collect(self, kind: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        compiler = self._compiler
        return collect_subfields(
            compiler.schema,
            self._fragments,
            self._conditions,
            self._operation,
            kind,
            details,
            compiler.hide_suggestions,
        ).grouped_field_set

    def _compile(self, kind: GraphQLObjectType, grouped: GroupedFieldSet) -> Answer:
        compiler = self._compiler
        parts = []
        for name, details in grouped.items():
            definition = compiler.schema.get_field(kind, details[0].node.name.value)
            if definition is not None:
                part = fields.part(
                    compiler.strawberry_schema,
                    Field(name, kind, definition, details),
                    self._below(details),
                    hide_suggestions=compiler.hide_suggestions,
                )
                parts.append(part)
        compiler.count(self._plan, len(parts))
        return writing.write(parts)


async def _refused(found: list[GraphQLError]) -> ExecutionResult:
    return ExecutionResult(None, errors=found)


def _condition_names(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> list[str]:
    """The variables that decide about `@skip` and `@include`."""
    names: set[str] = set()

    class Conditions(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> None:
            if node.name.value in ("skip", "include"):
                values = [argument.value for argument in node.arguments or ()]
                names.update(v.name.value for v in values if isinstance(v, VariableNode))

    for node in (operation, *fragments.values()):
        visit(node, Conditions())
    return sorted(names)


def _introspects(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> bool:
    """Whether it is introspection, which is too rare to be worth the memory of a plan."""
    found = False

    class Introspection(Visitor):
        def enter_field(self, node: Any, *_: object) -> None:
            nonlocal found
            found = found or node.name.value in ("__schema", "__type")

    for node in (operation, *fragments.values()):
        visit(node, Introspection())
    return found
