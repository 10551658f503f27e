"""The checker finds each broken promise in hand-written records, and nothing in a correct one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from torture import checker
from torture.ledgers import (
    AccountLedger,
    Entry,
    Ledgers,
    MailRow,
    Notified,
    OperatedRow,
    Totals,
)
from torture.record import (
    Closing,
    Command,
    DelayedRequest,
    Failure,
    InjectedFault,
    Mail,
    Operation,
    Outcome,
    Read,
    Record,
    Subscriber,
)
from torture.record_operators import AskedReversal
from torture.violations import MOST_OF_A_KIND

ALPHA, BETA, GAMMA = UUID(int=1), UUID(int=2), UUID(int=3)
TOP_UP, LUNCH, MAIL_ID = UUID(int=101), UUID(int=102), UUID(int=201)


class Run:
    """Alpha adds 10.00 and sends Beta 2.50 for a fee of 0.05; everything is observed."""

    def __init__(self) -> None:
        added = Entry(1, TOP_UP, "top_up", True, 1000, 0, None, None, 1000, 50, "key-of-the-top-up")
        sent = Entry(
            2, LUNCH, "transfer", False, 250, 5, BETA, "lunch", 745, 60, "key-of-the-lunch"
        )
        received = replace(
            sent, sequence=1, is_incoming=True, fee_minor=0, counterparty_id=ALPHA,
            balance_after_minor=250, key=None,
        )  # fmt: skip
        self.alpha = AccountLedger(ALPHA, 745, 2, "alpha@example.com", 2, [added, sent])
        self.beta = AccountLedger(BETA, 250, 1, "beta@example.com", 1, [received], 1)
        self.beta.notified = [Notified(1, "money_received", 1)]
        self.ledgers = Ledgers(
            users={ALPHA: self.alpha, BETA: self.beta},
            mails=[MailRow(MAIL_ID, "beta@example.com", "reset_password", "sent")],
            read_at=100.0,
        )
        self.adding = command(
            Operation.ADD_BALANCE, "key-of-the-top-up", None, 1000, 1.0, 2.0, TOP_UP, 1, 1000
        )
        self.sending = command(
            Operation.SEND_MONEY, "key-of-the-lunch", BETA, 250, 3.0, 4.0, LUNCH, 2, 745
        )
        self.sending.note = "lunch"
        self.read = Read(BETA, 5.0, 5.5, 250, 1, ((1, LUNCH),))
        self.listener = Subscriber(
            ALPHA, "websocket", [1, 2], [1000, 745], 0, 0, [TOP_UP, LUNCH], [2.1, 4.1]
        )
        self.notified = Subscriber(BETA, "sse", [1], references=[LUNCH])
        self.mail = Mail("beta@example.com", "reset_password", asked=1, caught=1, began=8.0)
        self.fault = InjectedFault("valkey", 1.0, 2.0, 3.0, kills=False)
        self.record = Record(
            seed=7,
            commands=[self.adding, self.sending],
            reads=[Read(BETA, 0.5, 0.7, 0, 0), self.read],
            subscribers=[self.listener],
            notified=[self.notified],
            pushed_notifications={BETA: [1, 1]},
            pushed={ALPHA: [1, 2, 1, 2], BETA: [1]},
            pushed_content={
                ALPHA: [(1000, TOP_UP), (745, LUNCH), (1000, TOP_UP), (745, LUNCH)],
                BETA: [(250, LUNCH)],
            },
            faults=[self.fault],
            mails=[self.mail],
            caught={MAIL_ID: 1},
            delivered={MAIL_ID: [("beta@example.com", 9.0)]},
            audit_status=0,
            receipts={"of the top-up", "of the lunch"},
            receipts_contained=2,
            fee_basis_points=200,
        )

    def again(self, **changes: object) -> Command:
        """The lunch requested once more with the same key, after it was acknowledged."""
        usual = {"began": 6.0, "answer_began": 6.0, "ended": 7.0, "replayed": True}
        command = replace(self.sending, **{**usual, **changes})  # type: ignore[arg-type]
        self.record.commands.append(command)
        return command

    def refused(self, **changes: object) -> Command:
        """A refusal of another key of Alpha's."""
        command = Command(
            ALPHA, Operation.SEND_MONEY, "key-of-a-refusal", BETA, 9999, None, 5.0, 5.5, 1,
            outcome=Outcome.REFUSED, refusal="InsufficientFunds",
        )  # fmt: skip
        command = replace(command, **changes)  # type: ignore[arg-type]
        self.record.commands.append(command)
        return command

    def closed(self, **changes: object) -> Closing:
        """A key that Alpha closed from 6.0 to 6.5, before it was ever used."""
        closing = Closing(
            ALPHA, Operation.SEND_MONEY, "key-that-is-closed", 6.0, 6.5, is_answered=True
        )
        closing = replace(closing, **changes)  # type: ignore[arg-type]
        self.record.closings.append(closing)
        return closing

    def delayed(self, **changes: object) -> DelayedRequest:
        """A request with that key, held since 5.0 and delivered after the key was closed."""
        request = DelayedRequest(
            ALPHA,
            Operation.SEND_MONEY,
            "key-that-is-closed",
            5.0,
            None,
            60.0,
            "IdempotencyKeyClosed",
        )
        request = replace(request, **changes)  # type: ignore[arg-type]
        self.record.delayed.append(request)
        return request

    def check(self) -> list[checker.Violation]:
        return checker.check(self.record, self.ledgers)


def command(
    operation: Operation,
    key: str,
    recipient_id: UUID | None,
    amount_minor: int,
    began: float,
    ended: float,
    reference: UUID,
    sequence: int,
    balance_minor: int,
) -> Command:
    return Command(
        ALPHA, operation, key, recipient_id, amount_minor, None, began, ended, 1, 0, began,
        Outcome.ACKNOWLEDGED, None, reference, sequence, balance_minor, balance_minor, sequence, False,
    )  # fmt: skip


@pytest.fixture
def run() -> Run:
    return Run()


def promises(found: list[checker.Violation]) -> set[int]:
    return {violation.promise for violation in found}


# ================================================================ nothing is broken


def test_a_correct_record_has_no_violations(run: Run) -> None:
    assert run.check() == []
    assert checker.check_so_far(run.record, run.ledgers, 100.0) == []
    assert checker.RunningChecks().look(run.record, Totals(995, 250, 5, 1000), 100.0) == []


def test_what_a_crash_may_cause_is_no_violation(run: Run) -> None:
    run.fault.kills, run.fault.began, run.fault.ended = True, 8.5, 8.6
    run.fault.recovered_at = 9.5
    run.record.caught = {MAIL_ID: 2}
    run.record.failures.append(Failure(9.0, 200, "UNAVAILABLE", "away"))
    run.record.pushed[ALPHA], run.record.pushed_content = [1, 1, 2, 1, 2], {}
    run.sending.lost, run.sending.replayed = 3, True
    assert run.check() == []


def test_an_unanswered_command_is_there_once_or_never(run: Run) -> None:
    run.sending.outcome, run.sending.reference, run.sending.sequence = (
        Outcome.UNANSWERED,
        None,
        None,
    )
    run.sending.found_by_key, run.sending.found_reference = True, LUNCH
    run.refused(outcome=Outcome.UNANSWERED, refusal=None, found_by_key=False)
    assert run.check() == []


def test_a_key_that_is_used_again_replays_or_is_refused(run: Run) -> None:
    run.again()
    run.again(
        amount_minor=1, outcome=Outcome.REFUSED, reference=None, refusal="IdempotencyKeyReused"
    )
    run.refused()
    assert run.check() == []


def test_a_refusal_is_final_only_where_no_other_try_was_lost(run: Run) -> None:
    run.sending.outcome, run.sending.refusal = Outcome.REFUSED, "InsufficientFunds"
    assert promises(run.check()) == {2}
    run.sending.lost = 1
    assert run.check() == []


def test_a_refusal_may_contain_any_balance_of_that_time(run: Run) -> None:
    run.refused(refused_balance_minor=745)
    run.refused(refused_balance_minor=745, amount_minor=731)
    run.refused(refused_balance_minor=1000, began=3.5)
    run.refused(refused_balance_minor=0, began=1.5, ended=2.5)
    assert run.check() == []


def test_opening_balances_were_requested_by_no_command(run: Run) -> None:
    run.record.commands.remove(run.adding)
    assert promises(run.check()) == {2}
    run.alpha.entries[0].key = "opening-balance"
    assert run.check() == []


def test_a_closed_key_refuses_whatever_comes_later(run: Run) -> None:
    run.closed()
    run.delayed()
    run.delayed(answer=None)
    run.delayed(answer="UNAVAILABLE")
    run.refused(key="key-that-is-closed", refusal="IdempotencyKeyClosed", began=8.0, ended=8.5)
    run.refused(key="key-that-is-closed", refusal="InsufficientFunds")
    run.closed(key="key-of-the-lunch", reference=LUNCH)
    run.delayed(key="key-of-the-lunch", answer="MoneySent", replayed=True)
    assert run.check() == []
    assert checker.check_so_far(run.record, run.ledgers, 100.0) == []


def test_a_closing_that_was_not_answered_may_have_closed_the_key_or_not(run: Run) -> None:
    run.closed(is_answered=False, lost=1)
    run.closed(key="key-of-the-lunch", is_answered=False, lost=1)
    run.delayed()
    run.refused(key="key-that-is-closed", refusal="IdempotencyKeyClosed", began=6.2, ended=6.3)
    assert run.check() == []


def test_what_is_too_late_is_refused_and_leaves_the_key_usable(run: Run) -> None:
    late = {"outcome": Outcome.REFUSED, "refusal": "TooLate", "reference": None}
    run.again(began=2.5, answer_began=2.5, ended=2.6, not_after=2_550_000, **late)
    run.again(not_after=60)
    run.delayed(key="key-of-the-lunch", not_after=10_000_000, answer="TooLate")
    assert run.check() == []


def test_a_reversal_is_within_what_it_reverses(run: Run) -> None:
    returned = Entry(
        2, UUID(int=103), "reversal", False, 250, 0, ALPHA, None, 0, 70, None, LUNCH, 0
    )
    refunded = replace(
        returned, sequence=3, is_incoming=True, amount_minor=255, counterparty_id=BETA,
        balance_after_minor=1000, fee_refunded_minor=5,
    )  # fmt: skip
    operator = UUID(int=9)
    row = OperatedRow(operator, "reversal", LUNCH, 250, "DONE", returned.reference, None)
    run.ledgers.operated.append(row)
    run.record.reversals.append(AskedReversal(operator, LUNCH, 250, "reversal", 6.0))
    for ledger, entry in ((run.beta, returned), (run.alpha, refunded)):
        ledger.entries.append(entry)
        ledger.balance_minor, ledger.sequence = entry.balance_after_minor, entry.sequence
        run.record.pushed[ledger.user_id].append(entry.sequence)
    run.listener.sequences.append(3)
    run.listener.balances_minor.append(1000)
    run.listener.references.append(returned.reference)
    run.listener.arrived.append(7.0)
    assert run.check() == []
    run.beta.entries[0] = replace(run.beta.entries[0], amount_minor=249)
    assert "reverses more" in str(run.check())


def test_metadata_is_seen_by_its_owner_alone(run: Run) -> None:
    order = (("order", "4711"),)
    run.ledgers.users[ALPHA].entries[1].metadata = order
    run.sending.metadata = run.sending.answered_metadata = order
    run.record.reads.append(Read(ALPHA, 6.0, 6.1, 745, 2, ((2, LUNCH), (1, TOP_UP)), (order, ())))
    run.read.metadata = ((),)
    assert run.check() == []
    run.beta.entries[0].metadata = order
    assert promises(run.check()) == {2, 3}


# ================================================================ what is broken

Breaking = Callable[[Run], object]


def append(values: list[Read], value: Read) -> None:
    values.append(value)


MONEY: dict[str, Breaking] = {
    "money from nowhere": lambda run: setattr(run.beta, "balance_minor", 251),
    "somebody owes": lambda run: (
        setattr(run.alpha.entries[1], "balance_after_minor", -1),
        setattr(run.alpha, "balance_minor", -1),
    ),
    "a balance that does not follow": lambda run: setattr(
        run.alpha.entries[0], "balance_after_minor", 999
    ),
    "a gap": lambda run: (
        setattr(run.alpha.entries[1], "sequence", 3),
        setattr(run.alpha, "sequence", 3),
    ),
    "a sequence twice": lambda run: setattr(run.alpha.entries[1], "sequence", 1),
    "a row that is ahead of its ledger": lambda run: setattr(run.beta, "sequence", 2),
    "a transfer with one side": lambda run: setattr(run.beta, "entries", []),
    "sides that differ": lambda run: setattr(run.beta.entries[0], "note", "dinner"),
    "sides of different amounts": lambda run: setattr(run.beta.entries[0], "amount_minor", 249),
    "two senders": lambda run: setattr(run.beta.entries[0], "counterparty_id", GAMMA),
    "an audit that failed": lambda run: setattr(run.record, "audit_status", 1),
    "a receipt that is not contained": lambda run: setattr(run.record, "receipts_contained", 1),
}
COMMANDS: dict[str, Breaking] = {
    "acknowledged and not there": lambda run: setattr(run.sending, "reference", UUID(int=9)),
    "acknowledged without a transaction": lambda run: setattr(run.sending, "reference", None),
    "acknowledged with another amount": lambda run: setattr(run.sending, "amount_minor", 251),
    "acknowledged with another note": lambda run: setattr(run.sending, "note", "dinner"),
    "acknowledged for another recipient": lambda run: setattr(run.sending, "recipient_id", GAMMA),
    "acknowledged with another sequence": lambda run: setattr(run.sending, "sequence", 1),
    "the key forgotten": lambda run: setattr(run.alpha.entries[1], "key", "another-key"),
    "the recipient never got it": lambda run: setattr(run.beta, "entries", []),
    "refused and there": lambda run: (
        run.refused(key="key-of-the-lunch") and (run.record.commands.remove(run.sending))
    ),
    "asked for by nobody": lambda run: run.record.commands.remove(run.sending),
    "one key, two movements": lambda run: (
        setattr(run.alpha.entries[0], "key", "key-of-the-lunch")
        or setattr(run.alpha.entries[0], "kind", "transfer")
    ),
    "a replay with another transaction": lambda run: run.again(reference=TOP_UP),
    "a repeat that moved again": lambda run: run.again(replayed=False),
    "a replay with another receipt": lambda run: (
        run.again(receipt="one") and run.again(receipt="another")
    ),
    "a repeat that was refused": lambda run: run.again(
        outcome=Outcome.REFUSED, refusal="InsufficientFunds"
    ),
    "the same input called another": lambda run: run.again(
        outcome=Outcome.REFUSED, refusal="IdempotencyKeyReused"
    ),
    "another input accepted": lambda run: run.again(amount_minor=251),
    "another input refused for another reason": lambda run: run.again(
        amount_minor=251, outcome=Outcome.REFUSED, refusal="InsufficientFunds"
    ),
    "a fresh key called used": lambda run: run.refused(refusal="IdempotencyKeyReused"),
    "never answered, and nobody could ask by the key": lambda run: setattr(
        run.sending, "outcome", Outcome.UNANSWERED
    ),
    "refused after what an earlier try did had been seen": lambda run: (
        run.record.commands.remove(run.sending),
        run.refused(key="key-of-the-lunch", amount_minor=250, note="lunch", lost=1, ended=6.0),
    ),
    "asking by the key finds nothing": lambda run: (
        setattr(run.sending, "outcome", Outcome.UNANSWERED),
        setattr(run.sending, "found_by_key", False),
    ),
    "asking by the key finds another": lambda run: (
        setattr(run.sending, "outcome", Outcome.UNANSWERED),
        setattr(run.sending, "found_by_key", True),
        setattr(run.sending, "found_reference", TOP_UP),
    ),
    "moved though it was too late": lambda run: setattr(run.sending, "not_after", 59),
    "too late before its time": lambda run: run.refused(refusal="TooLate", not_after=5_600_000),
    "too late without a time": lambda run: run.refused(refusal="TooLate"),
    "too late after it had been acknowledged": lambda run: run.again(
        outcome=Outcome.REFUSED, refusal="TooLate", not_after=1_000
    ),
    "the key called used by what was too late": lambda run: (
        run.refused(refusal="TooLate", not_after=1_000),
        run.refused(refusal="IdempotencyKeyReused", began=6.0, ended=6.5),
    ),
    "acknowledged with other metadata": lambda run: setattr(
        run.sending, "answered_metadata", (("order", "4711"),)
    ),
    "posted with other metadata": lambda run: setattr(run.sending, "metadata", (("order", "1"),)),
    "a replay for other metadata": lambda run: run.again(metadata=(("order", "4711"),)),
    "asking by the key finds what is not there": lambda run: run.refused(
        outcome=Outcome.UNANSWERED, found_by_key=True, found_reference=LUNCH
    ),
}
READS: dict[str, Breaking] = {
    "a read went back": lambda run: append(run.record.reads, Read(BETA, 6.0, 6.1, 0, 0)),
    "a balance that never was": lambda run: setattr(run.read, "balance_minor", 251),
    "a sequence that never was": lambda run: setattr(run.read, "sequence", 2),
    "a refusal for a balance that never was": lambda run: run.refused(refused_balance_minor=744),
    "a refusal for the balance of before": lambda run: run.refused(refused_balance_minor=1000),
    "a refusal for the balance of later": lambda run: run.refused(
        refused_balance_minor=745, began=2.2, ended=2.5
    ),
    "a refusal for want of what there was": lambda run: run.refused(
        refused_balance_minor=745, amount_minor=730
    ),
    "a history that is behind the balance": lambda run: setattr(run.read, "entries", ()),
    "a history with a hole": lambda run: append(
        run.record.reads, Read(ALPHA, 5.0, 5.5, 745, 2, ((2, LUNCH), (0, TOP_UP)))
    ),
    "a history that went back": lambda run: append(
        run.record.reads, Read(ALPHA, 5.0, 5.5, 1000, 1, ((1, TOP_UP),))
    ),
    "an entry that never was": lambda run: setattr(run.read, "entries", ((1, TOP_UP),)),
    "metadata that never was": lambda run: setattr(run.read, "metadata", ((("order", "1"),),)),
    "somebody who never was": lambda run: setattr(run.read, "user_id", GAMMA),
    "the caller does not see what was acknowledged": lambda run: append(
        run.record.reads, Read(ALPHA, 4.5, 4.6, 1000, 1)
    ),
    "the recipient does not see what was acknowledged": lambda run: append(
        run.record.reads, Read(BETA, 4.5, 4.6, 0, 0)
    ),
    "a reader does not see what a subscriber heard": lambda run: (
        setattr(run.sending, "ended", 9.0),
        append(run.record.reads, Read(ALPHA, 4.5, 4.6, 1000, 1)),
    ),
    "an answer with another balance": lambda run: setattr(run.sending, "viewer_balance_minor", 744),
    "a read of what was asked for later": lambda run: append(
        run.record.reads, Read(BETA, 0.1, 0.2, 250, 1)
    ),
    "the clock went back": lambda run: setattr(run.alpha.entries[1], "created_at", 49),
}
LISTENERS: dict[str, Breaking] = {
    "a gap": lambda run: setattr(run.listener, "after_sequence", -1),
    "heard twice": lambda run: setattr(run.listener, "sequences", [1, 1, 2]),
    "heard out of order": lambda run: setattr(run.listener, "sequences", [2, 1]),
    "missed the end": lambda run: setattr(run.listener, "sequences", [1]),
    "heard another balance": lambda run: setattr(run.listener, "balances_minor", [1000, 744]),
    "heard of another transaction": lambda run: setattr(run.listener, "references", [LUNCH]),
    "heard what never was": lambda run: setattr(run.listener, "sequences", [1, 2, 3]),
    "pushed with a gap": lambda run: setattr(run.record, "pushed", {ALPHA: [2, 1, 2], BETA: [1]}),
    "not pushed to the end": lambda run: setattr(run.record, "pushed", {ALPHA: [1], BETA: [1]}),
    "nothing pushed": lambda run: setattr(run.record, "pushed", {}),
    "pushed what never was": lambda run: setattr(
        run.record, "pushed", {ALPHA: [1, 2], BETA: [1, 2]}
    ),
    "pushed another balance": lambda run: setattr(
        run.record, "pushed_content", {BETA: [(251, LUNCH)]}
    ),
    "pushed another transaction": lambda run: setattr(
        run.record, "pushed_content", {BETA: [(250, TOP_UP)]}
    ),
    "pushed to nobody": lambda run: setattr(
        run.record, "pushed", {ALPHA: [1, 2], BETA: [1], GAMMA: []}
    ),
    "not notified": lambda run: run.beta.notified.clear(),
    "notified twice": lambda run: (
        append(run.beta.notified, Notified(2, "money_received", 1)),
        setattr(run.beta, "notification_number", 2),
        append(run.notified.sequences, 2),
        append(run.notified.references, LUNCH),
        append(run.record.pushed_notifications[BETA], 2),
    ),
    "notified of money that was sent": lambda run: append(
        run.alpha.notified, Notified(1, "money_received", 2)
    ),
    "a gap in the numbers": lambda run: setattr(
        run.beta, "notified", [Notified(2, "money_received", 1)]
    ),
    "a number that was not counted": lambda run: setattr(run.beta, "notification_number", 2),
    "heard of a notification twice": lambda run: setattr(run.notified, "sequences", [1, 1]),
    "missed a notification": lambda run: setattr(run.notified, "sequences", []),
    "heard of a notification that never was": lambda run: (
        append(run.notified.sequences, 2),
        append(run.notified.references, None),
    ),
    "notified of another transaction": lambda run: setattr(run.notified, "references", [TOP_UP]),
    "a notification not pushed": lambda run: setattr(run.record, "pushed_notifications", {}),
    "notifications pushed with a gap": lambda run: setattr(
        run.record, "pushed_notifications", {BETA: [2, 1]}
    ),
    "left in the outbox": lambda run: setattr(run.ledgers, "waiting", 1),
}
MAILS: dict[str, Breaking] = {
    "never came": lambda run: setattr(run.record, "caught", {}),
    "came twice": lambda run: setattr(run.record, "caught", {MAIL_ID: 2}),
    "came to somebody else": lambda run: setattr(
        run.record, "delivered", {MAIL_ID: [("alpha@example.com", 9.0)]}
    ),
    "came twice, and the kill was over before it was asked for": lambda run: (
        setattr(run.fault, "kills", True),
        setattr(run.record, "caught", {MAIL_ID: 2}),
    ),
    "not sent": lambda run: setattr(run.ledgers.mails[0], "state", "pending"),
    "given up": lambda run: setattr(run.ledgers.mails[0], "state", "failed"),
    "forgotten": lambda run: setattr(run.mail, "asked", 2),
    "asked for by nobody": lambda run: setattr(run.mail, "asked", 0),
    "rolled back and sent": lambda run: setattr(
        run.record, "caught", {MAIL_ID: 1, UUID(int=202): 1}
    ),
    "counted too few": lambda run: (
        setattr(run.record, "caught", None),
        setattr(run.mail, "caught", 0),
    ),
    "counted too many": lambda run: (
        setattr(run.record, "caught", None),
        setattr(run.mail, "caught", 2),
    ),
}
SERVICE: dict[str, Breaking] = {
    "a process that ended by itself": lambda run: run.record.ended.append("relay-1 ended"),
    "a deadlock": lambda run: run.record.deadlocks.append("deadlock detected"),
    "an error": lambda run: run.record.failures.append(Failure(9.0, 500, "INTERNAL", "masked")),
    "a bad gateway": lambda run: run.record.failures.append(Failure(9.0, 502, None, "")),
    "never ended": lambda run: setattr(run.fault, "ended", None),
    "no service": lambda run: setattr(run.fault, "recovered_at", None),
    "service too late": lambda run: setattr(run.fault, "recovered_at", 12.1),
}
CLOSINGS: dict[str, Breaking] = {
    "money moved with a closed key": lambda run: (
        run.closed(key="key-of-the-lunch", began=2.8, ended=2.9),
        run.record.commands.remove(run.sending),
    ),
    "money moved with a key that was closed later": lambda run: run.closed(key="key-of-the-lunch"),
    "acknowledged with a closed key": lambda run: (
        run.closed(key="key-of-the-lunch"),
        setattr(run.alpha.entries[1], "key", "another-key"),
    ),
    "a delayed request moved money": lambda run: run.closed() and run.delayed(answer="MoneySent"),
    "a delayed request was refused otherwise": lambda run: (
        run.closed() and run.delayed(answer="InsufficientFunds")
    ),
    "a later request was refused otherwise": lambda run: (
        run.closed() and run.refused(key="key-that-is-closed", began=7.0, ended=7.5)
    ),
    "reported as closed by no call": lambda run: run.refused(refusal="IdempotencyKeyClosed"),
    "reported as closed before a call closed it": lambda run: (
        run.closed() and run.refused(key="key-that-is-closed", refusal="IdempotencyKeyClosed")
    ),
    "a delayed request reported as closed by no call": lambda run: run.delayed(),
    "reported as closed and there": lambda run: (
        run.closed(key="key-of-the-lunch", reference=LUNCH),
        run.again(outcome=Outcome.REFUSED, refusal="IdempotencyKeyClosed", ended=7.0),
    ),
    "closing returned another transaction": lambda run: run.closed(
        key="key-of-the-lunch", reference=TOP_UP
    ),
    "closing returned a transaction that never was": lambda run: run.closed(reference=LUNCH),
    "closing had two outcomes": lambda run: (
        run.closed() and run.closed(key="key-that-is-closed", reference=LUNCH)
    ),
}
BROKEN = [
    pytest.param(promise, breaking, id=f"{promise}: {what}")
    for promise, ways in enumerate(
        [MONEY, COMMANDS, READS, LISTENERS, MAILS, SERVICE, CLOSINGS], start=1
    )
    for what, breaking in ways.items()
]


@pytest.mark.parametrize(("promise", "breaking"), BROKEN)
def test_each_broken_promise_is_found_by_its_number(
    run: Run, promise: int, breaking: Breaking
) -> None:
    breaking(run)
    found = run.check()
    assert promise in promises(found), found
    assert all(f"promise {each.promise}, {each.where}" in str(each) for each in found)


# ================================================================ while money moves


def test_what_is_in_progress_is_not_checked_yet(run: Run) -> None:
    run.ledgers.read_at = 3.5
    run.beta.entries, run.beta.balance_minor, run.beta.sequence = [], 0, 0
    run.beta.notified, run.beta.notification_number = [], 0
    del run.alpha.entries[1]
    run.alpha.balance_minor, run.alpha.sequence = 1000, 1
    assert checker.check_so_far(run.record, run.ledgers, 5.0) == []
    run.ledgers.read_at = 100.0
    assert promises(checker.check_so_far(run.record, run.ledgers, 5.0)) >= {2, 3}


def test_a_closing_that_ends_after_the_ledgers_were_read_is_not_checked_yet(run: Run) -> None:
    run.closed(began=120.0, ended=130.0, reference=UUID(int=9))
    run.refused(refusal="IdempotencyKeyClosed", key="key-that-is-closed", began=120.0, ended=125.0)
    assert checker.check_so_far(run.record, run.ledgers, 140.0) == []
    assert promises(run.check()) == {7}


def test_service_has_ten_seconds_from_the_end_of_the_last_fault(run: Run) -> None:
    run.fault.recovered_at = 20.0
    assert promises(run.check()) == {6}
    run.record.faults.append(InjectedFault("postgres", 5.0, 15.0, 20.0, kills=False))
    assert run.check() == []
    run.fault.recovered_at = None
    active = InjectedFault("locks", 19.0, None, None, kills=False)
    run.record.faults = [run.fault]
    assert checker.check_so_far(run.record, run.ledgers, 11.0) == []
    assert promises(checker.check_so_far(run.record, run.ledgers, 12.1)) == {6}
    run.record.faults.append(active)
    assert checker.check_so_far(run.record, run.ledgers, 30.0) == []


def test_checks_during_the_run_report_each_violation_once(run: Run) -> None:
    running = checker.RunningChecks()
    clean = Totals(995, 250, 5, 1000)
    assert running.look(run.record, clean, 100.0) == []
    run.record.reads.append(Read(BETA, 6.0, 6.1, 0, 0))
    run.record.failures.append(Failure(9.0, 500, "INTERNAL", "masked"))
    run.listener.sequences.append(4)
    run.notified.sequences.append(3)
    run.record.pushed[BETA].append(3)
    assert promises(running.look(run.record, None, 101.0)) == {3, 4, 6}
    assert running.look(run.record, clean, 102.0) == []
    assert promises(running.look(run.record, Totals(995, -1, 5, 1000), 103.0)) == {1}
    assert running.look(run.record, Totals(996, -1, 5, 1000), 104.0) == []


def test_one_defect_does_not_fill_pages(run: Run) -> None:
    run.record.reads = [Read(BETA, 6.0 + n, 6.5 + n, 251, 1) for n in range(1000)]
    assert len(run.check()) <= 2 * MOST_OF_A_KIND


def test_reads_that_overlap_may_end_in_any_order(run: Run) -> None:
    # Beta was paid before 4.0, when Alpha was answered: a read that began earlier may not see it.
    run.record.reads += [Read(BETA, 3.9, 9.0, 0, 0), Read(BETA, 3.1, 3.2, 250, 1)]
    assert [violation.where for violation in run.check()] == ["sequence 0"]
    run.record.reads.pop()
    assert run.check() == []
    run.record.reads.append(Read(BETA, 4.1, 4.2, 0, 0))
    assert promises(run.check()) == {3}


def test_a_mail_has_to_arrive_once_if_nothing_was_killed_meanwhile(run: Run) -> None:
    assert checker.count_due_once(run.record, run.ledgers) == 1
    run.fault.kills = True
    assert checker.count_due_once(run.record, run.ledgers) == 1
    run.fault.recovered_at = 8.1
    assert checker.count_due_once(run.record, run.ledgers) == 0


def test_a_full_check_uses_a_copy_of_the_record(run: Run) -> None:
    seen = run.record.so_far()
    run.record.commands[1] = replace(run.sending, ended=0.0)
    run.record.reads.append(Read(BETA, 6.0, 6.1, 0, 0))
    run.record.pushed[GAMMA] = [7]
    run.record.pushed[BETA].append(3)
    run.listener.sequences.append(9)
    run.notified.sequences.append(9)
    run.record.pushed_notifications[BETA].append(9)
    assert checker.check_so_far(seen, run.ledgers, 100.0) == []
    assert promises(checker.check_so_far(run.record, run.ledgers, 100.0)) == {3, 4}


# ================================================================ PostgreSQL's log


def test_deadlocks_are_read_from_the_log_with_their_detail() -> None:
    log = [
        "2026-11-22 10:00:00 UTC [7] wallet ERROR:  duplicate key value violates a constraint",
        "2026-11-22 10:00:01 UTC [8] wallet ERROR:  deadlock detected",
        "2026-11-22 10:00:01 UTC [8] wallet DETAIL:  Process 8 waits for ShareLock on 5;",
        "\tProcess 9 waits for ShareLock on 4;",
        "2026-11-22 10:00:02 UTC [9] wallet LOG:  checkpoint starting",
    ]
    [found] = checker.read_deadlocks(log)
    assert "Process 8" in found
    assert "Process 9" in found
    assert "checkpoint" not in found
