"""Text that people type: what is accepted, how it is stored, and how it is searched."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from domain import errors

NAME_MAXIMUM_CHARACTERS = 80
NOTE_MAXIMUM_CHARACTERS = 140

# Marks, embeddings, overrides and isolates of the Unicode bidirectional algorithm (UAX #9): invisible,
# and able to make a text read as another.
_BIDIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# Control, surrogate, private, unassigned, and the line and paragraph separators.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters by category that show nothing at all: names could be blank, or alike, by them.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_INVISIBLE = _BIDIRECTIONAL | _BLANK_LETTERS
# Joiners are part of emoji and of several scripts; tags spell out flags; other format characters hide.
_JOINERS = frozenset("\u200c\u200d")


def _is_unprintable(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cf":
        is_tag = "\U000e0020" <= character <= "\U000e007f"
        return character not in _JOINERS and not is_tag
    if category == "Cn" and "\U0001f000" <= character <= "\U0001faff":
        # The blocks of emoji: one that is younger than this Python's tables has no category yet.
        return False
    return category in _REFUSED_CATEGORIES or character in _INVISIBLE


def _clean(text: str, path: str, what: str) -> str:
    if any(_is_unprintable(character) for character in text):
        raise errors.invalid(
            path, f"{what} has a control or invisible character in it. Remove it and try again."
        )
    return " ".join(unicodedata.normalize("NFC", text).split())


def clean_name(name: str, path: str = "name", what: str = "The name") -> str:
    """The name as it is stored: NFC, single spaces, 1 to 80 characters.

    Raises InvalidInput for an empty or too long one, and for control, bidirectional and other
    invisible characters.
    """
    cleaned = _clean(name, path, what)
    # "Cn" has only young emoji left in it here.
    if not any(
        unicodedata.category(c)[0] in "LNSP" or unicodedata.category(c) == "Cn" for c in cleaned
    ):
        raise errors.invalid(path, f"{what} is empty. Type at least one letter.")
    if len(cleaned) > NAME_MAXIMUM_CHARACTERS:
        raise errors.invalid(path, f"{what} takes at most {NAME_MAXIMUM_CHARACTERS} characters.")
    return cleaned


def clean_note(note: str | None) -> str | None:
    """The note as it is stored, None where it is empty. Raises InvalidInput as `clean_name` does."""
    if note is None:
        return None
    cleaned = _clean(note, "note", "The note")
    if len(cleaned) > NOTE_MAXIMUM_CHARACTERS:
        raise errors.invalid(
            "note", f"The note takes at most {NOTE_MAXIMUM_CHARACTERS} characters."
        )
    return cleaned or None


def search_text(text: str) -> str:
    """What is stored to be searched, and what a query is turned into before it is compared.

    Compatibility decomposition (NFKD) with the marks stripped, casefolded, single spaces: "Zoë" and
    "ZOE" are the same to it.
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Cc", "Cf", "Cs"))
    return " ".join(bare.casefold().split())


def rfc3339(instant: datetime) -> str:
    """The instant in UTC as RFC 3339 with microseconds: "2026-11-22T08:30:00.123456Z"."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
