"""The checker finds what is wrong with scheduled transfers in hand-written records, and nothing in a correct one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from domain.schedules import schedules
from torture import checker, checker_commands, checker_schedules
from torture.ledgers import AccountLedger, Entry, Ledgers, Notified, RunRow, ScheduleRow
from torture.record import Record
from torture.record_schedules import AskedSchedule

ALPHA, BETA, SCHEDULE = UUID(int=1), UUID(int=2), UUID(int=11)


class Run:
    """Alpha pays Beta 2.50 each day: twice so far, and a third run has failed."""

    def __init__(self) -> None:
        first, second = (
            Entry(
                sequence, UUID(int=100 + sequence), "transfer", False, 250, 0, BETA, "daily",
                1000 - 250 * sequence, 60 * sequence, schedules.run_key(SCHEDULE, sequence),
            )
            for sequence in (1, 2)
        )  # fmt: skip
        self.alpha = AccountLedger(ALPHA, 500, 2, entries=[first, second])
        self.alpha.notified = [
            Notified(number, "scheduled_transfer_sent", number, SCHEDULE) for number in (1, 2)
        ]
        self.row = ScheduleRow(ALPHA, SCHEDULE, BETA, 250, "daily", "ACTIVE", "a-key", 4, 10**9)
        self.runs = [
            RunRow(ALPHA, SCHEDULE, 1, "SENT", 1, 50),
            RunRow(ALPHA, SCHEDULE, 2, "SENT", 2, 100),
            RunRow(ALPHA, SCHEDULE, 3, "FAILED", None, 150),
        ]
        self.asked = AskedSchedule(ALPHA, BETA, 250, "daily", "a-key", 1.0, 2.0, "id")
        self.asked.answer = "TransferScheduled"
        self.record = Record(seed=7, schedules=[self.asked])
        self.clock = 1_000

    @property
    def ledgers(self) -> Ledgers:
        return Ledgers(
            users={ALPHA: self.alpha},
            schedules=[self.row],
            runs=self.runs,
            clock=self.clock,
            read_at=100.0,
        )

    def check(self) -> list[str]:
        return [each.sentence for each in checker_schedules.check(self.record, self.ledgers)]


def test_a_correct_run_breaks_nothing() -> None:
    assert Run().check() == []


def test_what_runs_sent_needs_no_command() -> None:
    run = Run()
    received = checker_commands.incoming(run.ledgers)
    assert [*checker_commands.check(run.record, run.ledgers, received)] == []
    assert 10 in checker.PROMISES


def _send_twice(run: Run) -> None:
    run.alpha.entries.append(replace(run.alpha.entries[1], sequence=3, reference=UUID(int=103)))


def _send_none(run: Run) -> None:
    run.alpha.entries.pop()


def _send_though_failed(run: Run) -> None:
    run.runs[1] = replace(run.runs[1], status="FAILED", sequence=None)


def _send_another_amount(run: Run) -> None:
    run.alpha.entries[0].amount_minor = 251


def _send_early(run: Run) -> None:
    run.runs[0] = replace(run.runs[0], due_at=61)


def _send_out_of_order(run: Run) -> None:
    run.runs = [replace(run.runs[0], sequence=2), replace(run.runs[1], sequence=1), run.runs[2]]


def _skip_a_run(run: Run) -> None:
    run.runs.pop(0)


def _send_without_a_run(run: Run) -> None:
    key = schedules.run_key(UUID(int=12), 1)
    run.alpha.entries.append(replace(run.alpha.entries[1], sequence=3, key=key))


def _forget_the_notice(run: Run) -> None:
    run.alpha.notified.pop()


def _leave_a_run_due(run: Run) -> None:
    run.clock = 10**9 + 1


def _lose_it(run: Run) -> None:
    run.row = replace(run.row, key="a-key-of-nobody")


def _store_a_refused_one(run: Run) -> None:
    run.asked.answer = "InvalidAmount"


def _store_another_recipient(run: Run) -> None:
    run.asked.recipient_id = UUID(int=3)


@pytest.mark.parametrize(
    "damage",
    [
        _send_twice, _send_none, _send_though_failed, _send_another_amount, _send_early,
        _send_out_of_order, _skip_a_run, _send_without_a_run, _forget_the_notice,
        _leave_a_run_due, _lose_it, _store_a_refused_one, _store_another_recipient,
    ],
)  # fmt: skip
def test_each_kind_of_damage_is_found(damage: Callable[[Run], None]) -> None:
    run = Run()
    damage(run)
    assert run.check()
