"""What a refusal says is consistent with the ledger, like every balance returned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from uuid import UUID

from torture.checker_commands import KEY_REUSED
from torture.ledgers import AccountLedger, Entry
from torture.record import Command, Outcome
from torture.violations import Violation


def check(
    ledger: AccountLedger,
    refused: Iterable[tuple[Command, int]],
    asked_at: Mapping[UUID, float],
    fee_basis_points: int,
) -> Iterator[Violation]:
    """The refused commands of one user, each with the highest sequence observed before it began."""
    made = {(entry.kind, entry.key): entry for entry in ledger.entries if entry.key is not None}
    #: For each entry, the latest time at which it or an earlier one was requested.
    latest = list(accumulate((asked_at.get(entry.reference, 0.0) for entry in ledger.entries), max))
    for command, floor in refused:
        entry = made.get((command.operation.kind, command.key))
        if entry is not None and command.refusal != KEY_REUSED and entry.sequence <= floor:
            yield _after_its_own_entry(ledger, command, entry)
        if command.refused_balance_minor is not None:
            yield from _balance(ledger, command, floor, latest, fee_basis_points)


def is_refused(command: Command) -> bool:
    """Whether the command has ended with a refusal."""
    return command.outcome is Outcome.REFUSED and command.ended > 0


def _after_its_own_entry(ledger: AccountLedger, command: Command, entry: Entry) -> Violation:
    sentence = (
        f"It was refused with {command.refusal} after its own entry {entry.sequence}, posted by an earlier "
        "try, had been observed."
    )
    return Violation(2, ledger.user_id, f"key {command.key}", sentence)


def _balance(
    ledger: AccountLedger, command: Command, floor: int, latest: list[float], fee_basis_points: int
) -> Iterator[Violation]:
    """The balance in the refusal is one that the user had at that time, and is insufficient."""
    told = command.refused_balance_minor
    had = {0} if floor == 0 else set()
    for position in range(max(floor - 1, 0), len(ledger.entries)):
        # What was not yet requested when the answer came is not part of it, nor anything after that.
        if latest[position] > command.ended:
            break
        had.add(ledger.entries[position].balance_after_minor)
    if told not in had:
        sentence = (
            f"It was refused for a balance of {told}, which the account never had between "
            f"entry {floor}, which had been observed before, and the answer."
        )
        yield Violation(3, ledger.user_id, f"key {command.key}", sentence)
    fee_minor = -(-command.amount_minor * fee_basis_points // 10_000)
    if told is not None and told >= command.amount_minor + fee_minor:
        sentence = (
            f"It was refused though {told} is sufficient for {command.amount_minor} and its fee."
        )
        yield Violation(3, ledger.user_id, f"key {command.key}", sentence)
