"""Writes the function that answers a selection: Python source, put together from the parts of its fields.

For `{ id createdAt counterparty { name } }` on a Transaction it is, but for the numbers in its names:

    def answer(run, source, at):
        begun = []
        try:
            try:
                value = source.id
                if type(value) is not usual:
                    value = complete(run, value, (at, 'id', 'Transaction'), begun)
            except Exception as error:
                value = fail(run, error, (at, 'id', 'Transaction'))
            try:
                value = source.created_at
                leaf = serialize(value) if type(value) in usual else None
                if leaf is not None and leaf is not Undefined:
                    value = leaf
                else:
                    value = complete(…)
            except …
            try:
                value = source.counterparty
                answer = known.get(type(value))
                if answer is not None and not hasattr(value, cast):
                    value = answer(run, value, (at, 'counterparty', 'Transaction'))
                    if type(value) is Coroutine:
                        value = wait(…)
                elif value is not None:
                    value = complete(…)
            except …
        except Exception:
            abandon(run, begun)
            raise
        answer = {'id': value, 'createdAt': value, 'counterparty': value}
        return finish(answer, begun) if begun else answer

What is usual is decided in place, without a call. Errors, and values of any but the usual classes, are left
to the functions `fail` and `complete` of the field. `known` has, for each class
of objects that occurred before, the function that answers them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, CoroutineType
from typing import Any

from graphql import Undefined
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from graphql_server.compiled.run import Answer, Fail, Guarded, Known, abandon, finish

#: Longer source is compiled each time: it seldom occurs twice.
_KEPT_CHARACTERS = 8_000
_COMMON: Mapping[str, Any] = {
    "Coroutine": CoroutineType,
    "Undefined": Undefined,
    "abandon": abandon,
    "cast": TYPE_CAST_ATTRIBUTE,
    "finish": finish,
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """The usual values of a leaf: those of exactly this class, or of one of these."""

    usual: type | frozenset[type]
    #: Makes them parts of the result, except where it returns None or Undefined. None if they are already.
    serialize: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What the function does for one field."""

    #: Its key in the response.
    key: str
    #: The name of the type that is selected from.
    parent: str
    #: The expression for its value before completion. It may use `source`, the object, `run`, `place`, the
    #: position of the field, and `read`.
    expression: str
    #: A function that the expression calls.
    read: Callable[..., Any] | None
    fail: Fail
    complete: Guarded
    #: Awaits the parts of an object that a function of `known` has begun.
    wait: Guarded
    known: Known
    is_nullable: bool
    #: None for what is no leaf, and for leaves of which no value is usual.
    leaf: Leaf | None


@dataclass(frozen=True, slots=True)
class Constant:
    """A field with the same value in each object, such as `__typename`."""

    key: str
    value: str


def write(parts: Sequence[Part | Constant]) -> Answer:
    """The function that answers a selection of these fields."""
    names = dict(_COMMON)
    for number, part in enumerate(parts):
        if isinstance(part, Part):
            names |= {f"{name}{number}": used for name, used in _names(part).items()}
    # All that a request contributes to the text are the keys of fields, which are names in GraphQL.
    exec(_code(text(parts)), names)  # noqa: S102
    answer: Answer = names["answer"]
    return answer


def _code(source: str) -> CodeType:
    """Compiling takes nine tenths of the time, and documents often have the same selections."""
    return _kept_code(source) if len(source) <= _KEPT_CHARACTERS else _new_code(source)


def _new_code(source: str) -> CodeType:
    return compile(source, "<selection>", "exec")


_kept_code = lru_cache(maxsize=512)(_new_code)


def _names(part: Part) -> dict[str, Any]:
    """What the text calls the field's functions and classes, without its number."""
    names: dict[str, Any] = {"read": part.read, "fail": part.fail, "complete": part.complete}
    if part.leaf is None:
        names |= {"known": part.known, "wait": part.wait}
    else:
        names |= {"usual": part.leaf.usual, "serialize": part.leaf.serialize}
    return names


def text(parts: Sequence[Part | Constant]) -> str:
    """The source of that function."""
    items = []
    lines = ["def answer(run, source, at):", "    begun = []", "    try:", "        pass"]
    for number, part in enumerate(parts):
        if isinstance(part, Part):
            lines += [f"        {line}" for line in _field(part, number)]
            items.append(f"{part.key!r}: value{number}")
        else:
            items.append(f"{part.key!r}: {part.value!r}")
    lines += [
        "    except Exception:",
        "        abandon(run, begun)",
        "        raise",
        f"    answer = {{{', '.join(items)}}}",
        "    return finish(answer, begun) if begun else answer",
    ]
    return "\n".join(lines)


def _field(part: Part, n: int) -> Iterator[str]:
    place = f"(at, {part.key!r}, {part.parent!r})"
    leaf, unusual, word = part.leaf, [], "if"
    yield "try:"
    yield f"    value{n} = {part.expression.format(n=n, place=place)}"
    if part.is_nullable:
        unusual.append(f"value{n} is not None")
    if leaf is None:
        word = "elif"
        yield f"    answer{n} = known{n}.get(type(value{n}))"
        yield f"    if answer{n} is not None and not hasattr(value{n}, cast):"
        yield f"        value{n} = answer{n}(run, value{n}, {place})"
        yield f"        if type(value{n}) is Coroutine:"
        yield f"            value{n} = wait{n}(run, value{n}, {place}, begun)"
    else:
        is_usual = f"type(value{n}) {'is' if isinstance(leaf.usual, type) else 'in'} usual{n}"
        if leaf.serialize is None:
            unusual.append(f"not {is_usual}")
        else:
            word = "elif"
            yield f"    leaf{n} = serialize{n}(value{n}) if {is_usual} else None"
            yield f"    if leaf{n} is not None and leaf{n} is not Undefined:"
            yield f"        value{n} = leaf{n}"
    yield f"    {word} {' and '.join(unusual) or 'True'}:"
    yield f"        value{n} = complete{n}(run, value{n}, {place}, begun)"
    yield "except Exception as error:"
    yield f"    value{n} = fail{n}(run, error, {place})"
