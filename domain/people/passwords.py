"""Passwords: requirements and hashing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import string
import unicodedata
from collections.abc import Sequence
from functools import cache

import bcrypt

from domain import errors

MINIMUM_CHARACTERS = 8
MAXIMUM_CHARACTERS = 128
DEFAULT_ROUNDS = 12
#: "$2b$12$", and then 22 characters of salt.
_SALT_CHARACTERS = 29
_SALT_BYTES = 16
_BCRYPT_BASE64 = str.maketrans(
    string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/",
    "./" + string.ascii_uppercase + string.ascii_lowercase + string.digits,
)
_MAXIMUM_SALTS = 3


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
        raise errors.WeakPassword("This password is too common. Choose another one.")


def _normal(password: str) -> str:
    # Keyboards differ in which of the equivalent spellings they type.
    return unicodedata.normalize("NFKC", password)


def _digest(password: str) -> bytes:
    # bcrypt reads 72 bytes and stops at NUL; a digest in base64 (44 bytes) loses nothing of what is typed.
    normal = _normal(password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.sha256(normal).digest())


def hash_password(
    password: str, rounds: int = DEFAULT_ROUNDS, *, salt_seed: bytes | None = None
) -> str:
    """The bcrypt hash to store. Takes about a quarter of a second: call it in a thread.

    The salt is random, or derived from a secret seed: one computation checks a password against all
    hashes of the same seed (`matching`).
    """
    salt = bcrypt.gensalt(rounds) if salt_seed is None else _derived_salt(salt_seed, rounds)
    return bcrypt.hashpw(_digest(password), salt).decode()


def _derived_salt(seed: bytes, rounds: int) -> bytes:
    raw = hashlib.sha256(seed).digest()[:_SALT_BYTES]
    encoded = base64.b64encode(raw).decode().rstrip("=").translate(_BCRYPT_BASE64)
    return f"$2b${rounds:02}${encoded}".encode()


def verify(password: str, password_hash: str | None, rounds: int = DEFAULT_ROUNDS) -> bool:
    """Whether the password matches. Takes equally long without a hash. Call it in a thread."""
    known = [] if password_hash is None else [password_hash]
    return matching(password, known, rounds) is not None


def matching(
    password: str, password_hashes: Sequence[str], rounds: int = DEFAULT_ROUNDS
) -> str | None:
    """The first hash that the password matches. Call it in a thread.

    One bcrypt computation where they share a salt, and also where there is none. Of hashes with
    different salts only the first few salts are tried.
    """
    salts = dict.fromkeys(known[:_SALT_CHARACTERS] for known in password_hashes)
    digest = _digest(password)
    for salt in list(salts)[:_MAXIMUM_SALTS] or [_nobodys_salt(rounds)]:
        computed = bcrypt.hashpw(digest, salt.encode())
        for known in password_hashes:
            if hmac.compare_digest(known.encode(), computed):
                return known
    return None


@cache
def _nobodys_salt(rounds: int) -> str:
    return bcrypt.gensalt(rounds).decode()
