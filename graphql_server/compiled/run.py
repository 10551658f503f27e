"""Executes compiled fields: common cases directly, rare ones through graphql-core's executor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import CoroutineType, GeneratorType
from typing import Any

from graphql import GraphQLError, GraphQLField, GraphQLObjectType, GraphQLOutputType, Undefined
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import Executor, collect_iterator_awaitables
from graphql.pyutils import Path, gather_with_cancel, is_awaitable, is_iterable
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

#: The position of a value: that of its parent, its key, and the name of the parent type. A tuple, because
#: every object has one; it is converted to graphql-core's Path on demand.
Position = tuple[Any, str | int, str | None] | None
#: Completes a value. The result is a coroutine if it is not ready; errors are raised.
Complete = Callable[[Executor[Any], Any, Position], Any]
#: One field of an object, from the object to its part of the result. Errors of non-null fields are raised,
#: as located GraphQLErrors.
Step = Callable[[Executor[Any], Any, Position], Any]
Steps = Sequence[tuple[str, Step]]
#: The steps for objects of the classes that were completed before.
Known = dict[type, Steps]
#: The value of a field before completion; may be an awaitable.
Resolve = Callable[[Executor[Any], Any, Position], Any]

#: Values of exactly these classes are never awaitable, an error or null.
PLAIN = frozenset({bool, bytes, date, datetime, Decimal, dict, float, int, list, str, tuple})
#: Classes whose objects were found not to be awaitable: which are is decided by the class, except for
#: generators.
_not_awaitable: set[type] = {*PLAIN, type(None)}


class Field:
    """A field of the result, for one type."""

    __slots__ = ("definition", "details", "name", "parent")

    def __init__(
        self,
        name: str,
        parent: GraphQLObjectType,
        definition: GraphQLField,
        details: FieldDetailsList,
    ) -> None:
        #: Its key in the response.
        self.name = name
        self.parent = parent
        self.definition = definition
        self.details = details

    @property
    def field_name(self) -> str:
        """Its name in the type."""
        return self.details[0].node.name.value

    def info(self, run: Executor[Any], position: Position) -> Any:
        """The position that resolvers are given: that of the field, even for an item of a list."""
        path = path_of(position)
        while path is not None and isinstance(path.key, int):
            path = path.prev
        assert path is not None
        nodes = [detail.node for detail in self.details]
        return run.build_resolve_info(self.definition, nodes, self.parent, path)


def path_of(position: Position) -> Path | None:
    """The position as graphql-core's Path."""
    if position is None:
        return None
    before, key, typename = position
    return Path(path_of(before), key, typename)


# ================================================================ fields


def attribute_step(
    field: Field,
    get: Callable[[Any], Any],
    complete: Complete,
    known: Known,
    leaf: tuple[frozenset[type], Any],
) -> Step:
    """A field that is an attribute.

    A leaf of one of the classes in `leaf` is serialized directly by its function, or is unchanged.
    """
    passes, serialise = leaf
    resolved = _resolved(field, complete, known)
    name, typename = field.name, field.parent.name

    def step(run: Executor[Any], source: Any, parent: Position) -> Any:
        try:
            value = get(source)
            if type(value) in passes:
                if serialise is None:
                    return value
                serialised = serialise(value)
                if serialised is not None and serialised is not Undefined:
                    return serialised
        except Exception as error:
            return _fail(run, field, error, (parent, name, typename))
        return resolved(run, value, (parent, name, typename))

    return step


def resolver_step(field: Field, resolve: Resolve, complete: Complete, known: Known) -> Step:
    """A field that is resolved by a function."""
    resolved = _resolved(field, complete, known)
    name, typename = field.name, field.parent.name

    def step(run: Executor[Any], source: Any, parent: Position) -> Any:
        position = (parent, name, typename)
        try:
            value = resolve(run, source, position)
        except Exception as error:
            return _fail(run, field, error, position)
        return resolved(run, value, position)

    return step


def constant_step(value: Any) -> Step:
    """A constant field, such as `__typename` of an object type."""
    return lambda _run, _source, _parent: value


def remember(known: Known, value: object, steps: Steps) -> None:
    """Run these steps for all further objects of the class of that one."""
    if type(value) not in (GeneratorType, CoroutineType):
        known[type(value)] = steps


def _resolved(field: Field, complete: Complete, known: Known) -> Complete:
    """Complete the value of a field; its errors are handled here, or raised if it is non-null."""
    return _guarded(field.definition.type, field.details, complete, known)


def _guarded(
    kind: GraphQLOutputType, details: FieldDetailsList, complete: Complete, known: Known
) -> Complete:
    """Complete a value of that type at a position where an error may become null."""

    def fail(run: Executor[Any], error: Exception, position: Position) -> None:
        path = path_of(position)
        assert path is not None
        run.handle_field_error(error, kind, details, path)

    async def finish(run: Executor[Any], completed: Awaitable[Any], position: Position) -> Any:
        try:
            return await completed
        except Exception as error:
            return fail(run, error, position)

    async def wait(run: Executor[Any], value: Awaitable[Any], position: Position) -> Any:
        try:
            completed = complete(run, await value, position)
            if type(completed) is CoroutineType:
                completed = await completed
        except Exception as error:
            return fail(run, error, position)
        return completed

    def guarded(run: Executor[Any], value: Any, position: Position) -> Any:
        try:
            steps = known.get(type(value))
            if steps is not None and not hasattr(value, TYPE_CAST_ATTRIBUTE):
                completed = run_fields(steps, run, value, position)
            elif type(value) not in _not_awaitable and _is_awaitable(value):
                return wait(run, value, position)
            else:
                completed = complete(run, value, position)
        except Exception as error:
            return fail(run, error, position)
        if type(completed) is CoroutineType:
            return finish(run, completed, position)
        return completed

    return guarded


def _is_awaitable(value: object) -> bool:
    if is_awaitable(value):
        return True
    if type(value) is not GeneratorType:
        _not_awaitable.add(type(value))
    return False


def _fail(run: Executor[Any], field: Field, error: Exception, position: Position) -> None:
    path = path_of(position)
    assert path is not None
    run.handle_field_error(error, field.definition.type, field.details, path)


# ================================================================ objects


def run_fields(steps: Steps, run: Executor[Any], source: Any, position: Position) -> Any:
    """The fields of an object; those that await run concurrently."""
    answer: dict[str, Any] = {}
    waiting: list[str] = []
    try:
        for name, step in steps:
            value = answer[name] = step(run, source, position)
            if type(value) is CoroutineType:
                waiting.append(name)
    except Exception:
        if waiting:
            # They have started, so they run to completion although their results are unused.
            run.settle_in_background([answer[name] for name in waiting])
        raise
    return _wait_for(answer, waiting) if waiting else answer


async def run_serially(steps: Steps, run: Executor[Any], source: Any) -> dict[str, Any]:
    """The root fields of a mutation, executed serially."""
    answer: dict[str, Any] = {}
    for name, step in steps:
        value = step(run, source, None)
        answer[name] = await value if type(value) is CoroutineType else value
    return answer


async def _wait_for(answer: Any, waiting: list[Any]) -> Any:
    """The object or list, once its parts are ready; the first error cancels the others."""
    if len(waiting) == 1:
        answer[waiting[0]] = await answer[waiting[0]]
        return answer
    ready = await gather_with_cancel(*(answer[key] for key in waiting))
    for key, value in zip(waiting, ready, strict=True):
        answer[key] = value
    return answer


# ================================================================ values


def nullable(complete: Complete) -> Complete:
    """Null is unchanged; an exception that was returned instead of raised is raised."""

    def complete_nullable(run: Executor[Any], value: Any, position: Position) -> Any:
        if value is None or value is Undefined:
            return None
        if isinstance(value, Exception):
            raise value
        return complete(run, value, position)

    return complete_nullable


def required(field: Field, complete: Complete) -> Complete:
    """A value that may not be null; like `nullable` otherwise."""

    def complete_required(run: Executor[Any], value: Any, position: Position) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is not None and value is not Undefined:
            completed = complete(run, value, position)
            if completed is not None:
                return completed
        raise TypeError(
            f"Cannot return null for non-nullable field {field.parent}.{field.field_name}."
        )

    return complete_required


def listed(
    field: Field, item_type: GraphQLOutputType, complete_item: Complete, known: Known
) -> Complete:
    """A list; an item with an error is null if it is nullable."""
    guarded = _guarded(item_type, field.details, complete_item, known)

    def complete_list(run: Executor[Any], value: Any, position: Position) -> Any:
        if type(value) is not list:
            if hasattr(value, "__aiter__"):
                path = path_of(position)
                assert path is not None
                info = field.info(run, position)
                return run.complete_async_iterator_value(
                    item_type, field.details, info, path, value.__aiter__(), None
                )
            if not is_iterable(value):
                raise GraphQLError(
                    "Expected Iterable, but did not find one for field"
                    f" '{field.parent}.{field.field_name}'."
                )
        answer: list[Any] = []
        waiting: list[int] = []
        items = iter(value)
        try:
            for index, item in enumerate(items):
                completed = guarded(run, item, (position, index, None))
                if type(completed) is CoroutineType:
                    waiting.append(index)
                answer.append(completed)
        except Exception:
            begun = [answer[index] for index in waiting]
            if begun := begun + collect_iterator_awaitables(items, is_awaitable):
                run.settle_in_background(begun)
            raise
        return _wait_for(answer, waiting) if waiting else answer

    return complete_list
