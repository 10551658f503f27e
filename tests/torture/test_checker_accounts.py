"""The checker finds what is wrong with restrictions, confirmations and top-ups in hand-written records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from torture import checker_barred, checker_confirmations, checker_top_ups
from torture.ledgers import AccountLedger, Entry, Ledgers, TakenRow, TopUpRow
from torture.provider_records import Payment, ProviderRecords, Taken
from torture.record import Command, Operation, Record
from torture.record_accounts import AskedTopUp, Bar, Barred, Lift

ALPHA, BETA, TOP_UP = UUID(int=1), UUID(int=2), UUID(int=3)
CREDIT, TAKEN, RETURNED, SENT = (UUID(int=number) for number in range(11, 15))
SECOND = 1_000_000


class Run:
    """Alpha paid 5.00, of which 2.00 were refunded, then sent 1.00 with a confirmation."""

    def __init__(self) -> None:
        self.credit = Entry(
            1, CREDIT, "top_up", True, 500, 0, None, None, 500, SECOND, "top-up-key"
        )
        self.reversal = Entry(
            2, TAKEN, "reversal", False, 200, 0, None, None, 300, 2 * SECOND, None, CREDIT
        )
        self.sent = Entry(3, SENT, "transfer", False, 100, 0, BETA, None, 200, 3 * SECOND, "sent")
        self.row = TopUpRow(ALPHA, TOP_UP, 500, "REVERSED", "top-up-key", "pi", CREDIT, None)
        self.taken = TakenRow(
            ALPHA, UUID(int=21), "re", 200, "POSTED", False, 200, (TAKEN,), None, SECOND
        )
        self.payment = Payment("cs", "pi", ALPHA, TOP_UP, 500, (Taken("re", 200, False),))
        self.account = AccountLedger(ALPHA, 200, 3)
        self.asked = AskedTopUp(ALPHA, 500, "top-up-key", 0.1, 0.2, answer="TopUpStarted")
        self.command = Command(
            ALPHA, Operation.SEND_MONEY, "sent", BETA, 100, None, 2.5, confirmation=("c-1", "code")
        )
        self.barred: list[Barred] = []
        self.lifts: list[Lift] = []
        self.more: list[Entry] = []

    def check(self) -> list[str]:
        self.account.entries = [self.credit, self.reversal, self.sent, *self.more]
        ledgers = Ledgers({ALPHA: self.account}, top_ups=[self.row], taken=[self.taken])
        record = Record(
            seed=7,
            commands=[self.command],
            barred=self.barred,
            lifts=self.lifts,
            careful={ALPHA},
            top_ups=[self.asked],
            at_provider=ProviderRecords([self.payment] if self.payment else []),
        )
        checks = (checker_barred, checker_confirmations, checker_top_ups)
        return [each.sentence for check in checks for each in check.check(record, ledgers)]


def test_a_correct_run_breaks_nothing() -> None:
    assert Run().check() == []


def change(what: str, **values: object) -> Callable[[Run], None]:
    def changed(run: Run) -> None:
        setattr(run, what, replace(getattr(run, what), **values))

    return changed


def both(*changes: Callable[[Run], None]) -> Callable[[Run], None]:
    def changed(run: Run) -> None:
        for each in changes:
            each(run)

    return changed


def bar(what: Bar, since: float, until: int | None = None) -> Callable[[Run], None]:
    return lambda run: run.barred.append(Barred(ALPHA, what, since - 0.5, since, until))


_OPEN = change("taken", status="WAITING", is_short=True, taken_minor=0, references=())
_NOT_TAKEN = both(
    _OPEN,
    change("reversal", kind="transfer", is_incoming=True, reverses=None),
)
_AGAIN = replace(Run().sent, sequence=4, reference=UUID(int=31), key="again", created_at=4 * SECOND)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (bar(Bar.SENDING, 2.5), "barred from SENDING"),
        (bar(Bar.EVERYTHING, 2.5), "barred from EVERYTHING"),
        (both(change("row", key="other"), bar(Bar.ADDING, 0.5)), "barred from ADDING"),
        (
            both(change("sent", is_incoming=True), bar(Bar.RECEIVING, 2.5)),
            "barred from RECEIVING",
        ),
        (change("account", closed_at=4 * SECOND), "is closed and has a balance of 200"),
        (change("account", closed_at=2 * SECOND), "closed at"),
        (change("command", confirmation=None), "without a confirmation"),
        (
            both(
                lambda run: run.more.append(_AGAIN),
                lambda run: setattr(run, "sent", replace(run.sent, key="again")),
                change("command", key="again"),
            ),
            "One code confirmed several",
        ),
        (change("asked", key="another"), "No user requested this top-up"),
        (change("asked", amount_minor=501), "501 was requested"),
        (change("row", top_up_id=BETA), "top-up that does not exist"),
        (change("row", status="FAILED"), "neither credited nor refunded"),
        (
            change("row", status="FAILED", refund="MADE"),
            "It was refunded, and the provider still has 300",
        ),
        (change("credit", key="other"), "credited 0 times"),
        (lambda run: run.more.append(replace(run.credit, sequence=4)), "credited 2 times"),
        (change("payment", amount_minor=400), "400 was paid"),
        (change("row", payment_id="other"), "500 was paid"),
        (change("payment", taken=()), "the provider does not know of it"),
        (change("payment", taken=()), "The provider has 500 of it, and the account 300"),
        (change("taken", source_id="other"), "nobody knows it"),
        (change("taken", status="RETURNED"), "it is RETURNED with 200"),
        (
            change("payment", taken=(Taken("re", 200, True),)),
            "The provider returned re, which is POSTED",
        ),
        (_NOT_TAKEN, "the balance of 200 covers it"),
        (
            both(_NOT_TAKEN, change("account", balance_minor=199)),
            "the account is not restricted",
        ),
        (lambda run: setattr(run, "payment", None), "the provider has no payment"),
        (
            lambda run: run.more.append(replace(run.credit, sequence=4, key="returned:x")),
            "Nothing was returned",
        ),
    ],
)
def test_what_is_wrong_is_found(broken: Callable[[Run], None], sentence: str) -> None:
    run = Run()
    broken(run)
    assert any(sentence in each for each in run.check()), run.check()


@pytest.mark.parametrize(
    "allowed",
    [
        bar(Bar.SENDING, 3.5),
        bar(Bar.SENDING, 1.5, 3 * SECOND),
        # What was paid is credited whatever the account is barred from.
        bar(Bar.ADDING, 0.5),
        both(
            bar(Bar.SENDING, 1.5),
            lambda run: setattr(run.barred[0], "lifted", 2.5),
        ),
        both(
            _NOT_TAKEN,
            change("account", balance_minor=199, is_restricted=True),
        ),
        both(
            _NOT_TAKEN,
            change("account", balance_minor=199),
            lambda run: run.lifts.append(Lift(ALPHA, 1.0, 1.5)),
        ),
    ],
)
def test_what_is_allowed_breaks_nothing(allowed: Callable[[Run], None]) -> None:
    run = Run()
    allowed(run)
    assert run.check() == []
