"""Compares what the callers of a run observed with the ledgers, and reports each broken promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from torture import (
    checker_barred,
    checker_closings,
    checker_commands,
    checker_confirmations,
    checker_listeners,
    checker_money,
    checker_notifications,
    checker_operators,
    checker_reads,
    checker_requests,
    checker_schedules,
    checker_service,
    checker_top_ups,
    checker_webhooks,
)
from torture.checker_reads import Horizon
from torture.checker_service import (
    count_due_once,
    read_deadlocks,
)
from torture.ledgers import Ledgers, Totals
from torture.record import Record
from torture.violations import PROMISES, Violation, most

__all__ = [
    "PROMISES",
    "RunningChecks",
    "Violation",
    "check",
    "check_so_far",
    "count_due_once",
    "read_deadlocks",
]


def check(record: Record, ledgers: Ledgers) -> list[Violation]:
    """All checks, once all faults have ended and the queues are empty."""
    received = checker_commands.incoming(ledgers)
    return [
        *checker_money.check(record, ledgers),
        *checker_commands.check(record, ledgers, received),
        *checker_reads.check(record, ledgers, received),
        *checker_listeners.check(record, ledgers),
        *checker_notifications.check(record, ledgers),
        *checker_service.check_mails(record, ledgers),
        *checker_service.check_service(record),
        *checker_closings.check(record, ledgers),
        *checker_webhooks.check(record, ledgers),
        *checker_requests.check(record, ledgers),
        *checker_schedules.check(record, ledgers),
        *checker_operators.check(record, ledgers),
        *checker_barred.check(record, ledgers),
        *checker_confirmations.check(record, ledgers),
        *checker_top_ups.check(record, ledgers),
    ]


def check_so_far(record: Record, ledgers: Ledgers, now: float) -> list[Violation]:
    """The checks that are possible while money moves: of what had ended before the ledgers were read."""
    received = checker_commands.incoming(ledgers)
    return [
        *checker_money.check(record, ledgers),
        *checker_commands.check(record, ledgers, received, is_over=False),
        *checker_reads.check(record, ledgers, received, is_over=False),
        *checker_listeners.check(record, ledgers, is_over=False),
        *checker_notifications.check(record, ledgers, is_over=False),
        *checker_service.check_service(record, now),
        *checker_closings.check(record, ledgers, is_over=False),
        *checker_webhooks.check(record, ledgers, is_over=False),
        *checker_requests.check(record, ledgers, is_over=False),
        *checker_schedules.check(record, ledgers, is_over=False),
        *checker_operators.check(record, ledgers, is_over=False),
        *checker_barred.check(record, ledgers),
    ]


@dataclass(slots=True)
class RunningChecks:
    """A quick check every few seconds of what was added to the record since the previous one."""

    _reads: int = 0
    _failures: int = 0
    #: Number of events checked so far, by position of the subscriber in the record, and by user.
    _heard: dict[int, int] = field(default_factory=dict)
    _notified: dict[int, int] = field(default_factory=dict)
    _pushed: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    _horizons: dict[UUID, Horizon] = field(default_factory=dict)
    #: Promise, user and location of each violation reported so far.
    _told: set[tuple[int, UUID | None, str]] = field(default_factory=set)

    def look(self, record: Record, totals: Totals | None, now: float) -> list[Violation]:
        """New violations, each reported once; `totals` is None while the database is unavailable."""
        found = [
            *(checker_money.check_totals(totals) if totals is not None else ()),
            *self._backwards(record),
            *self._listeners(record),
            *most(checker_service.check_failures(record, self._failures)),
            *checker_service.check_recoveries(record, now),
        ]
        self._failures = len(record.failures)
        news = {(each.promise, each.user_id, each.where): each for each in found}
        told, self._told = self._told, self._told | news.keys()
        return [each for place, each in news.items() if place not in told]

    def _backwards(self, record: Record) -> Sequence[Violation]:
        found: list[Violation] = []
        for read in record.reads[self._reads :]:
            horizon = self._horizons.setdefault(read.user_id, Horizon())
            seen = [checker_reads.of_read(read)]
            found += checker_reads.backwards(read.user_id, horizon, seen)
        self._reads = len(record.reads)
        return found

    def _listeners(self, record: Record) -> Sequence[Violation]:
        found: list[Violation] = []
        for place, listener in enumerate(record.subscribers):
            found += checker_listeners.in_order(listener, self._heard.get(place, 0))
            self._heard[place] = len(listener.sequences)
        for place, listener in enumerate(record.notified):
            found += checker_notifications.in_order(listener, self._notified.get(place, 0))
            self._notified[place] = len(listener.sequences)
        for user_id, sequences in record.pushed.items():
            begin, before = self._pushed.get(user_id, (0, 0))
            new = sequences[begin:]
            found += checker_listeners.first_in_order(user_id, new, before)
            self._pushed[user_id] = (begin + len(new), max([before, *new]))
        return found
