"""Paginated lists, as specified by Relay's cursor connections."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import strawberry

from domain import errors, ids, paging


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether there are more items after the page."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether there are items before the page."
    )
    start_cursor: str | None = strawberry.field(
        description=(
            "Continue backwards from here with `before`; null if there is nothing to continue from."
        )
    )
    end_cursor: str | None = strawberry.field(
        description=("Continue from here with `after`; null if there is nothing to continue from.")
    )


_MAXIMUM_CURSOR_CHARACTERS = 2000
_NUMBER_MAXIMUM_DIGITS = 18


def cursor_of(list_name: str, position: str) -> str:
    """An opaque cursor: the name of the list and a position in it."""
    return ids.opaque(f"{list_name}:{position}")


def read_cursor(cursor: str, list_name: str) -> str:
    """The position in a cursor made by `cursor_of`. Raises BadUserInput for anything else."""
    if len(cursor) <= _MAXIMUM_CURSOR_CHARACTERS:
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            plain = ""
        name, _, position = plain.partition(":")
        if name == list_name and position and cursor_of(list_name, position) == cursor:
            return position
    raise errors.BadUserInput("That cursor is not one of this list: take it from an earlier page.")


def read_number(cursor: str | None, list_name: str) -> str | None:
    """The position in the cursor of a list of numbered items. Raises BadUserInput for anything else."""
    if cursor is None:
        return None
    position = read_cursor(cursor, list_name)
    if not (position.isascii() and position.isdigit()) or len(position) > _NUMBER_MAXIMUM_DIGITS:
        raise errors.BadUserInput("This cursor does not belong to this list.")
    return position


def page_info(page: paging.Page[Any], cursors: Sequence[str], list_name: str) -> PageInfo:
    """The page info of a page, given the cursors of its items."""
    start = cursors[0] if cursors else None
    end = cursors[-1] if cursors else None
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=start if page.start is None else cursor_of(list_name, page.start),
        end_cursor=end if page.end is None else cursor_of(list_name, page.end),
    )
