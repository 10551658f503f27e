"""Text that users enter: every script is accepted, invisible characters are not."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors, text

#: What people type and paste, and what becomes of it; the client's tests read it too.
TYPED = json.loads(Path(__file__).with_name("typed.json").read_text("utf-8"))

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

HOSTILE = {
    "NUL": "a\x00b",
    "escape": "a\x1b[31mb",
    "information separator": "a\x1cb",
    "C1 control": "a\x9bb",
    "interlinear annotation": "a\ufff9b",
    "arabic number sign": "a\u0600b",
    "private use": "a\ue000b",
    "lone surrogate": "a\ud800b",
    "noncharacter": "a\uffffb",
    "unassigned": "a\u0378b",
    "hangul filler": "a\u3164b",
    "braille blank": "a\u2800b",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_text_is_refused_in_names_and_notes(hostile: str) -> None:
    with pytest.raises(errors.InvalidInput, match="control or invisible") as refusal:
        text.clean_name(hostile)
    assert refusal.value.fields[0].path == ("name",)
    with pytest.raises(errors.InvalidInput, match="control or invisible") as refusal:
        text.clean_note(hostile)
    assert refusal.value.fields[0].path == ("note",)


@pytest.mark.parametrize(("typed", "stored"), TYPED["texts"])
def test_line_breaks_become_spaces_and_invisible_characters_are_dropped(
    typed: str, stored: str
) -> None:
    assert text.clean_name(typed) == text.clean_note(typed) == stored
    assert text.clean_name(stored) == stored


@pytest.mark.parametrize("nothing", ["\u200b", "\u202e\u2066", "\n\t\u2028", "\u00ad \ufeff"])
def test_a_text_of_invisible_characters_is_empty(nothing: str) -> None:
    assert text.clean_note(nothing) is None
    with pytest.raises(errors.InvalidInput, match="is empty"):
        text.clean_name(nothing)


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
        *TYPED["found_by"],
    ],
)
def test_users_are_found_whatever_the_case_and_the_marks(name: str, found_by: str) -> None:
    assert text.search_text(found_by) in text.search_text(name)


def test_every_letter_with_a_stroke_or_hook_is_found_by_the_plain_one() -> None:
    # Of Unicode 3.2, which every Python has the tables of.
    for code in range(0x80, 0x20000):
        name = unicodedata.name(chr(code), "")
        match = re.match(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z]) WITH (?!.* AND .* LETTER)", name)
        if match and unicodedata.ucd_3_2_0.category(chr(code)) != "Cn":
            assert text.search_text(chr(code))[:1] == match[1].lower(), name


def test_plain_ascii_is_searched_as_it_is() -> None:
    printable = "".join(map(chr, range(0x21, 0x7F)))
    assert text.search_text(printable) == printable.lower()


def test_line_breaks_and_invisible_characters_do_not_keep_a_text_from_being_found() -> None:
    assert text.search_text("an\u00adna\u200b\tmaria\n") == "anna maria"


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


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2, minutes=30))])))
def test_instants_have_microseconds_and_end_in_z(instant: datetime) -> None:
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        return
    for each in (instant, instant.replace(microsecond=0)):
        expected = each.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        assert text.rfc3339(each) == f"{expected}Z"
    assert datetime.fromisoformat(text.rfc3339(instant)) == utc
