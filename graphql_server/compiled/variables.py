"""Variables of an operation: valid ones are coerced directly, all others by graphql-core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    IntValueNode,
    OperationDefinitionNode,
    StringValueNode,
    Undefined,
    VariableDefinitionNode,
    get_nullable_type,
    is_leaf_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.utilities.coerce_input_value import coerce_default_value

#: The maximum number of reported errors in variables: each takes work in proportion to the whole value.
MAXIMUM_ERRORS = 10
#: Values of other literals, and lists, are mutable: they are created for each request.
_IMMUTABLE = (BooleanValueNode, EnumValueNode, FloatValueNode, IntValueNode, StringValueNode)

Convert = Callable[[Any], Any]


class Unknown(Exception):
    """This case is left to graphql-core."""


class Variables:
    """The variables of one operation."""

    def __init__(
        self, schema: GraphQLSchema, operation: OperationDefinitionNode, *, hide_suggestions: bool
    ) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._hide_suggestions = hide_suggestions
        self._known: list[tuple[GraphQLVariableSignature, Convert, Any]] | None = None
        with suppress(Unknown):
            self._known = [self._known_variable(node) for node in self._definitions]

    def _known_variable(
        self, node: VariableDefinitionNode
    ) -> tuple[GraphQLVariableSignature, Convert, Any]:
        """The coercion of a variable, and the default for a missing one (None: left to graphql-core)."""
        signature = get_variable_signature(self._schema, node)
        if isinstance(signature, GraphQLError):
            raise Unknown
        absent: Any = Undefined
        if node.default_value is not None:
            absent = None
            is_leaf = is_leaf_type(get_nullable_type(signature.type))
            if is_leaf and isinstance(node.default_value, _IMMUTABLE):
                with suppress(TypeError):
                    absent = coerce_default_value(signature)
        elif isinstance(signature.type, GraphQLNonNull):
            absent = None
        return signature, _coercer(signature.type, ()), absent

    def are_ordinary(self, given: Mapping[str, Any]) -> bool:
        """Whether they are valid and cheap to coerce; reporting errors takes more work."""
        if self._known is None:
            return False
        try:
            self._coerce_known(given)
        except Exception:
            return False
        return True

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The coerced values, or the errors."""
        if self._known is not None:
            # Otherwise graphql-core decides and reports the errors.
            with suppress(Exception):
                return self._coerce_known(given)
        return get_variable_values(
            self._schema,
            self._definitions,
            dict(given),
            max_errors=MAXIMUM_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )

    def _coerce_known(self, given: Mapping[str, Any]) -> VariableValues:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, convert, absent in self._known or ():
            name = signature.name
            value = given.get(name, Undefined)
            if value is not Undefined:
                sources[name] = VariableValueSource(signature, value)
                coerced[name] = convert(value)
                continue
            if absent is None:
                raise Unknown
            sources[name] = VariableValueSource(signature)
            if absent is not Undefined:
                coerced[name] = absent
        return VariableValues(sources, coerced)


def _coercer(kind: GraphQLInputType, within: tuple[str, ...]) -> Convert:
    """Input coercion of a JSON value; raises any exception for an invalid or unusual one."""
    if isinstance(kind, GraphQLNonNull):
        return _required_coercer(kind.of_type, within)
    coerce = _required_coercer(kind, within)
    return lambda value: None if value is None else coerce(value)


def _required_coercer(kind: Any, within: tuple[str, ...]) -> Convert:
    """The same, but null is invalid too."""
    if isinstance(kind, GraphQLList):
        return _list_coercer(_coercer(kind.of_type, within))
    if isinstance(kind, GraphQLInputObjectType):
        if kind.name in within or kind.is_one_of:
            # Unbounded nesting is left to graphql-core.
            raise Unknown
        return _object_coercer(kind, (*within, kind.name))
    if kind is GraphQLString or kind is GraphQLID:
        return _text
    if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return _leaf_coercer(kind.coerce_input_value)
    raise Unknown


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Unknown
    return value


def _leaf_coercer(coerce_input_value: Convert) -> Convert:
    def leaf(value: Any) -> Any:
        coerced = Undefined if value is None else coerce_input_value(value)
        if coerced is Undefined:
            raise Unknown
        return coerced

    return leaf


def _list_coercer(coerce_item: Convert) -> Convert:
    def items(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Unknown
        return [coerce_item(item) for item in value]

    return items


def _object_coercer(kind: GraphQLInputObjectType, within: tuple[str, ...]) -> Convert:
    fields = [
        (name, field.out_name or name, _coercer(field.type, within), _absent(field))
        for name, field in kind.fields.items()
    ]
    names = frozenset(kind.fields)
    makes = None if kind.out_type is GraphQLInputObjectType.out_type else kind.out_type

    def coerce(value: Any) -> Any:
        if type(value) is not dict or not names.issuperset(value):
            raise Unknown
        coerced = {}
        for name, out_name, convert, absent in fields:
            if name in value:
                coerced[out_name] = convert(value[name])
            elif absent is not None:
                coerced[out_name] = absent()
        return coerced if makes is None else makes(coerced)

    return coerce


def _absent(field: GraphQLInputField) -> Callable[[], Any] | None:
    """Creates the default of a missing field; None if it has no default."""
    if is_required_input_field(field):
        return _missing
    if coerce_default_value(field) is Undefined:
        return None
    # Created each time, because a default may be a list, which a resolver could change.
    return partial(coerce_default_value, field)


def _missing() -> Any:
    raise Unknown
