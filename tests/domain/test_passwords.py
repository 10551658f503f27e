"""Passwords: 8 to 128 characters, no common ones, and every character counts."""

from __future__ import annotations

import pytest

from domain import errors
from domain.people import passwords

ROUNDS = 4
DEMO = "mini@Wallet025"


@pytest.mark.parametrize(
    "password",
    [
        DEMO,
        "a" * 7 + "b",
        "correct horse battery staple",
        "пароль-мой-пароль",
        "x\x00yyyyyy",
        "ab" * 64,
        "👩‍👩‍👧‍👦👩‍👩‍👧‍👦",
    ],
)
def test_8_to_128_characters_of_any_kind_will_do(password: str) -> None:
    passwords.check(password)


@pytest.mark.parametrize("password", ["", "short", "a1B$567", "é" * 3 + "abcd"])
def test_a_short_password_is_refused(password: str) -> None:
    with pytest.raises(errors.WeakPassword, match="too short"):
        passwords.check(password)


@pytest.mark.parametrize("password", ["ab" * 64 + "c", "x" * 100_000])
def test_a_long_password_is_refused(password: str) -> None:
    with pytest.raises(errors.WeakPassword, match="too long"):
        passwords.check(password)


@pytest.mark.parametrize(
    "password", ["password", "PassWord", "12345678", "aaaaaaaa", "ｐａｓｓｗｏｒｄ"]
)
def test_a_common_password_is_refused_however_it_is_spelt(password: str) -> None:
    with pytest.raises(errors.WeakPassword, match="too common"):
        passwords.check(password)


def test_nothing_is_lost_past_72_bytes() -> None:
    long = "x" * 72 + "one ending"
    hashed = passwords.hash_password(long, ROUNDS)
    assert passwords.verify(long, hashed)
    assert not passwords.verify("x" * 72 + "another", hashed)
    assert not passwords.verify("x" * 72, hashed)


def test_nothing_is_lost_past_a_nul() -> None:
    hashed = passwords.hash_password("secret\x00one", ROUNDS)
    assert passwords.verify("secret\x00one", hashed)
    assert not passwords.verify("secret\x00two", hashed)
    assert not passwords.verify("secret", hashed)


def test_keyboards_that_compose_differently_sign_in_alike() -> None:
    hashed = passwords.hash_password("caf\u00e9 mocha", ROUNDS)
    assert passwords.verify("cafe\u0301 mocha", hashed)


def test_a_password_is_what_was_typed_case_and_spaces_included() -> None:
    hashed = passwords.hash_password(DEMO, ROUNDS)
    assert passwords.verify(DEMO, hashed)
    for other in (DEMO.lower(), DEMO + " ", "", "\ud800" * 8):
        assert not passwords.verify(other, hashed)


def test_the_same_password_is_hashed_differently_each_time() -> None:
    first, second = (passwords.hash_password(DEMO, ROUNDS) for _ in range(2))
    assert first != second
    assert first.startswith("$2b$04$")


def test_the_password_of_an_unknown_account_is_never_right() -> None:
    assert not passwords.verify("nobody", None, ROUNDS)
    assert not passwords.verify(DEMO, None, ROUNDS)


def test_hashes_that_share_a_salt_are_checked_by_one_computation() -> None:
    first = passwords.hash_password("one long password", 4, salt_seed=b"seed")
    second = passwords.hash_password("another long one", 4, salt_seed=b"seed")
    assert (second[:29], second != first) == (first[:29], True)
    for password, found in (
        ("one long password", first),
        ("another long one", second),
        ("x", None),
    ):
        assert passwords.matching(password, [first, second], 4) == found
        assert passwords.matching(password, [], 4) is None
    for seed in (b"another", *(bytes([number]) for number in range(50))):
        other = passwords.hash_password("one long password", 4, salt_seed=seed)
        assert other[:29] != first[:29]
        assert passwords.verify("one long password", other, 4)
    assert passwords.hash_password("another long one", 5, salt_seed=b"seed")[:7] == "$2b$05$"
