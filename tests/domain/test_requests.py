"""Payment requests: their rules, and paying them among other commands."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import authority, errors
from domain.ledger import settling
from domain.ledger.decisions import Done, Posted
from domain.ledger.pay_request import PayRequest, RequestOf
from domain.notifications.notification_kinds import NotificationKind
from domain.requests import payment_requests
from domain.requests.payment_requests import Draft, PaymentRequest, Pending, Status
from tests.domain.worlds import (
    ALPHA,
    BETA,
    DELTA,
    GAMMA,
    NOW,
    PEOPLE,
    SESSION,
    account,
    ledger_of,
    limits_of,
    payment_request,
)

DAY = timedelta(days=1)
PENDING, OPEN = payment_request(), payment_request(payer_id=None, is_open=True)


def paying(
    payer: UUID = ALPHA, request: PaymentRequest = PENDING, key: str = "key-of-a-test", **more: Any
) -> PayRequest:
    asked = RequestOf(request.requester_id, request.request_id)
    reference = more.pop("reference", UUID(int=900))
    return PayRequest(authority.Session(payer, SESSION), asked, key, reference, **more)


def settled(
    *commands: PayRequest,
    requests: tuple[PaymentRequest, ...] = (PENDING,),
    now: datetime = NOW,
    **more: Any,
) -> settling.Settlement:
    ledger = ledger_of(*map(account, PEOPLE), now=now, **more)
    for request in requests:
        ledger.found[RequestOf(request.requester_id, request.request_id)] = request
    return settling.settle(ledger, commands)


def outcome(*commands: PayRequest, **more: Any) -> type:
    return type(settled(*commands, **more).outcomes[-1])


# ================================================================ paying


def test_paying_transfers_the_requested_amount_and_tells_the_requester() -> None:
    settlement = settled(paying(), limits=limits_of(basis_points=100))
    sent, received = settlement.entries
    assert (sent.user_id, sent.amount_minor, sent.fee_minor, sent.note) == (
        ALPHA,
        1_000,
        10,
        "Dinner",
    )
    assert (received.user_id, received.amount_minor, received.fee_minor) == (BETA, 1_000, 0)
    assert [(each.kind, each.user_id, each.sequence) for each in settlement.notifications] == [
        (NotificationKind.MONEY_RECEIVED, BETA, received.sequence),
        (NotificationKind.REQUEST_PAID, BETA, received.sequence),
    ]


def test_who_may_not_pay_is_refused() -> None:
    assert outcome(paying(GAMMA)) is errors.NotFound
    assert outcome(paying(BETA)) is errors.CannotPayYourself
    assert outcome(paying(), requests=()) is errors.NotFound
    assert outcome(replace(paying(), asked=None)) is errors.NotFound
    assert outcome(paying(not_after=NOW - DAY)) is errors.TooLate
    large = payment_request(amount_minor=1_000_001)
    assert outcome(paying(request=large), requests=(large,)) is errors.InvalidAmount
    dear = payment_request(amount_minor=10_001)
    assert outcome(paying(request=dear), requests=(dear,)) is errors.InsufficientFunds
    for status in Status:
        closed = payment_request(status=status, closed_at=NOW)
        wanted = Posted if status is Status.PENDING else payment_requests.RequestClosed
        assert outcome(paying(), requests=(closed,)) is wanted


def test_a_request_is_payable_until_its_instant_exactly() -> None:
    until = PENDING.expires_at
    assert outcome(paying(), now=until - timedelta(microseconds=1)) is Posted
    settlement = settled(paying(), now=until)
    [refusal] = settlement.outcomes
    assert isinstance(refusal, payment_requests.RequestClosed)
    assert refusal.payment_request.status is Status.EXPIRED
    assert refusal.payment_request.closed_at == until
    assert settlement.effects == settlement.entries == []


@given(
    payers=st.lists(st.sampled_from([ALPHA, BETA, GAMMA, DELTA]), max_size=12),
    keys=st.lists(st.sampled_from(["first-key", "second-key", "third-key"]), min_size=12),
)
def test_of_any_payers_in_one_commit_the_first_pays(payers: list[UUID], keys: list[str]) -> None:
    commands = [
        paying(payer, OPEN, key, reference=UUID(int=1_000 + number))
        for number, (payer, key) in enumerate(zip(payers, keys, strict=False))
    ]
    settlement = settled(*commands, requests=(OPEN,))
    posted = [each for each in settlement.outcomes if isinstance(each, Posted)]
    first = next((number for number, payer in enumerate(payers) if payer != BETA), None)
    assert [each.replayed for each in posted[:1]] == ([] if first is None else [False])
    assert len({each.entry.reference for each in posted}) == (first is not None)
    assert len(settlement.entries) == 2 * (first is not None)
    assert not any(isinstance(each, Done) for each in settlement.outcomes)
    for number, (command, found) in enumerate(zip(commands, settlement.outcomes, strict=True)):
        payer = command.authority.user_id
        if payer == BETA:
            assert isinstance(found, errors.CannotPayYourself)
        elif number == first:
            assert isinstance(found, Posted)
        elif (payer, command.idempotency_key) == (payers[first or 0], keys[first or 0]):
            assert isinstance(found, Posted)
            assert found.replayed
        else:
            assert isinstance(found, payment_requests.RequestClosed)
            assert found.payment_request.payer_id == payers[first or 0]


# ================================================================ closing

_CLOSINGS: list[Callable[[PaymentRequest, datetime], PaymentRequest]] = [
    lambda request, now: payment_requests.declined(request, ALPHA, now),
    lambda request, now: payment_requests.cancelled(request, BETA, now),
    lambda request, now: request.at(now),
]


@given(st.lists(st.tuples(st.sampled_from(_CLOSINGS), st.integers(0, 40)), max_size=8))
def test_whatever_is_tried_in_whatever_order_a_request_is_closed_once(
    steps: list[tuple[Callable[[PaymentRequest, datetime], PaymentRequest], int]],
) -> None:
    request, states = PENDING, [PENDING]
    for close, days in sorted(steps, key=lambda step: step[1]):
        now = NOW + days * DAY
        with contextlib.suppress(payment_requests.RequestClosed):
            request = close(request, now)
        if request != states[-1]:
            states.append(request)
        if now >= PENDING.expires_at:
            assert request.at(now).status is not Status.PENDING
    assert len(states) <= 2
    assert states[-1].closed_at is None or states[-1].closed_at <= PENDING.expires_at


def test_only_its_payer_declines_and_only_its_requester_cancels() -> None:
    for user_id in (BETA, GAMMA):
        with pytest.raises(errors.NotFound):
            payment_requests.declined(PENDING, user_id, NOW)
    for user_id in (ALPHA, GAMMA):
        with pytest.raises(errors.NotFound):
            payment_requests.cancelled(PENDING, user_id, NOW)
    with pytest.raises(errors.NotFound):
        payment_requests.declined(OPEN, ALPHA, NOW)
    assert payment_requests.cancelled(OPEN, BETA, NOW).status is Status.CANCELLED


# ================================================================ creating


def draft(**facts: Any) -> Draft:
    usual = {"requester_id": BETA, "payer_id": ALPHA, "is_open": False, "amount": Decimal("10"),
             "note": " Dinner ", "expires_at": None}  # fmt: skip
    return Draft(**{**usual, **facts})


def created(of: Draft, now: datetime = NOW) -> PaymentRequest:
    return of.created(UUID(int=1), now=now, limits=limits_of(), receivers={ALPHA, BETA})


@given(
    lifetime=st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=400))),
    is_open=st.booleans(),
)
def test_a_request_lives_at_most_a_year_and_is_its_own_repetition(
    lifetime: timedelta | None, is_open: bool
) -> None:
    given_at = None if lifetime is None else NOW + lifetime
    of = draft(expires_at=given_at, is_open=is_open, payer_id=None if is_open else ALPHA)
    if lifetime is not None and not timedelta(0) < lifetime <= payment_requests.MAXIMUM_LIFETIME:
        with pytest.raises(errors.InvalidInput):
            created(of)
        return
    request = created(of)
    assert request.expires_at - NOW == (lifetime or payment_requests.DEFAULT_LIFETIME)
    usd = limits_of().currency
    assert of.is_same_input(request, usd)
    assert of.is_same_input(replace(request, status=Status.PAID, payer_id=GAMMA), usd) == is_open
    later = request.expires_at + timedelta(microseconds=1)
    for other in (
        {"amount": Decimal("10.01")}, {"note": "Lunch"}, {"is_open": not is_open}, {"expires_at": later},
    ):  # fmt: skip
        assert not replace(of, **other).is_same_input(request, usd)


@given(requester=st.uuids(), secret=st.binary(min_size=16, max_size=16), text=st.text())
def test_a_token_is_read_as_it_was_made_and_no_other_text_is_one(
    requester: UUID, secret: bytes, text: str
) -> None:
    request = replace(PENDING, requester_id=requester, secret=secret)
    assert payment_requests.read_token(request.token) == (requester, secret)
    link = f"https://wallet.example/r/{request.token}"
    assert payment_requests.read_token(link) == (requester, secret)
    read = payment_requests.read_token(text)
    assert read is None or text.endswith(
        replace(PENDING, requester_id=read[0], secret=read[1]).token
    )


@pytest.mark.parametrize(
    ("pending", "new", "strangers", "is_allowed"),
    [
        (Pending(0, 0), 1, 1, True),
        (Pending(49, 49), 1, 1, True),
        (Pending(50, 50), 1, 1, False),
        (Pending(50, 50), 1, 0, True),
        (Pending(45, 45), 6, 6, False),
        (Pending(199, 0), 1, 1, True),
        (Pending(200, 0), 1, 0, False),
        (Pending(195, 0), 6, 0, False),
    ],
)
def test_pending_requests_are_limited_in_all_and_to_users_who_never_paid(
    pending: Pending, new: int, strangers: int, is_allowed: bool
) -> None:
    try:
        payment_requests.check_pending(pending, new=new, new_to_strangers=strangers)
    except payment_requests.RequestNotAllowed:
        assert not is_allowed
    else:
        assert is_allowed
