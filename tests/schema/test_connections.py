"""Cursors are opaque, and valid only for their own list."""

from __future__ import annotations

import base64

import pytest

from domain import errors, paging
from schema import connections


@pytest.mark.parametrize("position", ["7", "0:maria:0190", "zoë ☂", "a:b:c"])
def test_a_cursor_says_its_position_again(position: str) -> None:
    cursor = connections.cursor_of("people", position)
    assert connections.read_cursor(cursor, "people") == position


@pytest.mark.parametrize(
    "cursor",
    [
        "", "=", "7", "%%%", "é", "\x00", "a" * 5000,
        base64.b64encode(b"people:7\xff").decode(),
        base64.b64encode(b"people").decode(),
        base64.b64encode(b"people:").decode(),
        base64.b64encode(b"other:7").decode(),
        connections.cursor_of("people", "7") + "=",
        connections.cursor_of("people", "7") + "\n",
        connections.cursor_of("transactions", "7"),
    ],
)  # fmt: skip
def test_any_other_text_is_refused(cursor: str) -> None:
    with pytest.raises(errors.BadUserInput, match="cursor"):
        connections.read_cursor(cursor, "people")


def test_an_empty_page_has_no_cursors() -> None:
    info = connections.page_info(paging.Page(items=[], has_previous=True), [], "people")
    assert (info.start_cursor, info.end_cursor) == (None, None)
    assert (info.has_next_page, info.has_previous_page) == (False, True)
