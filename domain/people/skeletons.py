"""Names that can be confused with each other: the skeletons of Unicode Technical Standard #39.

confusables.json is the mapping of https://www.unicode.org/Public/security/18.0.0/confusables.txt: each
prototype with all the characters that are confused with it. © 2026 Unicode, Inc., under the Unicode License
(https://www.unicode.org/license.txt).
"""

from __future__ import annotations

import functools
import hashlib
import json
import unicodedata
from pathlib import Path

#: The version of `keys`. Increase it with each change of the rules or of confusables.json, so that
#: `./wallet migrate` rewrites the stored keys.
VERSION = "1 of Unicode 18.0.0"
_DIGEST_BYTES = 16
# Default_Ignorable_Code_Point of DerivedCoreProperties.txt, as ranges.
_IGNORABLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)  # fmt: skip


def skeleton(text: str) -> str:
    """What the text looks like: two texts with the same skeleton are confusable (UTS #39, section 4)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).translate(_table()))


def keys(name: str, handle: str | None) -> frozenset[bytes]:
    """Digests of the skeletons of a name and a handle: users who share one can be confused.

    Capital and small letters are told apart first, since "I" looks like "l", and then they are not, so
    that "IAN" is confusable with both "lan" and "ian". Digests are of the same length for every name.
    """
    looks = {folded(name), folded(name.casefold())}
    if handle is not None:
        looks.add(folded(handle))
    return frozenset(
        hashlib.sha256(look.encode("utf-8", "surrogatepass")).digest()[:_DIGEST_BYTES]
        for look in looks
        if look
    )


def folded(text: str) -> str:
    """The skeleton without regard to case: "0" looks like "O", and so like "o" in this form."""
    return " ".join(skeleton(skeleton(text.removeprefix("@")).casefold()).split())


@functools.cache
def _table() -> dict[int, str | None]:
    prototypes = json.loads(Path(__file__).with_name("confusables.json").read_bytes())
    mapping: dict[int, str | None] = {
        ord(character): prototype
        for prototype, characters in prototypes.items()
        for character in characters
    }
    for first, last in _IGNORABLE:
        mapping.update(dict.fromkeys(range(first, last + 1)))
    return mapping
