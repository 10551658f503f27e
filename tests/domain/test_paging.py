"""Pages: 20 items by default, at most 100, from either end."""

from __future__ import annotations

import pytest

from domain import errors, paging


def test_a_page_has_twenty_items_unless_told() -> None:
    assert paging.page_request(None, None) == paging.PageRequest(size=20)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_page_is_asked_for_from_either_end(size: int) -> None:
    assert paging.page_request(size, "a") == paging.PageRequest(size=size, after="a")
    backward = paging.PageRequest(size=size, before="b", backward=True)
    assert paging.page_request(None, None, size, "b") == backward


@pytest.mark.parametrize(
    ("first", "last", "named"),
    [(-1, None, "first"), (101, None, "first"), (None, -1, "last"), (None, 2**31 - 1, "last")],
)
def test_a_size_beyond_the_limits_is_refused_by_name(
    first: int | None, last: int | None, named: str
) -> None:
    with pytest.raises(errors.BadUserInput, match=f"`{named}` takes a number from 0 to 100"):
        paging.page_request(first, None, last)


def test_first_and_last_at_once_are_refused() -> None:
    with pytest.raises(errors.BadUserInput, match="not both"):
        paging.page_request(1, None, 1)
