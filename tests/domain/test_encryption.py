"""Secrets at rest: who can read them, and that keys can be replaced."""

from __future__ import annotations

import pytest

from domain import encryption
from domain.encryption import Encrypted, Keyring

PLACE = b"a row"


def test_the_first_key_encrypts_and_all_of_them_decrypt() -> None:
    former, both = Keyring(["old"], "purpose"), Keyring(["new", "old"], "purpose")
    stored = former.encrypt("secret", PLACE)
    assert b"secret" not in stored.content
    assert both.decrypt(stored, PLACE) == "secret"
    again = both.encrypt("secret", PLACE)
    assert (again.key_id, stored.key_id) == (both.key_id, former.key_id)
    assert Keyring(["new"], "purpose").decrypt(again, PLACE) == "secret"


def test_nobody_else_decrypts() -> None:
    keys = Keyring(["key"], "purpose")
    stored = keys.encrypt("secret", PLACE)
    damaged = Encrypted(stored.key_id, stored.content[:-1] + b"?")
    for reader, content, place in (
        (Keyring(["other"], "purpose"), stored, PLACE),
        (Keyring(["key"], "another purpose"), stored, PLACE),
        (keys, stored, b"another row"),
        (keys, damaged, PLACE),
        (keys, Encrypted(stored.key_id, b""), PLACE),
    ):
        with pytest.raises(encryption.Unreadable):
            reader.decrypt(content, place)


def test_equal_secrets_do_not_look_equal() -> None:
    keys = Keyring(["key"], "purpose")
    assert keys.encrypt("secret", PLACE).content != keys.encrypt("secret", PLACE).content
