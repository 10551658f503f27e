"""Text that people type: every script is welcome, nothing invisible is."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors, text

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

HOSTILE = {
    "NUL": "a\x00b",
    "escape": "a\x1b[31mb",
    "new line": "a\nb",
    "tab": "a\tb",
    "C1 control": "a\x85b",
    "left-to-right mark": "a\u200eb",
    "right-to-left override": "a\u202eb",
    "right-to-left isolate": "a\u2067b",
    "arabic letter mark": "a\u061cb",
    "zero width space": "a\u200bb",
    "word joiner": "a\u2060b",
    "byte order mark": "a\ufeffb",
    "soft hyphen": "a\u00adb",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "private use": "a\ue000b",
    "lone surrogate": "a\ud800b",
    "noncharacter": "a\uffffb",
    "unassigned": "a\u0378b",
    "hangul filler": "a\u3164b",
    "braille blank": "a\u2800b",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_cannot_be_seen_is_refused_in_names_and_notes(hostile: str) -> None:
    with pytest.raises(errors.InvalidInput, match="control or invisible") as refusal:
        text.clean_name(hostile)
    assert refusal.value.fields[0].path == ("name",)
    with pytest.raises(errors.InvalidInput, match="control or invisible") as refusal:
        text.clean_note(hostile)
    assert refusal.value.fields[0].path == ("note",)


@pytest.mark.parametrize(
    "name",
    [
        "User Alpha",
        "O’Brien-Смирнова",
        "Владимир",
        "נועה לוי",
        "محمد",
        "نام‌خانوادگی",
        "क्‍ष",
        "李小龍",
        "Nguyễn Thị Ánh",
        "👩‍👩‍👧‍👦",
        "👍🏽",
        "1️⃣",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        # Unicode 15 and 16: newer than the tables of the oldest supported Python.
        "\U0001fae8",
        "\U0001fae9",
        "X Æ A-12",
        "50%_off",
        "Robert'); DROP TABLE users;--",
    ],
)
def test_every_script_and_emoji_is_welcome(name: str) -> None:
    assert text.clean_name(name) == unicodedata.normalize("NFC", name)
    assert text.clean_note(name) == unicodedata.normalize("NFC", name)


def test_names_are_stored_composed_and_with_single_spaces() -> None:
    assert text.clean_name("  Zoe\u0308 \u00a0\u3000 Ba\u0308r ") == "Zoë Bär"


@pytest.mark.parametrize("name", ["", " ", "\u00a0\u3000", "\u200d", "\u0301", "\ufe0f"])
def test_a_name_that_shows_nothing_is_empty(name: str) -> None:
    with pytest.raises(errors.InvalidInput, match="is empty"):
        text.clean_name(name)


def test_a_name_has_at_most_80_characters_as_stored() -> None:
    assert len(text.clean_name("e\u0301" * 80)) == 80
    with pytest.raises(errors.InvalidInput, match="at most 80"):
        text.clean_name("a" * 81)


def test_a_note_has_at_most_140_characters() -> None:
    assert text.clean_note("🎉" * 140) == "🎉" * 140
    with pytest.raises(errors.InvalidInput, match="at most 140"):
        text.clean_note("🎉" * 141)


@pytest.mark.parametrize("note", [None, "", "  "])
def test_an_empty_note_is_none(note: str | None) -> None:
    assert text.clean_note(note) is None


def test_the_refusal_names_the_field_as_the_caller_does() -> None:
    with pytest.raises(errors.InvalidInput) as refusal:
        text.clean_name("", "tokenName", "The token's name")
    assert refusal.value.fields[0].path == ("tokenName",)
    assert refusal.value.message.startswith("The token's name is empty.")


@given(st.text())
def test_what_is_stored_is_stored_alike_again(raw: str) -> None:
    try:
        cleaned = text.clean_note(raw)
    except errors.InvalidInput:
        return
    assert cleaned is None or cleaned.isprintable() or any(c in cleaned for c in "\u200c\u200d")
    if cleaned is not None and len(cleaned) <= 80:
        assert text.clean_note(cleaned) == cleaned


# ================================================================ searching


@pytest.mark.parametrize(
    ("name", "found_by"),
    [
        ("Zoë", "ZOE"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("ﬁnance", "FIN"),
        ("Ｆｕｌｌ　width", "full width"),
        ("Nguyễn", "nguyen"),
        ("שָׁלוֹם", "שלום"),
        ("Владимир", "владимир"),
        ("Σίσυφος", "ΣΙΣΥΦΟΣ"),
        ("Ana  María", "ana maria"),
    ],
)
def test_people_are_found_whatever_the_case_and_the_marks(name: str, found_by: str) -> None:
    assert text.search_text(found_by) in text.search_text(name)


@given(st.text())
def test_search_text_is_a_fixed_point(raw: str) -> None:
    once = text.search_text(raw)
    assert text.search_text(once) == once


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_search_text_does_not_depend_on_how_a_text_is_composed(raw: str, form: Form) -> None:
    assert text.search_text(unicodedata.normalize(form, raw)) == text.search_text(raw)


# ================================================================ instants


def test_instants_are_in_utc_with_six_decimals() -> None:
    berlin = timezone(timedelta(hours=1))
    assert (
        text.rfc3339(datetime(2026, 11, 22, 9, 30, tzinfo=berlin)) == "2026-11-22T08:30:00.000000Z"
    )
    assert (
        text.rfc3339(datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC))
        == "2026-11-22T08:30:00.123456Z"
    )
