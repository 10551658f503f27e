"""The checker finds each broken promise of webhooks in hand-written records, and nothing in a correct one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from domain.webhooks import WebhookStream
from torture import checker_webhooks
from torture.ledgers import AccountLedger, Entry, Ledgers, Notified
from torture.receiver import ELSEWHERE, PATH
from torture.record import InjectedFault, Record
from torture.record_webhooks import Attempt, Receiver, Request

USER, ANOTHER, FIRST, SECOND = UUID(int=1), UUID(int=2), UUID(int=101), UUID(int=102)
#: Of the record's clock, in seconds since 1970.
OFFSET = 1_000_000


class Run:
    """Two events, the first of which was refused once, and a notification of the second.

    The first secret expires between 40.0 and 41.0 because of the second one.
    """

    def __init__(self) -> None:
        added = Entry(1, FIRST, "top_up", True, 1000, 0, None, None, 1000, 50, "key")
        received = Entry(2, SECOND, "transfer", True, 250, 0, ANOTHER, None, 1250, 60, None)
        ledger = AccountLedger(USER, 1250, 2, "user@example.com", 2, [added, received], 1)
        ledger.notified = [Notified(1, "money_received", 2)]
        self.ledgers = Ledgers(users={USER: ledger}, read_at=100.0)
        self.events = Receiver(USER, WebhookStream.WALLET_EVENTS, last=2, delivered_through=2)
        self.events.rotated(1, 1.0, 1.5, 0)
        self.events.rotating(20.0, 20)
        self.events.rotated(2, 20.0, 21.0, 20)
        refused = Request(
            10.0, PATH, "evt_1", OFFSET + 10, "wallet.event", 1, 1000, FIRST, (1,), "500", 10.1, False
        )  # fmt: skip
        again = replace(
            refused, arrived=30.0, timestamp=OFFSET + 30, signed_by=(1, 2), reply="204",
            answered=30.1, is_processed=True,
        )  # fmt: skip
        second = replace(
            again, arrived=50.0, event_id="evt_2", timestamp=OFFSET + 50, number=2,
            balance_minor=1250, reference=SECOND, signed_by=(2,), answered=50.1,
        )  # fmt: skip
        self.events.requests = [refused, again, second]
        self.events.attempts = [
            Attempt(1, 1, 9.9, 0.2, 500, False),
            Attempt(1, 2, 29.9, 0.2, 204, True),
            Attempt(2, 1, 49.9, 0.2, 204, True),
        ]
        self.notified = Receiver(USER, WebhookStream.NOTIFICATIONS, last=1, delivered_through=1)
        self.notified.rotated(1, 1.0, 1.5, 0)
        self.notified.requests = [
            replace(
                again, kind="notification", balance_minor=None, reference=SECOND, signed_by=(1,)
            )
        ]
        self.notified.attempts = [Attempt(1, 1, 29.9, 0.2, 204, True)]
        self.record = Record(
            seed=7, epoch_offset=OFFSET, receivers=[self.events, self.notified]
        )  # fmt: skip

    def check(self, *, is_over: bool = True) -> list[str]:
        found = list(checker_webhooks.check(self.record, self.ledgers, is_over=is_over))
        assert {violation.promise for violation in found} <= {8}
        return [f"{each.where}: {each.sentence}" for each in found]


@pytest.fixture
def run() -> Run:
    return Run()


def test_a_correct_record_has_no_violations(run: Run) -> None:
    assert run.check() == []
    assert run.check(is_over=False) == []


def test_during_a_run_events_may_be_under_way_or_newer_than_the_ledgers(run: Run) -> None:
    run.ledgers.users[USER].entries.pop()
    run.ledgers.users[USER].notified.clear()
    assert run.check(is_over=False) == []
    assert run.check() != []


def test_an_attempt_during_a_fault_may_be_missing(run: Run) -> None:
    run.events.attempts.pop(0)
    run.events.attempts[0] = replace(run.events.attempts[0], attempt=1)
    assert run.check() == [
        "wallet.event 1: The attempt that was answered with 500 was not recorded."
    ]
    run.record.faults = [InjectedFault("PostgreSQL killed", 9.0, 10.0, 12.0)]
    assert run.check() == []


def test_a_rotation_without_an_answer_may_have_replaced_a_secret(run: Run) -> None:
    run.events.rotating(45.0, 0)
    change(run.events, 2, signed_by=())
    # With which secret it was signed instead, the receiver was not told.
    assert "wallet.event 2: It was not signed with secret 2, which was active." not in run.check()


def change(receiver: Receiver, place: int, **changes: object) -> None:
    receiver.requests[place] = replace(receiver.requests[place], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda run: change(run.events, 1, is_processed=False),
            "wallet.event 2: The receiver processed 2 after 0, and missed those between them.",
        ),
        (
            lambda run: run.events.requests.append(
                replace(run.events.requests[2], arrived=60.0, timestamp=OFFSET + 60)
            ),
            "wallet.event 2: The receiver processed 2 after 2, again.",
        ),
        (
            lambda run: change(run.events, 1, answered=50.1),
            "wallet.event 2: It was sent before 1 had been acknowledged.",
        ),
        (
            lambda run: change(run.events, 1, reply="cut", answered=None),
            "wallet.event 2: It was sent before 1 had been acknowledged.",
        ),
        (
            lambda run: change(run.events, 1, event_id="evt_3"),
            "wallet.event 1: It was sent as evt_1, and then as evt_3.",
        ),
        (
            lambda run: change(run.events, 2, event_id="evt_1"),
            "wallet.event 2: Events 1 and 2 were both sent as evt_1.",
        ),
        (
            lambda run: change(run.events, 2, path=ELSEWHERE),
            f"wallet.event 2: A request came to {ELSEWHERE}: a redirect was followed.",
        ),
        (
            lambda run: change(run.events, 2, signed_by=(1, 2)),
            "wallet.event 2: It was signed with secret 1, which had expired.",
        ),
        (
            lambda run: change(run.events, 0, signed_by=(1, 2)),
            "wallet.event 1: It was signed with secret 2 before that was made.",
        ),
        (
            lambda run: change(run.events, 1, signed_by=(2,)),
            "wallet.event 1: It was not signed with secret 1, which was active.",
        ),
        (
            lambda run: change(run.events, 2, signed_by=()),
            "wallet.event 2: It was not signed with secret 2, which was active.",
        ),
        (
            lambda run: run.ledgers.users[USER].entries.pop(),
            "wallet.event 2: It was sent, and the ledger does not have it.",
        ),
        (
            lambda run: change(run.events, 2, kind="notification"),
            "wallet.event 2: It was sent with the type 'notification'.",
        ),
        (
            lambda run: setattr(run.events, "last", 1),
            "wallet.event 2: It processed events up to 2, and stores 1.",
        ),
        (
            lambda run: run.events.requests.pop(),
            "wallet.event 2: The receiver processed events up to 1 of 2.",
        ),
        (
            lambda run: setattr(run.events, "delivered_through", 1),
            "wallet.event 2: `deliveredThrough` is 1, and the newest 2.",
        ),
        (
            lambda run: run.events.attempts.pop(),
            "wallet.event 2: No attempt that delivered it was recorded.",
        ),
        (
            lambda run: run.events.attempts.pop(0),
            "wallet.event 1: Its attempts have the numbers [2].",
        ),
        (
            lambda run: run.events.requests.pop(),
            "wallet.event 2: An attempt is recorded as delivered, and the receiver never "
            "acknowledged it.",
        ),
        (
            lambda run: run.notified.requests.clear(),
            "notification 1: The receiver processed events up to 0 of 1.",
        ),
    ],
)
def test_each_error_is_found(run: Run, spoil: Callable[[Run], object], sentence: str) -> None:
    spoil(run)
    assert sentence in run.check()


@pytest.mark.parametrize("changes", [{"balance_minor": 1251}, {"reference": FIRST}])
def test_another_content_than_that_of_the_ledger_is_found(
    run: Run, changes: dict[str, object]
) -> None:
    change(run.events, 2, **changes)
    [sentence] = run.check()
    assert sentence.startswith("wallet.event 2: It was sent with ")
    run = Run()
    change(run.notified, 0, **changes)
    [sentence] = run.check()
    assert sentence.startswith("notification 1: It was sent with ")
