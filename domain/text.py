"""Text that users enter: what is accepted, how it is stored, and how it is searched."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import orjson

from domain import errors

NAME_MAXIMUM_CHARACTERS = 80
NOTE_MAXIMUM_CHARACTERS = 140

# The file lists each replacement with all the characters that it replaces.
_TABLE = Path(__file__).with_name("folding.json").read_bytes()
_FOLDS = {
    ord(character): become
    for become, characters in json.loads(_TABLE).items()
    for character in characters
}
#: The version of `search_text`. Increase it with each change of the rules, so that `./wallet migrate`
#: rewrites the stored texts.
FOLDING = f"2 {hashlib.sha256(_TABLE).hexdigest()[:16]}"
_NOT_SEARCHED = frozenset({"Mn", "Cc", "Cf", "Cs"})

# Format characters that are invisible and have no meaning by themselves: soft hyphens, zero width spaces,
# invisible operators, and the marks, embeddings, overrides and isolates of the Unicode bidirectional
# algorithm (UAX #9), which can make a text look like another. Pasted texts often contain them. The same list
# is in the client's src/lib/text.ts.
_DROPPED = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001]"
)
# Tabs and every kind of line break.
_BREAKS = re.compile("[\t-\r\x85\u2028\u2029]")
# Control, surrogate, private and unassigned.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Cn"})
# Letters by category that are invisible: with them, names could be blank or look alike.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Joiners are part of emoji and of several scripts, and tags are part of flags.
_JOINERS = frozenset("\u200c\u200d")


def without_invisible(text: str) -> str:
    """The text without invisible format characters, and with spaces for its line breaks."""
    return (
        text if text.isascii() and text.isprintable() else _BREAKS.sub(" ", _DROPPED.sub("", text))
    )


def _is_refused(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cf":
        is_tag = "\U000e0020" <= character <= "\U000e007f"
        return character not in _JOINERS and not is_tag
    if category == "Cn" and "\U0001f000" <= character <= "\U0001faff":
        # The blocks of emoji: those newer than this Python's Unicode tables have no category.
        return False
    return category in _REFUSED_CATEGORIES or character in _BLANK_LETTERS


def clean(text: str, path: str | tuple[str, ...], what: str) -> str:
    """The text in NFC with single spaces. Raises InvalidInput as `clean_name` does for characters."""
    text = without_invisible(text)
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    if any(_is_refused(character) for character in text):
        raise errors.invalid(
            path, f"{what} contains a control or invisible character. Remove it and try again."
        )
    return " ".join(unicodedata.normalize("NFC", text).split())


def clean_name(name: str, path: str = "name", what: str = "The name") -> str:
    """The name as it is stored: NFC, single spaces, 1 to 80 characters (code points).

    Line breaks and tabs become spaces; soft hyphens, direction marks and similar characters are removed.
    Raises InvalidInput for an empty or too long name, or for other control and invisible characters.
    """
    cleaned = clean(name, path, what)
    # At this point "Cn" contains only new emoji.
    if not any(
        unicodedata.category(c)[0] in "LNSP" or unicodedata.category(c) == "Cn" for c in cleaned
    ):
        raise errors.invalid(path, f"{what} is empty. Type at least one letter.")
    if len(cleaned) > NAME_MAXIMUM_CHARACTERS:
        raise errors.invalid(path, f"{what} takes at most {NAME_MAXIMUM_CHARACTERS} characters.")
    return cleaned


def clean_note(note: str | None) -> str | None:
    """The note as it is stored; None if it is empty. Raises InvalidInput as `clean_name` does."""
    if note is None:
        return None
    cleaned = clean(note, "note", "The note")
    if len(cleaned) > NOTE_MAXIMUM_CHARACTERS:
        raise errors.invalid(
            "note", f"The note takes at most {NOTE_MAXIMUM_CHARACTERS} characters."
        )
    return cleaned or None


def search_text(text: str) -> str:
    """The form of a text that is stored for searching, and into which queries are converted.

    Compatibility decomposition (NFKD) with the marks stripped, casefolded, single spaces, and letters
    and signs without a decomposition replaced as in folding.json: "Zoë" and "ZOE", "Wałęsa" and
    "Walesa", "O’Brien" and "O'Brien" have the same form. The client does the same (src/lib/folding.ts).
    """
    decomposed = unicodedata.normalize("NFKD", without_invisible(text).casefold())
    folded = decomposed.casefold().translate(_FOLDS)
    if not folded.isascii() or not folded.isprintable():
        folded = "".join(c for c in folded if unicodedata.category(c) not in _NOT_SEARCHED)
    return " ".join(folded.split())


def rfc3339(instant: datetime) -> str:
    """The instant in UTC as RFC 3339 with microseconds: "2026-11-22T08:30:00.123456Z"."""
    utc = instant.astimezone(UTC)
    if utc.microsecond:
        # In a fifth of the time; it leaves out a fraction that is zero.
        return orjson.dumps(utc, option=orjson.OPT_UTC_Z)[1:-1].decode()
    return utc.isoformat(timespec="microseconds").replace("+00:00", "Z")
