"""Promise 1: the totals are consistent, no balance is negative, and ledgers and receipts are valid."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from domain.ledger.kinds import Kind
from torture.ledgers import AccountLedger, Entry, Ledgers, Totals
from torture.record import Record
from torture.violations import Violation, most


def check(record: Record, ledgers: Ledgers) -> Iterator[Violation]:
    """What the ledgers themselves show, with the results of the audit in `record`."""
    yield from check_totals(_totals(ledgers))
    for ledger in ledgers.users.values():
        yield from most(_ledger(ledger))
    yield from most(_sides(ledgers))
    yield from most(_reversals(ledgers))
    if record.audit_status not in (None, 0):
        said = record.audit_output.strip() or "nothing"
        sentence = f"The audit ended with status {record.audit_status} and wrote: {said}"
        yield Violation(1, None, "audit", sentence)
    if record.receipts_contained not in (None, len(record.receipts)):
        sentence = (
            f"The ledgers contain {record.receipts_contained} of the {len(record.receipts)} receipts "
            f"that users kept: {record.receipts_output[:1000]}"
        )
        yield Violation(1, None, "receipts", sentence)


def check_totals(totals: Totals) -> Iterator[Violation]:
    """The checks on totals alone."""
    explained = totals.balances_minor + totals.fees_minor
    if explained != totals.added_minor:
        sentence = (
            f"Balances of {totals.balances_minor} and fees of {totals.fees_minor} total {explained}, "
            f"but the money added totals {totals.added_minor}."
        )
        yield Violation(1, None, "totals", sentence)
    if totals.lowest_balance_minor < 0:
        sentence = f"An account has a balance of {totals.lowest_balance_minor}."
        yield Violation(1, None, "totals", sentence)


def _totals(ledgers: Ledgers) -> Totals:
    users = ledgers.users.values()
    return Totals(
        balances_minor=sum(ledger.balance_minor for ledger in users),
        lowest_balance_minor=min((ledger.balance_minor for ledger in users), default=0),
        fees_minor=sum(
            entry.fee_minor - entry.fee_refunded_minor
            for ledger in users
            for entry in ledger.entries
        ),
        added_minor=sum(
            entry.amount_minor if entry.is_incoming else -entry.amount_minor
            for ledger in users
            for entry in ledger.entries
            if entry.counterparty_id is None
        ),
    )


def _ledger(ledger: AccountLedger) -> Iterator[Violation]:
    def broken(entry: Entry, sentence: str) -> Violation:
        return Violation(1, ledger.user_id, f"sequence {entry.sequence}", sentence)

    balance_minor = 0
    for number, entry in enumerate(ledger.entries, start=1):
        if entry.sequence != number:
            yield broken(entry, f"Entry {number} of the ledger has the sequence {entry.sequence}.")
            # All later entries are off as well; report it once.
            break
    for entry in ledger.entries:
        if entry.balance_after_minor != balance_minor + entry.change_minor:
            sentence = (
                f"A balance of {balance_minor} and a change of {entry.change_minor} do not make "
                f"{entry.balance_after_minor}."
            )
            yield broken(entry, sentence)
        balance_minor = entry.balance_after_minor
        if balance_minor < 0:
            yield broken(entry, f"The balance is {balance_minor}.")
    newest = ledger.entries[-1].sequence if ledger.entries else 0
    if (ledger.balance_minor, ledger.sequence) != (balance_minor, newest):
        sentence = (
            f"The user's row has the balance {ledger.balance_minor} at {ledger.sequence}, the ledger "
            f"{balance_minor} at {newest}."
        )
        yield Violation(1, ledger.user_id, f"sequence {ledger.sequence}", sentence)


def _sides(ledgers: Ledgers) -> Iterator[Violation]:
    """Every transfer, and every reversal of one, has two entries that agree."""
    waiting: dict[UUID, tuple[UUID, Entry]] = {}
    for ledger in ledgers.users.values():
        for entry in ledger.entries:
            if entry.kind == Kind.TOP_UP or entry.counterparty_id is None:
                continue
            met = waiting.pop(entry.reference, None)
            if met is None:
                waiting[entry.reference] = (ledger.user_id, entry)
                continue
            owner, other = met
            if not (
                entry.is_incoming != other.is_incoming
                and entry.amount_minor - entry.fee_refunded_minor
                == other.amount_minor - other.fee_refunded_minor
                and (entry.kind, entry.note, entry.reverses)
                == (other.kind, other.note, other.reverses)
                and (entry.counterparty_id, other.counterparty_id) == (owner, ledger.user_id)
            ):
                sentence = (
                    f"The two entries of {entry.reference} differ: {other} of {owner} and {entry}."
                )
                yield Violation(1, ledger.user_id, f"sequence {entry.sequence}", sentence)
    for owner, entry in waiting.values():
        sentence = f"The {entry.kind} {entry.reference} has only one entry."
        yield Violation(1, owner, f"sequence {entry.sequence}", sentence)


def _reversals(ledgers: Ledgers) -> Iterator[Violation]:
    """Every reversal is of a transaction in the same ledger, and all of one are within its amount."""
    for ledger in ledgers.users.values():
        left: dict[UUID, int] = {}
        for entry in ledger.entries:
            if entry.reverses is None:
                left[entry.reference] = entry.amount_minor
                continue
            amount_minor = entry.amount_minor - entry.fee_refunded_minor
            left[entry.reverses] = left.get(entry.reverses, 0) - amount_minor
            if left[entry.reverses] < 0:
                sentence = f"{entry.reference} reverses more of {entry.reverses} than there was."
                yield Violation(1, ledger.user_id, f"sequence {entry.sequence}", sentence)
