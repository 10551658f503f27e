"""Keyset pagination: the requested page, and its contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from domain import errors

DEFAULT_SIZE = 20
MAXIMUM_SIZE = 100

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page: `size` items after or before a cursor's position; from the end if `backward`."""

    size: int = DEFAULT_SIZE
    after: str | None = None
    before: str | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A page's items in the order of the list, and whether there is more on either side.

    If a search examines a limited number of rows per page, a page may end before it is full: further items
    are then found by continuing from `end` (backwards from `start`) instead of from an item.
    """

    items: Sequence[Item]
    has_next: bool = False
    has_previous: bool = False
    #: Positions to continue from, if they are not those of the first and the last item.
    start: str | None = None
    end: str | None = None


def page_request(
    first: int | None, after: str | None, last: int | None = None, before: str | None = None
) -> PageRequest:
    """The requested page, as specified by Relay's cursor connections.

    Raises BadUserInput for `first` together with `last`, or for a size that is not 0 to 100.
    """
    if first is not None and last is not None:
        raise errors.BadUserInput("Give `first` or `last`, not both.")
    name, size = ("last", last) if last is not None else ("first", first)
    if size is None:
        size = DEFAULT_SIZE
    if not 0 <= size <= MAXIMUM_SIZE:
        raise errors.BadUserInput(f"`{name}` takes a number from 0 to {MAXIMUM_SIZE}.")
    return PageRequest(size=size, after=after, before=before, backward=last is not None)
