"""Arguments of a field: from variables and literals to the parameters of its resolver."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import strawberry
from graphql import FieldNode, GraphQLField, Undefined, VariableNode, is_required_argument
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField

from graphql_server.compiled.variables import Convert, Unknown

#: The arguments of one call, given the operation's variables.
Arguments = Callable[[VariableValues], dict[str, Any]]
_BUILT_IN = (str, int, float, bool, strawberry.ID)


def raw_arguments(
    definition: GraphQLField, node: FieldNode, *, hide_suggestions: bool
) -> Arguments:
    """The arguments of a field as graphql-core passes them to its resolver, by GraphQL's names.

    The result raises GraphQLError if the value of a variable is invalid.
    """
    if not definition.args:
        return _none
    by_variable = _bare_variables(definition, node)

    def arguments(variables: VariableValues) -> dict[str, Any]:
        if by_variable is not None:
            coerced = variables.coerced
            found = {
                out_name: coerced[variable]
                for out_name, variable in by_variable
                if coerced.get(variable) is not None
            }
            if len(found) == len(by_variable):
                return found
        return get_argument_values(definition, node, variables, hide_suggestions=hide_suggestions)

    return arguments


def _bare_variables(definition: GraphQLField, node: FieldNode) -> list[tuple[str, str]] | None:
    """The variable of each argument, if all arguments are plain variables; otherwise None."""
    nodes = {argument.name.value: argument.value for argument in node.arguments or ()}
    found = []
    for name, argument in definition.args.items():
        value = nodes.get(name)
        if isinstance(value, VariableNode):
            found.append((argument.out_name or name, value.name.value))
        elif (
            value is not None
            or is_required_argument(argument)
            or argument.default is not None
            or argument.default_value is not Undefined
        ):
            return None
    return found


def arguments_of(
    schema: strawberry.Schema,
    field: StrawberryField,
    definition: GraphQLField,
    node: FieldNode,
    *,
    hide_suggestions: bool,
) -> Arguments:
    """The arguments as Strawberry passes them to the resolver. Raises Unknown."""
    if not field.arguments:
        return _none
    raw = raw_arguments(definition, node, hide_suggestions=hide_suggestions)
    wanted = [_wanted(schema, argument) for argument in field.arguments]

    def arguments(variables: VariableValues) -> dict[str, Any]:
        given = raw(variables)
        return {
            python_name: given[name] if convert is None else convert(given[name])
            for name, python_name, convert in wanted
            if name in given
        }

    return arguments


def _none(_variables: VariableValues) -> dict[str, Any]:
    return {}


def _wanted(
    schema: strawberry.Schema, argument: StrawberryArgument
) -> tuple[str, str, Convert | None]:
    name = schema.config.name_converter.from_argument(argument)
    return name, argument.python_name, _converter(schema, argument.type, ())


def _converter(schema: strawberry.Schema, kind: Any, within: tuple[type, ...]) -> Convert | None:
    """The conversion that `strawberry.types.arguments.convert_argument` does for that type; None if none."""
    if isinstance(kind, StrawberryMaybe):
        raise Unknown
    if isinstance(kind, StrawberryOptional):
        return _converter(schema, kind.of_type, within)
    if isinstance(kind, StrawberryList):
        return _list_converter(_converter(schema, kind.of_type, within))
    if has_enum_definition(kind) or isinstance(kind, StrawberryEnumDefinition):
        return None
    definition = get_object_definition(kind)
    if definition is not None:
        if definition.from_input is not None or not definition.is_input or kind in within:
            raise Unknown
        return _object_converter(schema, kind, (*within, kind))
    # Scalars are passed on as parsed.
    if kind in _BUILT_IN or kind in schema.config.scalar_map:
        return None
    raise Unknown


def _list_converter(convert: Convert | None) -> Convert:
    def items(value: Any) -> Any:
        if value is None or value is strawberry.UNSET:
            return value
        return list(value) if convert is None else [convert(item) for item in value]

    return items


def _object_converter(schema: strawberry.Schema, kind: type, within: tuple[type, ...]) -> Convert:
    definition = get_object_definition(kind, strict=True)
    absent = {field.python_name: None for field in definition.fields if not _has_default(field)}
    fields = [
        (
            schema.config.name_converter.from_field(field),
            field.python_name,
            _converter(schema, field.resolve_type(type_definition=definition), within),
        )
        for field in definition.fields
    ]

    def convert_object(value: Any) -> Any:
        if value is None or value is strawberry.UNSET:
            return value
        found = dict(absent)
        for name, python_name, convert in fields:
            if name in value:
                part = value[name]
                found[python_name] = part if convert is None else convert(part)
        return kind(**found)

    return convert_object


def _has_default(field: StrawberryField) -> bool:
    missing = dataclasses.MISSING
    return field.default_value is not missing or field.default_factory is not missing
