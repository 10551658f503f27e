"""Promise 12: a restricted account posts nothing that it is barred from, and a closed one nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from domain.ledger.kinds import Kind
from torture.ledgers import AccountLedger, Entry, Ledgers
from torture.record import Record
from torture.record_accounts import Bar, Barred
from torture.violations import Violation, most


def check(record: Record, ledgers: Ledgers) -> Iterator[Violation]:
    """All bars that were answered, at any time: entries have the clock that was read under the lock."""
    credited = {(row.user_id, row.key) for row in ledgers.top_ups}
    for barred in record.barred:
        ledger = ledgers.users.get(barred.user_id)
        if ledger is not None and barred.answered is not None:
            yield from most(_barred(record, barred, ledger, credited))
    for ledger in ledgers.users.values():
        yield from _closed(ledger)


def _barred(
    record: Record, barred: Barred, ledger: AccountLedger, credited: set[tuple[UUID, str]]
) -> Iterator[Violation]:
    assert barred.answered is not None
    since = record.microseconds(barred.answered)
    ends = [each for each in (barred.until, _micro(record, barred.lifted)) if each is not None]
    until = min(ends, default=None)
    for entry in ledger.entries:
        if entry.created_at <= since or (until is not None and entry.created_at >= until):
            continue
        is_credit = entry.key is not None and (ledger.user_id, entry.key) in credited
        if _is_barred(barred.what, entry, is_credit=is_credit):
            late = (entry.created_at - since) / 1_000_000
            sentence = (
                f"{entry.reference} moved {entry.amount_minor} {late:.3f} s after the account was "
                f"barred from {barred.what}."
            )
            yield Violation(12, ledger.user_id, f"sequence {entry.sequence}", sentence)


def _is_barred(what: Bar, entry: Entry, *, is_credit: bool) -> bool:
    match what:
        case Bar.SENDING:
            return entry.kind == Kind.TRANSFER and not entry.is_incoming
        case Bar.RECEIVING:
            return entry.kind == Kind.TRANSFER and entry.is_incoming
        case Bar.ADDING:
            # What was paid is credited all the same.
            return entry.kind == Kind.TOP_UP and not is_credit
        case Bar.EVERYTHING:
            return True


def _closed(ledger: AccountLedger) -> Iterator[Violation]:
    """An account that is closed now has no money, and no entry that came later."""
    if ledger.closed_at is None:
        return
    if ledger.balance_minor != 0:
        sentence = f"It is closed and has a balance of {ledger.balance_minor}."
        yield Violation(12, ledger.user_id, "closed", sentence)
    if ledger.entries and ledger.entries[-1].created_at > ledger.closed_at:
        sentence = f"It was closed at {ledger.closed_at}, before {ledger.entries[-1]}."
        yield Violation(12, ledger.user_id, "closed", sentence)


def _micro(record: Record, moment: float | None) -> int | None:
    return None if moment is None else record.microseconds(moment)
