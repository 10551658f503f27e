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
#: The answer to a selection on an object: a dictionary, or a coroutine if a field awaits. Errors that the
#: object may not contain are raised, as located GraphQLErrors.
Answer = Callable[[Executor[Any], Any, Position], Any]
#: The answers for objects of the classes that were completed before.
Known = dict[type, Answer]
#: The value of a field before completion; may be an awaitable.
Resolve = Callable[[Executor[Any], Any, Position], Any]
#: Adds an error at a position to those of the response, or raises it if the position may not be null.
Fail = Callable[[Executor[Any], Exception, Position], None]
#: The parts of an object or a list that have begun and are awaited, by their keys.
Begun = list[tuple[Any, Awaitable[Any]]]
#: Completes a part of an object or a list, which it adds to those that have begun if it is not ready. Errors
#: are added to those of the response, or raised, as by `Fail`.
Guarded = Callable[[Executor[Any], Any, Position, Begun], Any]

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


class LateInfo:
    """What a resolver is told about its field, put together on demand: most want nothing but the context."""

    __slots__ = ("_field", "_info", "_position", "_run", "context")

    def __init__(self, run: Executor[Any], field: Field, position: Position) -> None:
        self.context = run.context_value
        self._run = run
        self._field = field
        self._position = position
        self._info: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._info is None:
            self._info = self._field.info(self._run, self._position)
        return getattr(self._info, name)


# ================================================================ errors and awaiting


def remember(known: Known, value: object, answer: Answer) -> None:
    """Answer in this way for all further objects of the class of that one."""
    if type(value) not in (GeneratorType, CoroutineType):
        known[type(value)] = answer


def failing(kind: GraphQLOutputType, details: FieldDetailsList) -> Fail:
    """What becomes of an error in a value of that type: null, unless the type is non-null."""

    def fail(run: Executor[Any], error: Exception, position: Position) -> None:
        path = path_of(position)
        assert path is not None
        run.handle_field_error(error, kind, details, path)

    return fail


def waiting(fail: Fail) -> Guarded:
    """Await the parts of an object, at a position where an error may become null."""

    async def wait(run: Executor[Any], value: Awaitable[Any], position: Position) -> Any:
        try:
            return await value
        except Exception as error:
            return fail(run, error, position)

    def begin(run: Executor[Any], value: Any, position: Position, begun: Begun) -> Any:
        assert position is not None
        completed = wait(run, value, position)
        begun.append((position[1], completed))
        return completed

    return begin


def guarded(fail: Fail, complete: Complete, known: Known) -> Guarded:
    """Complete a value that may be awaitable, at a position where an error may become null."""

    async def wait(run: Executor[Any], value: Awaitable[Any], position: Position) -> Any:
        try:
            ready = await value
            answer = known.get(type(ready))
            if answer is None or hasattr(ready, TYPE_CAST_ATTRIBUTE):
                answer = complete
            completed = answer(run, ready, position)
            return await completed if type(completed) is CoroutineType else completed
        except Exception as error:
            return fail(run, error, position)

    begin = waiting(fail)

    def complete_guarded(run: Executor[Any], value: Any, position: Position, begun: Begun) -> Any:
        try:
            answer = known.get(type(value))
            if answer is None or hasattr(value, TYPE_CAST_ATTRIBUTE):
                answer = complete
            if answer is complete and type(value) not in _not_awaitable and _is_awaitable(value):
                completed = wait(run, value, position)
            else:
                completed = answer(run, value, position)
                if type(completed) is CoroutineType:
                    return begin(run, completed, position, begun)
                return completed
        except Exception as error:
            return fail(run, error, position)
        assert position is not None
        begun.append((position[1], completed))
        return completed

    return complete_guarded


def _is_awaitable(value: object) -> bool:
    if is_awaitable(value):
        return True
    if type(value) is not GeneratorType:
        _not_awaitable.add(type(value))
    return False


# ================================================================ objects


async def run_serially(
    answers: Sequence[Answer], run: Executor[Any], source: Any
) -> dict[str, Any]:
    """The root fields of a mutation, executed serially: an answer for each."""
    whole: dict[str, Any] = {}
    for answer in answers:
        part = answer(run, source, None)
        whole |= await part if type(part) is CoroutineType else part
    return whole


async def finish(whole: Any, begun: Begun) -> Any:
    """The object or list, once its parts are ready; the first error cancels the others."""
    if len(begun) == 1:
        ((key, part),) = begun
        whole[key] = await part
        return whole
    ready = await gather_with_cancel(*(part for _, part in begun))
    for (key, _), value in zip(begun, ready, strict=True):
        whole[key] = value
    return whole


def abandon(run: Executor[Any], begun: Begun) -> None:
    """Let parts whose results are not needed run to completion: they have started."""
    if begun:
        run.settle_in_background([part for _, part in begun])


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
    complete_one = guarded(failing(item_type, field.details), complete_item, known)

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
        begun: Begun = []
        items = iter(value)
        try:
            for index, item in enumerate(items):
                answer.append(complete_one(run, item, (position, index, None), begun))
        except Exception:
            left = collect_iterator_awaitables(items, is_awaitable)
            abandon(run, [*begun, *((None, item) for item in left)])
            raise
        return finish(answer, begun) if begun else answer

    return complete_list
