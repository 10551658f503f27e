"""Email addresses: compared without case, and never shown completely to others."""

from __future__ import annotations

import pytest

from domain import errors, ids
from domain.people import accounts
from tests.domain.test_text import TYPED


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("user.alpha@demo.app", "user.alpha@demo.app"),
        ("  User.Alpha+Work@Demo.APP ", "user.alpha+work@demo.app"),
        ("x@bücher.example", "x@xn--bcher-kva.example"),
        ("x@BÜCHER.example", "x@xn--bcher-kva.example"),
        ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        ("o'neil_{1}@example.co.uk", "o'neil_{1}@example.co.uk"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_is_stored_in_lower_case_and_ascii(typed: str, stored: str) -> None:
    assert accounts.clean_email(typed) == stored
    assert accounts.clean_email(stored) == stored


@pytest.mark.parametrize(("pasted", "address"), TYPED["addresses"])
def test_what_is_pasted_around_an_address_is_dropped(pasted: str, address: str) -> None:
    assert accounts.pasted_address(pasted) == address
    assert accounts.pasted_address(address) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "nobody",
        "a@b",
        "a@localhost",
        "@example.com",
        "a@example..com",
        ".a@example.com",
        "a b@example.com",
        '"a b"@example.com',
        "a@[127.0.0.1]",
        "Name <a@example.com>",
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "a\x00@example.com",
        "a@example.com\x00",
        "a\u00a0b@example.com",
        "<a@example.com",
        "mailto:",
        "用户@example.com",
        "a\ud800@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b" * 250 + ".com",
        "a" * 100_000,
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(errors.InvalidInput) as refusal:
        accounts.clean_email(typed)
    assert refusal.value.fields[0].path == ("email",)


def test_the_refusal_names_the_field_as_the_caller_does() -> None:
    with pytest.raises(errors.InvalidInput) as refusal:
        accounts.clean_email("nobody", ("recipient", "email"))
    assert refusal.value.fields[0].path == ("recipient", "email")


@pytest.mark.parametrize(
    ("email", "hint"),
    [
        ("user.alpha@demo.app", "u…a@demo.app"),
        ("bob@demo.app", "b…b@demo.app"),
        ("jo@demo.app", "j…@demo.app"),
        ("x@demo.app", "…@demo.app"),
    ],
)
def test_a_hint_shows_the_ends_of_an_address_alone(email: str, hint: str) -> None:
    assert accounts.email_hint(email) == hint


def test_users_who_would_look_the_same_side_by_side_have_longer_hints() -> None:
    emails = {
        "anna.lehmann@example.com": "an…nn@example.com",
        "adam.lohmann.n@example.com": "ad….n@example.com",
        "anne.x.lehmann@example.com": "a…n@example.com",
    }
    names = ["Anna L", "anna l", "Somebody"]
    people = [
        accounts.Person(ids.new_id(), name, email, None, 0, 0)
        for name, email in zip(names, emails, strict=True)
    ]
    hints = accounts.hints_side_by_side(people)
    assert [hints[person.user_id] for person in people] == list(emails.values())


def test_no_hint_shows_more_than_half_of_what_is_before_the_at_sign() -> None:
    pair = ["abcdefgh@x.io", "abXXXXgh@x.io".lower()]
    people = [accounts.Person(ids.new_id(), "A", email, None, 0, 0) for email in pair]
    assert set(accounts.hints_side_by_side(people).values()) == {"ab…gh@x.io"}
    assert accounts.email_hint("abcdefgh@x.io", 99) == "ab…gh@x.io"


def test_only_mails_with_a_link_have_a_life_time() -> None:
    hours = {
        purpose.value: life.total_seconds() / 3600
        for purpose, life in accounts.LINK_LIFETIMES.items()
    }
    assert hours == {"verify_email": 24, "reset_password": 0.5, "new_sign_in": 168}
