"""Passwords: which are good enough, and how they are kept."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from functools import cache

import bcrypt

from domain import errors

MINIMUM_CHARACTERS = 8
MAXIMUM_CHARACTERS = 128
DEFAULT_ROUNDS = 12


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def check(password: str) -> None:
    """Raise WeakPassword unless it has 8 to 128 characters and is none of the common ones.

    There are no rules of composition (NIST SP 800-63B section 3.1.1.2, OWASP ASVS 5 V6.2).
    """
    password = _normal(password)
    length = len(password)
    if length < MINIMUM_CHARACTERS:
        raise errors.WeakPassword(
            f"The password is too short: use {MINIMUM_CHARACTERS} characters or more."
        )
    if length > MAXIMUM_CHARACTERS:
        raise errors.WeakPassword(
            f"The password is too long: use at most {MAXIMUM_CHARACTERS} characters."
        )
    if password.casefold() in _common() or len(set(password)) == 1:
        raise errors.WeakPassword(
            "This password is one of the first that an attacker tries. Choose a less common one."
        )


def _normal(password: str) -> str:
    # Keyboards differ in which of the equivalent spellings they type.
    return unicodedata.normalize("NFKC", password)


def _digest(password: str) -> bytes:
    # bcrypt reads 72 bytes and stops at NUL; a digest in base64 (44 bytes) loses nothing of what is typed.
    normal = _normal(password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.sha256(normal).digest())


def hash_password(password: str, rounds: int = DEFAULT_ROUNDS) -> str:
    """The bcrypt hash to store. Takes about a quarter of a second: call it in a thread."""
    return bcrypt.hashpw(_digest(password), bcrypt.gensalt(rounds)).decode()


def verify(password: str, password_hash: str | None, rounds: int = DEFAULT_ROUNDS) -> bool:
    """Whether it is the password. Takes as long where there is no hash. Call it in a thread."""
    if password_hash is None:
        bcrypt.checkpw(_digest(password), _nobodys_hash(rounds))
        return False
    return bcrypt.checkpw(_digest(password), password_hash.encode())


@cache
def _nobodys_hash(rounds: int) -> bytes:
    return bcrypt.hashpw(b"nobody", bcrypt.gensalt(rounds))
