"""What a refusal said has to be explained by the same history as every balance that was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from uuid import UUID

from torture.checker_commands import KEY_REUSED
from torture.ledgers import AccountLedger, Entry
from torture.record import Command, Operation, Outcome
from torture.violations import Violation


def check(
    ledger: AccountLedger,
    refused: Iterable[tuple[Command, int]],
    asked_at: Mapping[UUID, float],
    fee_basis_points: int,
) -> Iterator[Violation]:
    """Of one user: each refused command, with the sequence that had been seen before it began."""
    made = {
        (entry.is_transfer, entry.key): entry for entry in ledger.entries if entry.key is not None
    }
    #: Of each entry, the latest moment at which it or one before it was asked for.
    latest = list(accumulate((asked_at.get(entry.reference, 0.0) for entry in ledger.entries), max))
    for command, floor in refused:
        entry = made.get((command.operation is Operation.SEND_MONEY, command.key))
        if entry is not None and command.refusal != KEY_REUSED and entry.sequence <= floor:
            yield _after_its_own_entry(ledger, command, entry)
        if command.refused_balance_minor is not None:
            yield from _balance(ledger, command, floor, latest, fee_basis_points)


def is_refused(command: Command) -> bool:
    """Whether it has ended so."""
    return command.outcome is Outcome.REFUSED and command.ended > 0


def _after_its_own_entry(ledger: AccountLedger, command: Command, entry: Entry) -> Violation:
    sentence = (
        f"It was refused with {command.refusal} after its own entry {entry.sequence}, which an earlier "
        "try had made, had been seen."
    )
    return Violation(2, ledger.user_id, f"key {command.key}", sentence)


def _balance(
    ledger: AccountLedger, command: Command, floor: int, latest: list[float], fee_basis_points: int
) -> Iterator[Violation]:
    """The balance that it told is one that the user had meanwhile, and is not enough."""
    told = command.refused_balance_minor
    had = {0} if floor == 0 else set()
    for position in range(max(floor - 1, 0), len(ledger.entries)):
        # What was not asked for yet when the answer came is no part of it, nor what is after it.
        if latest[position] > command.ended:
            break
        had.add(ledger.entries[position].balance_after_minor)
    if told not in had:
        sentence = (
            f"It was refused for a balance of {told}, which was not the user's at any time between "
            f"entry {floor}, which had been seen before, and the answer."
        )
        yield Violation(3, ledger.user_id, f"key {command.key}", sentence)
    fee_minor = -(-command.amount_minor * fee_basis_points // 10_000)
    if told is not None and told >= command.amount_minor + fee_minor:
        sentence = f"It was refused though {told} is enough for {command.amount_minor} and its fee."
        yield Violation(3, ledger.user_id, f"key {command.key}", sentence)
