"""Refusals of runs are the same after they were stored."""

from __future__ import annotations

import json

import pytest

import schema.errors
from domain import errors
from domain.schedules import refusals
from tests.schema.test_errors import EXAMPLES


@pytest.mark.parametrize(
    "refusal",
    [
        error
        for error in EXAMPLES
        # What a transfer can be refused for is not of another feature.
        if type(error).__module__ == "domain.errors" and type(error) in schema.errors.MEMBERS
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_stored_refusal_has_its_kind_and_its_facts(refusal: errors.DomainError) -> None:
    again = refusals.read(json.loads(json.dumps(refusals.stored(refusal))))
    assert type(again) is type(refusal)
    assert again is not None
    assert schema.errors.member_of(again) == schema.errors.member_of(refusal)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"kind": "OfALaterRelease", "facts": {}},
        {"kind": "TooLate", "facts": {"of_a_later_release": 1}},
        {"kind": "InsufficientFunds", "facts": {"balance": {"minor": 1, "currency": "?"}}},
        {"kind": "TooLate", "facts": []},
    ],
)
def test_an_unknown_refusal_is_none(found: dict[str, object]) -> None:
    assert refusals.read(found) is None
