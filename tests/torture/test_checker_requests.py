"""The checker finds what is wrong with payment requests in hand-written records, and nothing in a correct one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from torture import checker_requests
from torture.ledgers import AccountLedger, Entry, Ledgers, Notified, RequestRow
from torture.record import Record
from torture.record_requests import Act, AskedRequest, Attempt

ALPHA, BETA, REQUEST, DINNER = UUID(int=1), UUID(int=2), UUID(int=11), UUID(int=101)


class Run:
    """Alpha requests 2.50 from Beta, who pays it; Alpha tries to cancel it at the same time."""

    def __init__(self) -> None:
        sent = Entry(1, DINNER, "transfer", False, 250, 0, ALPHA, "dinner", 750, 60, "key-of-beta")
        received = replace(sent, is_incoming=True, counterparty_id=BETA, key=None)
        self.alpha = AccountLedger(ALPHA, 250, 1, entries=[received])
        self.alpha.notified = [
            Notified(1, "money_received", 1),
            Notified(2, "request_paid", 1, REQUEST),
        ]
        self.beta = AccountLedger(BETA, 750, 1, entries=[sent])
        self.beta.notified = [Notified(1, "request_received", None, REQUEST)]
        own = RequestRow(
            ALPHA, REQUEST, "requester", ALPHA, BETA, False, 250, "dinner", "paid", DINNER, 90, 60,
            "key-of-alpha",
        )  # fmt: skip
        self.own, self.other = own, replace(own, user_id=BETA, role="payer", key=None)
        self.paying = Attempt(Act.PAY, BETA, 3.0, 4.0, answer="MoneySent", key="key-of-beta")
        self.cancelling = Attempt(Act.CANCEL, ALPHA, 3.0, 4.0, answer="RequestClosed")
        self.asked = AskedRequest(
            ALPHA, BETA, 250, "dinner", "key-of-alpha", 1.0, 2.0, "id", "MoneyRequested",
            [self.paying, self.cancelling],
        )  # fmt: skip
        self.record = Record(seed=7, requests=[self.asked])

    def check(self) -> list[str]:
        ledgers = Ledgers(
            users={ALPHA: self.alpha, BETA: self.beta},
            requests=[row for row in (self.own, self.other) if row is not None],
            read_at=100.0,
        )
        return [each.sentence for each in checker_requests.check(self.record, ledgers)]

    def store(self, **changed: object) -> None:
        """The same changes in both rows."""
        self.own = replace(self.own, **changed)  # type: ignore[arg-type]
        self.other = replace(self.other, **changed)  # type: ignore[arg-type]


def test_a_correct_run_breaks_nothing() -> None:
    assert Run().check() == []


def _forget_the_payer(run: Run) -> None:
    run.other = None  # type: ignore[assignment]


def _forget_the_requester(run: Run) -> None:
    run.own = None  # type: ignore[assignment]


def _forget_the_notice(run: Run) -> None:
    run.alpha.notified.pop()


def _tell_twice(run: Run) -> None:
    run.beta.notified.append(Notified(2, "request_received", None, REQUEST))


def _pay_late(run: Run) -> None:
    run.store(expires_at=60)


def _pay_another_amount(run: Run) -> None:
    run.alpha.entries[0].amount_minor = run.beta.entries[0].amount_minor = 249


def _lose_an_entry(run: Run) -> None:
    run.beta.entries.clear()


def _pay_twice(run: Run) -> None:
    again = Attempt(Act.PAY, BETA, 5.0, 6.0, answer="MoneySent", key="another-key")
    run.asked.attempts.append(again)
    run.beta.entries.append(
        replace(run.beta.entries[0], sequence=2, reference=UUID(int=102), key="another-key")
    )


def _acknowledge_both(run: Run) -> None:
    run.cancelling.answer = "PaymentRequestClosed"


def _leave_open(run: Run) -> None:
    run.store(status="pending", reference=None, closed_at=None, expires_at=10**9)


def _differ(run: Run) -> None:
    run.other = replace(run.other, status="declined", reference=None)


def _store_a_refused_one(run: Run) -> None:
    run.asked.answer = "RequestNotAllowed"


def _store_another_amount(run: Run) -> None:
    run.asked.amount_minor = 251


def _ask_somebody_else(run: Run) -> None:
    run.asked.payer_id = UUID(int=3)


def _invent(run: Run) -> None:
    run.record.requests.clear()


def _lose_it(run: Run) -> None:
    run.own = replace(run.own, key="a-key-of-nobody")
    run.other = replace(run.other, key=None)


@pytest.mark.parametrize(
    "damage",
    [
        _forget_the_payer, _forget_the_requester, _forget_the_notice, _tell_twice, _pay_late,
        _pay_another_amount, _lose_an_entry, _pay_twice, _acknowledge_both, _leave_open, _differ,
        _store_a_refused_one, _store_another_amount, _ask_somebody_else, _invent, _lose_it,
    ],
)  # fmt: skip
def test_each_kind_of_damage_is_found(damage: Callable[[Run], None]) -> None:
    run = Run()
    damage(run)
    assert run.check()


def test_what_has_not_ended_is_not_judged_while_money_moves() -> None:
    run = Run()
    run.cancelling.answer, run.cancelling.ended = "PaymentRequestClosed", 0.0
    ledgers = Ledgers(
        users={ALPHA: run.alpha, BETA: run.beta}, requests=[run.own, run.other], read_at=100.0
    )
    assert [*checker_requests.check(run.record, ledgers, is_over=False)] == []
