"""Handles: their form, and words that are reserved."""

from __future__ import annotations

import pytest

from domain import errors
from domain.people import handles


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("anna", "anna"), ("@Anna.B", "anna.b"), (" \u200e@ANNA_1\n", "anna_1"), ("a..", "a.."),
        ("user.alpha", "user.alpha"), ("a2345678901234567890", "a2345678901234567890"),
    ],
)  # fmt: skip
def test_a_handle_is_stored_in_lower_case_without_the_sign(typed: str, stored: str) -> None:
    assert handles.clean_handle(typed) == stored


@pytest.mark.parametrize(
    "typed",
    ["", "@", "ab", "1ab", ".ab", "_ab", "a" * 21, "an na", "@@anna", "änna", "аnna", "anna\0", "a-b", "ab\n c",
     "ſam", "anna@example.com", "ＡＮＮＡ"],
)  # fmt: skip
def test_another_form_is_refused(typed: str) -> None:
    assert not handles.is_handle(handles.typed(typed))
    with pytest.raises(errors.InvalidInput) as refused:
        handles.clean_handle(typed)
    assert refused.value.fields[0].path == ("handle",)


@pytest.mark.parametrize(
    "typed",
    ["admin", "Support", "ad.min", "_support"[1:] + "_", "adrnin", "supp0rt", "mini.wallet"],
)
def test_reserved_words_are_refused_also_if_they_only_look_like_that(typed: str) -> None:
    with pytest.raises(errors.InvalidInput, match="reserved"):
        handles.clean_handle(typed)


def test_a_search_is_for_handles_if_one_can_begin_like_that() -> None:
    assert handles.searched("@A") == handles.searched("a") == "a"
    assert handles.searched("Anna B") is None
    assert handles.searched("@") is handles.searched("1") is handles.searched("") is None
    assert handles.is_marked(" @a")
    assert not handles.is_marked("a@b")
