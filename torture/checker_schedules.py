"""Promise 10: each run of a schedule that is due sends money once, in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from domain.schedules import schedules
from torture.ledgers import Entry, Ledgers, RunRow, ScheduleRow
from torture.record import Record
from torture.record_schedules import AskedSchedule
from torture.schedulers import CREATED
from torture.violations import Violation, most

_SENT = "scheduled_transfer_sent"


def check(record: Record, ledgers: Ledgers, *, is_over: bool = True) -> Iterator[Violation]:
    """All schedules; while money moves (not `is_over`), what ended before the ledgers were read."""
    check = _Check(ledgers, is_over)
    for row in ledgers.schedules:
        yield from most(check.schedule(row))
    yield from most(check.without_run())
    stored = {(row.user_id, row.key): row for row in ledgers.schedules}
    asked = {(each.user_id, each.key) for each in record.schedules}
    for key, row in stored.items():
        if key not in asked:
            yield _broken(row, "No user requested it.")
    for each in record.schedules:
        if is_over or 0 < each.ended < ledgers.read_at:
            yield from _asked(each, stored.get((each.user_id, each.key)))


class _Check:
    def __init__(self, ledgers: Ledgers, is_over: bool) -> None:
        self._is_over = is_over
        self._read_at = ledgers.clock
        self._runs: defaultdict[tuple[UUID, UUID], list[RunRow]] = defaultdict(list)
        for run in ledgers.runs:
            self._runs[run.user_id, run.schedule_id].append(run)
        #: The entries of runs, by user and key.
        self._entries: defaultdict[tuple[UUID, str], list[Entry]] = defaultdict(list)
        self._told: Counter[tuple[UUID, UUID, int]] = Counter()
        for ledger in ledgers.users.values():
            for entry in ledger.entries:
                if entry.key is not None and schedules.is_run_key(entry.key):
                    self._entries[ledger.user_id, entry.key].append(entry)
            for each in ledger.notified:
                if each.kind == _SENT and each.subject_id and each.sequence:
                    self._told[ledger.user_id, each.subject_id, each.sequence] += 1

    def schedule(self, row: ScheduleRow) -> Iterator[Violation]:
        runs = self._runs[row.user_id, row.schedule_id]
        if [run.number for run in runs] != [*range(1, row.next_number)]:
            numbers = [run.number for run in runs]
            yield _broken(row, f"It has the runs {numbers}, and {row.next_number} is next.")
        for run in runs:
            for sentence in self._run(row, run):
                yield _broken(row, f"Run {run.number}: {sentence}")
        yield from self._in_order(row, runs)
        if self._is_over and row.attempt_at is not None and row.attempt_at < self._read_at:
            waited = (self._read_at - row.attempt_at) / 1_000_000
            yield _broken(row, f"A run has been due for {waited:.1f} s and was not attempted.")

    def _run(self, row: ScheduleRow, run: RunRow) -> Iterator[str]:
        key = schedules.run_key(run.schedule_id, run.number)
        entries = self._entries.pop((run.user_id, key), [])
        if len(entries) != (run.status == "SENT"):
            yield f"It is {run.status} and sent money {len(entries)} times."
        for entry in entries:
            found = (entry.sequence, entry.amount_minor, entry.counterparty_id, entry.note)
            if found != (run.sequence, row.amount_minor, row.recipient_id, row.note):
                yield f"It was to send {row.amount_minor} as entry {run.sequence}, and sent {entry}."
            if entry.created_at < run.due_at:
                yield f"It was due at {run.due_at} and sent at {entry.created_at}."
            times = self._told[run.user_id, run.schedule_id, entry.sequence]
            if times != 1:
                yield f"Its sender was notified of it {times} times."

    def _in_order(self, row: ScheduleRow, runs: Sequence[RunRow]) -> Iterator[Violation]:
        sent = [run.sequence for run in runs if run.sequence is not None]
        if sent != sorted(sent):
            yield _broken(row, f"Its runs were sent as the entries {sent}, in another order.")

    def without_run(self) -> Iterator[Violation]:
        """Entries with the key of a run that does not exist: after all schedules were checked."""
        for (user_id, key), entries in self._entries.items():
            sentence = f"It sent {entries[0].amount_minor}, and there is no such run."
            yield Violation(10, user_id, f"key {key}", sentence)


def _asked(asked: AskedSchedule, row: ScheduleRow | None) -> Iterator[Violation]:
    where = f"key {asked.key}"
    if row is None:
        if asked.answer == CREATED:
            sentence = "It was acknowledged, and it is not stored."
            yield Violation(10, asked.user_id, where, sentence)
        return
    if asked.answer not in (None, CREATED):
        yield _broken(row, f"It was refused with {asked.answer}, and is stored.")
    told = (asked.amount_minor, asked.recipient_id, asked.note)
    known = (row.amount_minor, row.recipient_id, row.note)
    if told != known:
        yield _broken(row, f"{told} was requested, and {known} is stored.")


def _broken(row: ScheduleRow, sentence: str) -> Violation:
    return Violation(10, row.user_id, f"schedule {row.schedule_id}", sentence)
