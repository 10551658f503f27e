"""Promise 2, of operators: each reversal and each decision took effect once, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from torture.ledgers import Ledgers, OperatedRow
from torture.operators import DONE
from torture.record import Record
from torture.record_operators import AskedReversal
from torture.violations import Violation, most


def check(record: Record, ledgers: Ledgers, *, is_over: bool = True) -> Iterator[Violation]:
    """All reversals by operators; while money moves (not `is_over`), what ended before the ledgers were read."""
    stored = {(row.operator_id, row.key): row for row in ledgers.operated}
    posted = {
        entry.reference: entry.reverses
        for ledger in ledgers.users.values()
        for entry in ledger.entries
        if entry.reverses is not None
    }
    asked = {(each.operator_id, each.key) for each in record.reversals}
    # What the payment provider took back is compared with its records (promise 11).
    for row in ledgers.taken:
        for reference in row.references:
            posted.pop(reference, None)
    yield from most(_rows(stored, asked, posted))
    for each in record.reversals:
        if is_over or 0 < each.ended < ledgers.read_at:
            yield from most(_asked(each, stored.get((each.operator_id, each.key))))


def _rows(
    stored: dict[tuple[UUID, str], OperatedRow],
    asked: set[tuple[UUID, str]],
    posted: Mapping[UUID, UUID],
) -> Iterator[Violation]:
    references = {row.reversal for row in stored.values() if row.reversal is not None}
    for key, row in stored.items():
        if key not in asked:
            yield _broken(row.operator_id, row.key, "No operator requested it.")
        if row.reversal is not None and posted.get(row.reversal) != row.reference:
            yield _broken(row.operator_id, row.key, "What it reversed is not in the ledgers.")
    for reference in posted.keys() - references:
        yield Violation(2, None, str(reference), "No action of an operator posted this reversal.")


def _asked(each: AskedReversal, row: OperatedRow | None) -> Iterator[Violation]:
    if each.answer is not None and (each.answer == DONE) != (row is not None):
        is_stored = "it is stored" if row is not None else "it is not stored"
        yield _broken(each.operator_id, each.key, f"The answer was {each.answer}, and {is_stored}.")
    if row is None:
        return
    if (row.reference, row.amount_minor) != (each.reference, each.amount_minor):
        yield _broken(each.operator_id, each.key, f"It is stored with another input: {row}.")
    if each.reversal is not None and each.reversal != row.reversal:
        sentence = f"The answer was {each.reversal}, and {row.reversal} was posted."
        yield _broken(each.operator_id, each.key, sentence)
    if each.status == "DONE" and row.status != "DONE":
        yield _broken(each.operator_id, each.key, f"The answer was DONE, and it is {row.status}.")
    for decision in each.decisions:
        if decision.answer != DONE:
            continue
        if decision.operator_id == each.operator_id:
            yield _broken(each.operator_id, each.key, "The operator who proposed it decided it.")
        if decision.status != row.status or decision.operator_id != row.decided_by:
            sentence = (
                f"{decision.operator_id} was told that it is {decision.status}; it is {row.status} by "
                f"{row.decided_by}."
            )
            yield _broken(each.operator_id, each.key, sentence)


def _broken(operator_id: UUID, key: str, sentence: str) -> Violation:
    return Violation(2, operator_id, f"reversal {key}", sentence)
