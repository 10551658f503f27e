"""A run that observed too little says so, instead of reporting that every promise was kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from domain.webhooks import WebhookStream
from jobs import relay
from torture import evidence
from torture.faults import RelaySuspended
from torture.provider_records import Payment, ProviderRecords, Taken
from torture.receiver import PATH
from torture.record import (
    Closing,
    Command,
    DelayedRequest,
    InjectedFault,
    Operation,
    Outcome,
    Read,
    Record,
    Subscriber,
)
from torture.record_accounts import AskedTopUp, Bar, Barred, Lift
from torture.record_operators import AskedReversal
from torture.record_requests import Act, AskedRequest
from torture.record_requests import Attempt as RequestAttempt
from torture.record_schedules import AskedSchedule
from torture.record_webhooks import Attempt, Receiver, Request

USER = UUID(int=1)
HELD_PAST_CLOSING = "No request that was held past the closing of its key was delivered."


@pytest.fixture
def record() -> Record:
    """One of everything."""
    command = Command(USER, Operation.ADD_BALANCE, "key", None, 1, None, 1.0, lost=1)
    commands = [
        Command(USER, Operation.ADD_BALANCE, "key", None, 1, None, 1.0, outcome=outcome)
        for outcome in (Outcome.ACKNOWLEDGED, Outcome.REFUSED)
    ]
    commands[0].replayed = True
    commands[0].confirmation = ("challenge", "code")
    commands[0].answered_metadata = (("order", "4711"),)
    commands[1].refused_balance_minor = 0
    refusals = ("AccountRestricted", "ConfirmationRequired", "InvalidSecondFactor")
    for refusal in ("IdempotencyKeyClosed", "TooLate", *refusals):
        commands.append(replace(commands[1], refusal=refusal))
    closed = Closing(USER, Operation.ADD_BALANCE, "closed", 1.0, 2.0, is_answered=True)
    held = DelayedRequest(
        USER, Operation.ADD_BALANCE, "closed", 1.5, None, 3.0, "IdempotencyKeyClosed"
    )
    requested = AskedRequest(USER, None, 1, None, "asked", 1.0)
    requested.attempts = [
        *(RequestAttempt(act, USER, 1.0, answer="PaymentRequestClosed") for act in Act),
        RequestAttempt(Act.CANCEL, USER, 1.0, answer="RequestClosed"),
    ]
    scheduled = AskedSchedule(USER, USER, 1, None, "key", 1.0, answer="TransferScheduled")
    scheduled.ended_at = 2.0
    receiver = Receiver(USER, WebhookStream.WALLET_EVENTS, kills=1, rotations=1, replays=1)
    for reply, answered in (("hang", None), ("500", 2.0), ("204", 3.0)):
        request = Request(1.0, PATH, "evt", 1, "", 1, 1, USER, (1,), reply, answered, False)
        receiver.requests.append(replace(request, is_processed=reply == "204"))
    receiver.attempts.append(Attempt(1, 1, 1.0, 1.0, 204, True))
    return Record(
        seed=1,
        commands=[command, *commands],
        closings=[closed, replace(closed, key="key", reference=USER)],
        delayed=[held, replace(held, key="late", answer="TooLate")],
        reads=[Read(USER, 1.0, 2.0, 1, 1, ((1, USER),), ((("order", "4711"),),))],
        subscribers=[Subscriber(USER, "sse", [1], reconnects=1)],
        notified=[Subscriber(USER, "sse", [1], reconnects=1)],
        requests=[requested],
        schedules=[scheduled],
        reversals=[AskedReversal(USER, USER, 1, "reversal", 1.0, status="DONE")],
        barred=[Barred(USER, bar, 1.0, 2.0) for bar in Bar],
        lifts=[Lift(USER, 1.0, 2.0)],
        reopened=1,
        top_ups=[AskedTopUp(USER, 1, "top-up", 1.0, answer="TopUpStarted")],
        at_provider=ProviderRecords(
            [Payment("cs", "pi", USER, USER, 2, (Taken("re", 1, False), Taken("dp", 1, True)))],
            deliveries=1,
        ),
        runs_sent=[1, 2],
        receivers=[receiver, replace(receiver, stream=WebhookStream.NOTIFICATIONS)],
        pushed_notifications={USER: [1]},
        pushed={USER: [1]},
        faults=[InjectedFault("Valkey killed", 1.0, 2.0, 3.0, had_effect=True)],
        caught={USER: 1},
        audit_status=0,
        receipts={"receipt"},
        receipts_contained=1,
        quick_checks=1,
        disturbances=Counter(cut=1),
    )


def test_a_run_that_observed_everything_lacks_nothing(record: Record) -> None:
    assert evidence.lacking(record) == []


@pytest.mark.parametrize(
    ("rob", "sentence"),
    [
        (lambda record: record.barred.pop(), "No account was barred from EVERYTHING."),
        (lambda record: record.lifts.clear(), "No restriction was lifted."),
        (lambda record: setattr(record, "reopened", 0), "No account was opened again."),
        (
            lambda record: setattr(record.commands[1], "confirmation", None),
            "No transfer was confirmed.",
        ),
        (lambda record: record.commands.pop(), "No confirmation was refused."),
        (
            lambda record: record.top_ups.clear(),
            "No top-up was started at the payment provider.",
        ),
        (lambda record: setattr(record, "at_provider", None), "No top-up was paid."),
        (lambda record: record.reversals.clear(), "No transfer was reversed by an operator."),
        (lambda record: record.commands.pop(1), "No movement was acknowledged."),
        (
            lambda record: setattr(record, "commands", record.commands[:2]),
            "No movement was refused.",
        ),
        (lambda record: record.closings.pop(0), "No key was closed."),
        (lambda record: record.closings.pop(1), "No key that had moved money was closed."),
        (lambda record: record.commands.pop(3), "No request was refused for a closed key."),
        (lambda record: setattr(record.delayed[0], "delivered", None), HELD_PAST_CLOSING),
        (lambda record: setattr(record.delayed[0], "delivered", 1.9), HELD_PAST_CLOSING),
        (lambda record: setattr(record.delayed[0], "held", 2.5), HELD_PAST_CLOSING),
        (lambda record: setattr(record.delayed[0], "answer", None), HELD_PAST_CLOSING),
        (lambda record: record.commands.pop(4), "No request was too late."),
        (lambda record: record.delayed.pop(1), "No request was held past its `notAfter`."),
        (
            lambda record: setattr(record.commands[4], "key", "another"),
            "No key was used after a request with it was too late.",
        ),
        (
            lambda record: setattr(record.commands[1], "answered_metadata", ()),
            "No movement carried metadata.",
        ),
        (lambda record: setattr(record.reads[0], "metadata", ((),)), "No metadata was read."),
        (lambda record: record.commands.pop(1), "No key was replayed."),
        (lambda record: record.commands.pop(0), "No answer was lost."),
        (lambda record: record.requests[0].attempts.pop(0), "No payment request was paid."),
        (
            lambda record: record.requests[0].attempts.pop(),
            "No payment request was closed already.",
        ),
        (lambda record: record.schedules.clear(), "No transfer was scheduled."),
        (
            lambda record: record.runs_sent.pop(),
            "No scheduled transfer that was missed was sent.",
        ),
        (lambda record: record.reads.clear(), "No page of transactions was read."),
        (lambda record: record.subscribers.clear(), "No subscriber was connected."),
        (lambda record: record.subscribers[0].sequences.clear(), "No event was received by sse."),
        (lambda record: record.notified.clear(), "No notification was received."),
        (lambda record: record.pushed_notifications.clear(), "No notification was pushed."),
        (lambda record: record.pushed.clear(), "No event was pushed."),
        (lambda record: setattr(record, "caught", {}), "No mail was received."),
        (lambda record: record.receipts.clear(), "No receipt was stored."),
        (lambda record: record.disturbances.clear(), "No connection of a client was disturbed."),
        (lambda record: setattr(record, "audit_status", None), "The audit was not run."),
        (lambda record: record.faults.clear(), "No fault was injected."),
        (
            lambda record: record.receivers.pop(1),
            "No event of NOTIFICATIONS was processed by a receiver.",
        ),
        (lambda record: _keep(record, "204", "hang"), "No delivery was refused."),
        (
            lambda record: _keep(record, "204", "500"),
            "No delivery was left without a complete response.",
        ),
        (lambda record: _keep(record, "204"), "No delivery was repeated."),
        (lambda record: _set(record, "kills"), "No receiver was killed."),
        (lambda record: _set(record, "rotations"), "No secret of a webhook was rotated."),
        (lambda record: _set(record, "replays"), "No webhook was replayed."),
        (lambda record: _set(record, "attempts", []), "No delivery was recorded."),
    ],
)
def test_what_never_occurred_is_named(
    record: Record, rob: Callable[[Record], object], sentence: str
) -> None:
    rob(record)
    assert sentence in evidence.lacking(record)


def _keep(record: Record, *replies: str) -> None:
    """Of the requests to receivers, only those with these replies."""
    for each in record.receivers:
        each.requests = [request for request in each.requests if request.reply in replies]


def _set(record: Record, name: str, value: object = 0) -> None:
    for each in record.receivers:
        setattr(each, name, value)


def test_a_fault_that_always_misses_is_named(record: Record) -> None:
    missed = InjectedFault("row locks held", 1.0, 2.0, 3.0)
    record.faults.append(missed)
    assert evidence.lacking(record) == []
    record.faults.append(missed)
    [sentence] = evidence.lacking(record)
    assert "row locks held" in sentence
    record.faults.append(InjectedFault("row locks held", 1.0, 2.0, 3.0, had_effect=True))
    assert evidence.lacking(record) == []


def test_a_relay_is_suspended_for_longer_than_its_lease() -> None:
    assert RelaySuspended.seconds[0] > relay._LEASE_SECONDS
