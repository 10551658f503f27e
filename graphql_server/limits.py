"""Limits on the size of documents and the cost of operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)
from graphql.execution.values import VariableValues
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

from graphql_server.service import Costs

MAXIMUM_TOKENS = 2_000
MAXIMUM_DEPTH = 12
MAXIMUM_NESTING = 60
MAXIMUM_ALIASES = 50
MAXIMUM_DIRECTIVES = 50
#: Validation follows the spreads of each operation, and compares fragments with each other.
MAXIMUM_OPERATIONS = 20
MAXIMUM_FRAGMENTS = 50
MAXIMUM_SPREADS = 100
MAXIMUM_COST = 2_000
#: Validation compares all pairs of fields with the same response name: twice the maximum number of pairs.
MAXIMUM_COMPARISONS = 10_000

_MUTATION_COST = 10
_OBJECT_COST = 1
_INTROSPECTION_COSTS = {"__schema": 1_000, "__type": 100}
#: Fields of a connection whose lists are as long as the connection's page.
_PAGE_FIELDS = frozenset({"edges", "nodes"})


def size_errors(document: DocumentNode) -> list[GraphQLError]:
    """The limits that the document exceeds, determined in one pass."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    found: list[GraphQLError] = []
    counted = _Counted(fragments)
    executable = [
        definition
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    for definition in executable:
        counted.count_directives(definition)
        counted.walk(definition.selection_set)
    operations = len(executable) - len(fragments)
    for count, maximum, what in (
        (operations, MAXIMUM_OPERATIONS, "operations"),
        (len(fragments), MAXIMUM_FRAGMENTS, "fragments"),
        (counted.spreads, MAXIMUM_SPREADS, "fragment spreads"),
        (counted.aliases, MAXIMUM_ALIASES, "aliases"),
        (counted.directives, MAXIMUM_DIRECTIVES, "directives"),
        (counted.nesting, MAXIMUM_NESTING, "levels of fragments and fields"),
    ):
        if count > maximum:
            found.append(_too_large(f"The document has more than {maximum} {what}"))
    if sum(count * count for count in counted.names.values()) > MAXIMUM_COMPARISONS:
        found.append(_too_large("The document repeats the same fields too often"))
    if not found and counted.depth(executable) > MAXIMUM_DEPTH:
        found.append(_too_large(f"The document nests fields more than {MAXIMUM_DEPTH} deep"))
    return found


def _too_large(what: str) -> GraphQLError:
    return GraphQLError(
        f"{what}: split it into smaller ones.", extensions={"code": "QUERY_TOO_EXPENSIVE"}
    )


class _Counted:
    """Counts over the whole document; depth is computed from the fragments afterwards."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.fragments = fragments
        self.aliases = self.directives = self.nesting = self.spreads = 0
        #: The number of fields by response name.
        self.names: Counter[str] = Counter()
        self._depths: dict[str, int] = {}

    def count_directives(self, node: Any) -> None:
        self.directives += len(node.directives or ())

    def walk(self, selection_set: SelectionSetNode) -> None:
        """Without recursion, because the parser accepts 200 levels."""
        stack = [(selection_set, 1)]
        while stack:
            selection_set, level = stack.pop()
            self.nesting = max(self.nesting, level)
            for selection in selection_set.selections:
                self.count_directives(selection)
                if isinstance(selection, FieldNode):
                    self.aliases += selection.alias is not None
                    self.names[(selection.alias or selection.name).value] += 1
                self.spreads += isinstance(selection, FragmentSpreadNode)
                nested = getattr(selection, "selection_set", None)
                if nested is not None:
                    stack.append((nested, level + 1))

    def depth(self, executable: Sequence[OperationDefinitionNode | FragmentDefinitionNode]) -> int:
        """Levels of fields, including fragments; introspection has a separate limit."""
        # Depths propagate through a chain of fragments by one level per round, so as many rounds as there are
        # fragments determine all of them. A cycle, which validation refuses, only reaches that number.
        self._depths = dict.fromkeys(self.fragments, 0)
        of_ours = {
            name: fragment
            for name, fragment in self.fragments.items()
            if not fragment.type_condition.name.value.startswith("__")
        }
        for _ in of_ours:
            before = dict(self._depths)
            for name, fragment in of_ours.items():
                self._depths[name] = self._depth_of(fragment.selection_set)
            if before == self._depths or max(self._depths.values()) > MAXIMUM_DEPTH:
                break
        operations = [
            self._depth_of(definition.selection_set)
            for definition in executable
            if isinstance(definition, OperationDefinitionNode)
        ]
        return max([0, *self._depths.values(), *operations])

    def _depth_of(self, selection_set: SelectionSetNode) -> int:
        deepest = 0
        for selection in selection_set.selections:
            if isinstance(selection, FragmentSpreadNode):
                below = self._depths.get(selection.name.value, 0)
            elif isinstance(selection, InlineFragmentNode):
                below = self._depth_of(selection.selection_set)
            elif isinstance(selection, FieldNode) and not selection.name.value.startswith("__"):
                nested = selection.selection_set
                below = 1 + (self._depth_of(nested) if nested is not None else 0)
            else:
                below = 0
            deepest = max(deepest, below)
        return deepest


class Cost:
    """The cost of a valid operation: 1 for each object, times the length of the lists that contain it.

    Arguments are those that the resolver receives: coerced, with defaults, from literals and variables.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
        costs: Costs,
    ) -> None:
        self._schema = schema
        self._costs = costs
        self._fragments = fragments
        self._fragment_costs: dict[tuple[str, int], int] = {}
        self._variables = variables
        #: Whether the cost depends on the variables.
        self.depends_on_variables = False
        root = schema.get_root_type(operation.operation)
        assert root is not None
        self._mutation_type = schema.mutation_type
        self.total = self._selections(operation.selection_set, root, costs.default_page)

    def _selections(
        self, selection_set: SelectionSetNode, parent: GraphQLNamedType, page: int
    ) -> int:
        total = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent, page)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self._schema.get_type(condition.name.value) if condition else parent
                total += self._selections(selection.selection_set, inner or parent, page)
            elif isinstance(selection, FragmentSpreadNode):
                total += self._spread(selection.name.value, page)
        return total

    def _spread(self, name: str, page: int) -> int:
        if (name, page) not in self._fragment_costs:
            fragment = self._fragments[name]
            condition = self._schema.get_type(fragment.type_condition.name.value)
            assert condition is not None
            cost = self._selections(fragment.selection_set, condition, page)
            self._fragment_costs[name, page] = cost
        return self._fragment_costs[name, page]

    def _field(self, node: FieldNode, parent: GraphQLNamedType, page: int) -> int:
        name = node.name.value
        if name.startswith("__"):
            return _INTROSPECTION_COSTS.get(name, 0)
        own = self._costs.fields.get(name, 0)
        if parent is self._mutation_type:
            own += _MUTATION_COST
        field: GraphQLField | None = getattr(parent, "fields", {}).get(name)
        if field is None or not is_composite_type(get_named_type(field.type)):
            return own
        length = 1
        if name in _PAGE_FIELDS and parent.name.endswith("Connection"):
            length = page
        elif "ids" in field.args:
            length = self._length(node, field, "ids")
        elif name in self._costs.list_sizes:
            length = self._costs.list_sizes[name]
        elif "first" in field.args:
            page = self._page(node, field)
            # A connection is one object that holds the page; a plain list is the page itself.
            length = 1 if get_named_type(field.type).name.endswith("Connection") else page
        below = 0
        if node.selection_set is not None:
            below = self._selections(node.selection_set, get_named_type(field.type), page)
        return own + length * (_OBJECT_COST + below)

    def _page(self, node: FieldNode, field: GraphQLField) -> int:
        sizes = [self._value(node, field, name) for name in ("first", "last")]
        numbers = [size for size in sizes if isinstance(size, int)]
        costs = self._costs
        # A larger one is refused by the resolver.
        return min(max([*numbers, 0]), costs.maximum_page) if numbers else costs.default_page

    def _length(self, node: FieldNode, field: GraphQLField, name: str) -> int:
        value = self._value(node, field, name)
        return len(value) if isinstance(value, list) else 1

    def _value(self, node: FieldNode, field: GraphQLField, name: str) -> object:
        """The argument as the resolver receives it; None or Undefined if there is none."""
        argument = field.args.get(name)
        if argument is None:
            return None
        for given in node.arguments or ():
            if given.name.value == name:
                value = given.value
                if isinstance(value, VariableNode):
                    self.depends_on_variables = True
                    if value.name.value not in self._variables.coerced:
                        break
                elif isinstance(value, ListValueNode):
                    self.depends_on_variables |= any(
                        isinstance(item, VariableNode) for item in value.values
                    )
                coerced: object = coerce_input_literal(value, argument.type, self._variables)
                return coerced
        return coerce_default_value(argument)
