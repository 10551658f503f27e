"""The shares of a bill: they add up exactly, whatever is divided among how many."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors, ids
from domain.ledger import money
from domain.requests import splits
from domain.requests.splits import SplitDraft

LIMITS = {
    code: money.limits(
        code, maximum_transfer="1000000", maximum_top_up="1000000", maximum_balance="1000000"
    )
    for code in ("USD", "JPY", "KWD")
}


def draft(total: object, payers: int = 2, **more: Any) -> SplitDraft:
    given_values = {
        "user_id": ids.new_id(), "payer_ids": [ids.new_id() for _ in range(payers)],
        "total": Decimal(str(total)), "includes_user": True, "amounts": None, "note": None,
        "expires_at": None,
    }  # fmt: skip
    return SplitDraft(**{**given_values, **more})


@given(st.integers(1, 10**12), st.integers(1, 21))
def test_equal_shares_add_up_and_the_first_ones_are_larger_by_one_unit(
    total: int, people: int
) -> None:
    shares = splits.equal_shares(total, people)
    assert sum(shares) == total
    assert len(shares) == people
    assert shares == sorted(shares, reverse=True)
    assert max(shares) - min(shares) <= 1


@given(st.sampled_from(sorted(LIMITS)), st.integers(1, 10**6), st.integers(1, 20), st.booleans())
def test_all_shares_make_the_total_in_every_currency(
    code: str, total_minor: int, payers: int, includes_user: bool
) -> None:
    limits = LIMITS[code]
    total = money.whole_units(total_minor, limits.currency)
    own, parts = draft(total, payers, includes_user=includes_user).shares(limits)
    assert own + sum(parts) == total_minor
    assert len(parts) == payers
    assert own <= min(parts)
    assert own == 0 or includes_user


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20), st.integers(-5, 10**6))
def test_with_amounts_the_rest_is_the_own_share_which_is_never_negative(
    parts: list[int], own: int
) -> None:
    limits = LIMITS["USD"]
    if sum(parts) + own <= 0:
        return
    made = draft(
        money.whole_units(sum(parts) + own, limits.currency), len(parts),
        amounts=[money.whole_units(part, limits.currency) for part in parts],
    )  # fmt: skip
    if own < 0:
        with pytest.raises(errors.InvalidAmount, match="more than the total"):
            made.shares(limits)
    else:
        assert made.shares(limits) == (own, parts)


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (draft("10", 0), "payers"),
        (draft("10", 21), "payers"),
        (draft("10", payer_ids=[ids.new_id()] * 2), "payers"),
        (draft("10", 2, amounts=[Decimal(1)]), "amounts"),
        (draft("10", 1, amounts=[Decimal(9)], includes_user=False), "amounts"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_field(made: SplitDraft, path: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        made.shares(LIMITS["USD"])
    assert [each.path for each in refused.value.fields] == [(path,)]


def test_a_split_is_recognised_after_the_limit_of_an_amount_was_lowered() -> None:
    limits, asked = LIMITS["USD"], draft("30")
    everyone = [asked.user_id, *[payer_id for payer_id in asked.payer_ids if payer_id]]
    now = datetime(2026, 11, 28, tzinfo=UTC)
    made = asked.created(ids.new_id(), now=now, limits=limits, receivers=everyone)
    lowered = replace(limits, maximum_transfer_minor=5_00)
    assert asked.is_same_input(*made, lowered)
    assert not replace(asked, total=Decimal(31)).is_same_input(*made, lowered)


def test_a_total_that_is_no_amount_of_the_currency_is_refused() -> None:
    for total in ("0", "-3", "1.234"):
        with pytest.raises(errors.InvalidAmount):
            draft(total).shares(LIMITS["USD"])
