"""Compiles one field: where its value comes from, and how the value becomes a part of the result."""

from __future__ import annotations

import enum
from collections.abc import Callable
from keyword import iskeyword
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
from graphql_server.compiled.run import (
    Answer,
    Complete,
    Field,
    Known,
    LateInfo,
    Position,
    Resolve,
)
from graphql_server.compiled.variables import Unknown
from graphql_server.compiled.writing import Constant, Leaf, Part

#: The answer to the selection below a field, for the type of its value.
Below = Callable[[GraphQLObjectType], Answer]

_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
_RESOLVED = "read{n}(run, source, {place})"
#: Leaves whose values of exactly this class are in the result unchanged.
_UNCHANGED: dict[object, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


def part(
    schema: strawberry.Schema | None, field: Field, below: Below, *, hide_suggestions: bool
) -> Part | Constant:
    """How the field is answered; `schema` if the types are Strawberry's."""
    kind = field.definition.type
    if field.definition is introspection.TypeNameMetaFieldDef:
        return Constant(field.name, field.parent.name)
    known: Known = {}
    expression, read = _reading(schema, field, hide_suggestions)
    fail = run.failing(kind, field.details)
    return Part(
        key=field.name,
        parent=field.parent.name,
        expression=expression,
        read=read,
        fail=fail,
        complete=run.guarded(fail, _complete(field, kind, below, known), known),
        wait=run.waiting(fail),
        known=known,
        is_nullable=not isinstance(kind, GraphQLNonNull),
        leaf=_leaf(kind),
    )


# ================================================================ reading


def _reading(
    schema: strawberry.Schema | None, field: Field, hide_suggestions: bool
) -> tuple[str, Callable[..., Any] | None]:
    """The expression for the value of the field (`writing.Part`), and the function that it calls."""
    defined = field.definition.extensions.get(_DEFINITION)
    if schema is not None and isinstance(defined, StrawberryField):
        if defined.is_subscription:
            # The value is what the stream yields.
            return "source", None
        if _is_simple(schema, defined):
            try:
                return _simple_reading(schema, field, defined, hide_suggestions)
            except Unknown:
                pass
    return _RESOLVED, _resolve(field, hide_suggestions)


def _is_simple(schema: strawberry.Schema, defined: StrawberryField) -> bool:
    """Whether nothing is called but its resolver."""
    return (
        type(defined) is StrawberryField
        and not defined.extensions
        and not schema.schema_converter.exception_handlers
    )


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


def _simple_reading(
    schema: strawberry.Schema, field: Field, defined: StrawberryField, hide_suggestions: bool
) -> tuple[str, Callable[..., Any] | None]:
    """The effect of Strawberry's wrappers, determined in advance. Raises Unknown."""
    resolver = defined.base_resolver
    if resolver is None:
        name = defined.python_name
        if defined.default_resolver is not getattr or not name.isidentifier() or iskeyword(name):
            raise Unknown
        return f"source.{name}", None
    call: Any = resolver.wrapped_func
    if not callable(call):
        raise Unknown
    takes_self = resolver.self_parameter is not None
    sources = [p.name for p in (resolver.parent_parameter, resolver.root_parameter) if p]
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    if takes_self and not (defined.arguments or sources or info_name):
        return "read{n}(source)", call
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
            raw_info: Any = LateInfo(running, field, position)
            named[info_name] = info_class(_raw_info=raw_info, _field=defined)
        return call(source, **named) if takes_self else call(**named)

    return _RESOLVED, resolve


# ================================================================ leaves


def _leaf(kind: GraphQLOutputType) -> Leaf | None:
    """The usual values of a type; None unless it is that of a leaf."""
    leaf: Any = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if not is_leaf_type(leaf):
        return None
    if (unchanged := _UNCHANGED.get(leaf)) is not None:
        return Leaf(unchanged)
    if leaf is GraphQLInt:
        return Leaf(int, _small)
    if type(leaf) is CustomGraphQLEnumType:
        members: list[enum.Enum] = list(leaf.wrapped_cls)
        names = {member: leaf.coerce_output_value(member) for member in members}
        return Leaf(leaf.wrapped_cls, names.get)
    if isinstance(leaf, GraphQLScalarType):
        return Leaf(run.PLAIN, leaf.coerce_output_value)
    return None


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
        answer = below(kind)
        run.remember(known, value, answer)
        return answer(running, value, position)

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
        answer = below(runtime)
        if _is_decided_by_class(kind, runtime, value):
            run.remember(known, value, answer)
        return answer(running, value, position)

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
        completed = below(runtime)(running, value, position)
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
