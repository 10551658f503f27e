"""Refusals of runs as they are stored: the kind and the facts, from which the refusal is made again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from domain import errors
from domain.errors import DomainError, FieldError
from domain.ledger import money
from domain.ledger.money import Money


def stored(refusal: DomainError) -> dict[str, Any]:
    """The refusal as JSON."""
    fields = dataclasses.fields(refusal)  # type: ignore[arg-type]
    facts = {each.name: _stored(getattr(refusal, each.name)) for each in fields if each.init}
    return {"kind": type(refusal).__name__, "message": refusal.message, "facts": facts}


def read(found: Mapping[str, Any]) -> DomainError | None:
    """The refusal that was stored; None for one of another release that this one does not know."""
    kinds = {kind.__name__: kind for kind in _kinds(DomainError)}
    try:
        facts = {name: _read(value) for name, value in found["facts"].items()}
        return kinds[found["kind"]](**facts)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _kinds(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def _stored(value: object) -> Any:
    if isinstance(value, Money):
        return {"minor": value.amount_minor, "currency": value.currency.code}
    if isinstance(value, FieldError):
        return {"path": list(value.path), "message": value.message}
    if isinstance(value, list | tuple):
        return [_stored(part) for part in value]
    return value if isinstance(value, str | int | bool | None) else str(value)


def _read(value: Any) -> Any:
    match value:
        case {"minor": minor, "currency": code}:
            return Money(minor, money.currency(code))
        case {"path": path, "message": message}:
            return errors.FieldError(tuple(path), message)
        case list():
            return [_read(part) for part in value]
    return value
