"""Compiles one field: where its value comes from, and how the value becomes a part of the result."""

from __future__ import annotations

import enum
from collections.abc import Callable
from operator import attrgetter
from types import CoroutineType
from typing import Any

import strawberry
from graphql import (
    GraphQLBoolean,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
    GraphQLUnionType,
    is_leaf_type,
)
from graphql.execution.executor import Executor, invalid_return_type_error
from graphql.pyutils import is_awaitable
from graphql.type import introspection
from graphql.type.scalars import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT
from strawberry.schema.schema_converter import CustomGraphQLEnumType, GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.cast import get_strawberry_type_cast
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

from graphql_server.compiled import arguments, run
from graphql_server.compiled.run import Complete, Field, Known, Position, Resolve, Step, Steps
from graphql_server.compiled.variables import Unknown

#: The steps of the selection below a field, for the type of its value.
Below = Callable[[GraphQLObjectType], Steps]

_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
#: Leaves whose values of exactly this class are in the result unchanged.
_UNCHANGED: dict[object, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


def step(
    schema: strawberry.Schema | None, field: Field, below: Below, *, hide_suggestions: bool
) -> Step:
    """The step that resolves the field; `schema` if the types are Strawberry's."""
    if field.definition is introspection.TypeNameMetaFieldDef:
        return run.constant_step(field.parent.name)
    known: Known = {}
    complete = _complete(field, field.definition.type, below, known)
    if schema is not None and _is_event(field):
        return run.resolver_step(field, lambda _running, event, _position: event, complete, known)
    defined = _strawberry_field(schema, field)
    if schema is not None and defined is not None:
        if defined.base_resolver is None:
            if defined.default_resolver is getattr:
                get = attrgetter(defined.python_name)
                leaf = _leaf(field.definition.type)
                return run.attribute_step(field, get, complete, known, leaf)
        else:
            try:
                resolve = _strawberry_resolve(schema, field, defined, hide_suggestions)
            except Unknown:
                pass
            else:
                return run.resolver_step(field, resolve, complete, known)
    return run.resolver_step(field, _resolve(field, hide_suggestions), complete, known)


# ================================================================ reading


def _strawberry_field(schema: strawberry.Schema | None, field: Field) -> StrawberryField | None:
    """The field's definition, if it is resolved by a plain resolver or an attribute."""
    defined = field.definition.extensions.get(_DEFINITION)
    is_simple = (
        schema is not None
        and not schema.schema_converter.exception_handlers
        and type(defined) is StrawberryField
        and not defined.extensions
    )
    return defined if is_simple else None


def _is_event(field: Field) -> bool:
    """Whether it is a subscription of Strawberry, whose value is what the stream yields."""
    defined = field.definition.extensions.get(_DEFINITION)
    return isinstance(defined, StrawberryField) and defined.is_subscription


def _resolve(field: Field, hide_suggestions: bool) -> Resolve:
    """The resolver of the schema, called as graphql-core does."""
    given = arguments.raw_arguments(
        field.definition, field.details[0].node, hide_suggestions=hide_suggestions
    )
    resolver = field.definition.resolve

    def resolve(running: Executor[Any], source: Any, position: Position) -> Any:
        info = field.info(running, position)
        resolves = resolver or running.field_resolver
        return resolves(source, info, **given(running.variable_values))

    return resolve


def _strawberry_resolve(
    schema: strawberry.Schema, field: Field, defined: StrawberryField, hide_suggestions: bool
) -> Resolve:
    """The effect of Strawberry's wrappers, determined in advance. Raises Unknown."""
    resolver = defined.base_resolver
    assert resolver is not None
    call: Any = resolver.wrapped_func
    if not callable(call):
        raise Unknown
    takes_self = resolver.self_parameter is not None
    sources = [p.name for p in (resolver.parent_parameter, resolver.root_parameter) if p]
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    if takes_self and not (defined.arguments or sources or info_name):
        return lambda _running, source, _position: call(source)
    given = arguments.arguments_of(
        schema,
        defined,
        field.definition,
        field.details[0].node,
        hide_suggestions=hide_suggestions,
    )
    info_class = schema.config.info_class

    def resolve(running: Executor[Any], source: Any, position: Position) -> Any:
        named = given(running.variable_values)
        for name in sources:
            named[name] = source
        if info_name is not None:
            named[info_name] = info_class(_raw_info=field.info(running, position), _field=defined)
        return call(source, **named) if takes_self else call(**named)

    return resolve


# ================================================================ leaves


def _leaf(kind: GraphQLOutputType) -> tuple[frozenset[type], Callable[[Any], Any] | None]:
    """The classes whose values are serialized directly, with the function; None if they are unchanged."""
    leaf: Any = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    unchanged = _UNCHANGED.get(leaf) if is_leaf_type(leaf) else None
    if unchanged is not None:
        return frozenset({unchanged}), None
    if leaf is GraphQLInt:
        return frozenset({int}), _small
    if type(leaf) is CustomGraphQLEnumType:
        members: list[enum.Enum] = list(leaf.wrapped_cls)
        names = {member: leaf.coerce_output_value(member) for member in members}
        return frozenset({leaf.wrapped_cls}), names.get
    if isinstance(leaf, GraphQLScalarType):
        return run.PLAIN, leaf.coerce_output_value
    return frozenset(), None


def _small(value: int) -> int | None:
    return value if GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT else None


# ================================================================ completing


def _complete(field: Field, kind: GraphQLOutputType, below: Below, known: Known) -> Complete:
    if isinstance(kind, GraphQLNonNull):
        return run.required(field, _complete_value(field, kind.of_type, below, known))
    return run.nullable(_complete_value(field, kind, below, known))


def _complete_value(field: Field, kind: Any, below: Below, known: Known) -> Complete:
    """Complete what is not null, of a type that may be null; the classes of objects become known."""
    if isinstance(kind, GraphQLList):
        of_items: Known = {}
        complete_item = _complete(field, kind.of_type, below, of_items)
        return run.listed(field, kind.of_type, complete_item, of_items)
    if isinstance(kind, GraphQLObjectType) and kind.is_type_of is None:
        return _object(kind, below, known)
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
        return _composite(field, kind, below, known)
    return lambda running, value, _position: running.complete_leaf_value(kind, value)


def _object(kind: GraphQLObjectType, below: Below, known: Known) -> Complete:
    """An object of any class."""

    def complete(running: Executor[Any], value: Any, position: Position) -> Any:
        steps = below(kind)
        run.remember(known, value, steps)
        return run.run_fields(steps, running, value, position)

    return complete


def _composite(
    field: Field,
    kind: GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType,
    below: Below,
    known: Known,
) -> Complete:
    """An object whose type has to be determined or confirmed, once per Python class."""

    def complete(running: Executor[Any], value: Any, position: Position) -> Any:
        info = field.info(running, position)
        if isinstance(kind, GraphQLObjectType):
            return as_object(running, value, position, info, kind)
        named = (kind.resolve_type or running.type_resolver)(value, info, kind)
        if is_awaitable(named):
            return wait_for_type(running, value, position, info, named)
        return as_object(running, value, position, info, runtime_type(running, value, info, named))

    def runtime_type(
        running: Executor[Any], value: Any, info: Any, named: Any
    ) -> GraphQLObjectType:
        assert not isinstance(kind, GraphQLObjectType)
        return running.ensure_valid_runtime_type(named, kind, field.details, info, value)

    def as_object(
        running: Executor[Any],
        value: Any,
        position: Position,
        info: Any,
        runtime: GraphQLObjectType,
    ) -> Any:
        if runtime.is_type_of is not None:
            verdict = runtime.is_type_of(value, info)
            if is_awaitable(verdict):
                return wait_for_verdict(running, value, position, runtime, verdict)
            if not verdict:
                raise invalid_return_type_error(runtime, value, field.details)
        steps = below(runtime)
        if _is_decided_by_class(kind, runtime, value):
            run.remember(known, value, steps)
        return run.run_fields(steps, running, value, position)

    async def wait_for_type(
        running: Executor[Any], value: Any, position: Position, info: Any, named: Any
    ) -> Any:
        runtime = runtime_type(running, value, info, await named)
        completed = as_object(running, value, position, info, runtime)
        return await completed if type(completed) is CoroutineType else completed

    async def wait_for_verdict(
        running: Executor[Any],
        value: Any,
        position: Position,
        runtime: GraphQLObjectType,
        verdict: Any,
    ) -> Any:
        if not await verdict:
            raise invalid_return_type_error(runtime, value, field.details)
        completed = run.run_fields(below(runtime), running, value, position)
        return await completed if type(completed) is CoroutineType else completed

    return complete


def _is_decided_by_class(kind: Any, runtime: GraphQLObjectType, value: object) -> bool:
    """Whether Strawberry determines the type from the class alone.

    For a cast object it depends on the cast, for a generic one on its contents.
    """
    if get_strawberry_type_cast(value) is not None:
        return False
    definition = runtime.extensions.get(_DEFINITION)
    if (
        not isinstance(definition, StrawberryObjectDefinition)
        or definition is not get_object_definition(value)
        or definition.is_type_of is not None
        or definition.is_graphql_generic
    ):
        return False
    if isinstance(kind, GraphQLUnionType):
        return isinstance(kind.extensions.get(_DEFINITION), StrawberryUnion)
    if isinstance(kind, GraphQLInterfaceType):
        interface = kind.extensions.get(_DEFINITION)
        return (
            isinstance(interface, StrawberryObjectDefinition)
            and interface.resolve_type is None
            and isinstance(value, interface.origin)
        )
    return True
