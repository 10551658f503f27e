"""Promise 3: reads never go backwards, and every balance returned is one from the ledger."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from operator import attrgetter
from uuid import UUID

from torture import checker_refusals
from torture.checker_commands import Incoming
from torture.ledgers import AccountLedger, Ledgers
from torture.record import Command, Outcome, Read, Record
from torture.violations import Violation, most


@dataclass(slots=True)
class Seen:
    """An observation: a ledger had reached that sequence at some moment of an interval."""

    began: float
    ended: float
    sequence: int
    #: None if only the sequence is known.
    balance_minor: int | None
    what: str
    #: Whether the ledger may have been further at that time, as for an event; a read is exact.
    at_least: bool = False
    entries: tuple[tuple[int, UUID], ...] | None = None
    metadata: tuple[tuple[tuple[str, str], ...], ...] | None = None


@dataclass(slots=True)
class Horizon:
    """How far a ledger was known to be at each moment."""

    #: Two parallel lists, both ascending: from that moment on, the sequence was known to be reached.
    moments: list[float] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)

    def before(self, moment: float) -> int:
        """The highest sequence observed before that moment."""
        position = bisect_left(self.moments, moment)
        return self.sequences[position - 1] if position else 0

    def add(self, moment: float, sequence: int) -> None:
        """Moments are added in order; one that is slightly late counts as now."""
        if not self.sequences or sequence > self.sequences[-1]:
            self.moments.append(max(moment, self.moments[-1]) if self.moments else moment)
            self.sequences.append(sequence)


def check(
    record: Record, ledgers: Ledgers, received: Incoming, *, is_over: bool = True
) -> Iterator[Violation]:
    """Reads, answers and events of each user in real time; while money moves, those before `read_at`."""
    seen = _seen(record, received)
    asked_at = _asked_at(record, ledgers)
    refused: defaultdict[UUID, list[Command]] = defaultdict(list)
    for command in filter(checker_refusals.is_refused, record.commands):
        refused[command.user_id].append(command)
    for user_id, ledger in ledgers.users.items():
        known = seen.pop(user_id, [])
        if not is_over:
            known = [each for each in known if each.ended < ledgers.read_at]
        known.sort(key=attrgetter("ended"))
        yield from most(_clock(ledger))
        yield from most(_explained(ledger, known))
        yield from most(_histories(user_id, known))
        horizon = Horizon()
        yield from most(backwards(user_id, horizon, known))
        yield from most(_early(ledger, known, asked_at))
        told = [
            (command, horizon.before(_began(command)))
            for command in refused[user_id]
            if is_over or command.ended < ledgers.read_at
        ]
        yield from most(checker_refusals.check(ledger, told, asked_at, record.fee_basis_points))
    for user_id in seen:
        yield Violation(
            3, user_id, "ledger", "Something was observed of a user who is not in the database."
        )


def backwards(user_id: UUID, horizon: Horizon, known: list[Seen]) -> Iterator[Violation]:
    """A read that began after a sequence was observed observes it too; `known` is sorted by `ended`."""
    for each in known:
        floor = horizon.before(each.began)
        if each.sequence < floor and not each.at_least:
            sentence = (
                f"{each.what} from {each.began:.3f} to {each.ended:.3f} saw {each.sequence}, though "
                f"{floor} had been observed before it began."
            )
            yield Violation(3, user_id, f"sequence {each.sequence}", sentence)
        horizon.add(each.ended, each.sequence)


def _seen(record: Record, received: Incoming) -> defaultdict[UUID, list[Seen]]:
    seen: defaultdict[UUID, list[Seen]] = defaultdict(list)
    for read in record.reads:
        seen[read.user_id].append(of_read(read))
        if read.entries:
            newest, _ = read.entries[0]
            seen[read.user_id].append(Seen(read.began, read.ended, newest, None, "A history"))
    for command in record.commands:
        # A command that has not ended is being recorded at this moment.
        if command.outcome is not Outcome.ACKNOWLEDGED or not command.ended:
            continue
        began = _began(command)
        if command.viewer_sequence is not None:
            seen[command.user_id].append(
                Seen(
                    began,
                    command.ended,
                    command.viewer_sequence,
                    command.viewer_balance_minor,
                    f"The answer to {command.key}",
                )
            )
        told = f"The caller who was told of {command.key}"
        if command.sequence is not None:
            seen[command.user_id].append(_told(command.ended, command.sequence, told))
        if command.reference is not None and command.reference in received:
            user_id, entry = received[command.reference]
            seen[user_id].append(_told(command.ended, entry.sequence, told))
    for listener in record.subscribers:
        told = f"A subscriber over {listener.transport}"
        for moment, sequence in zip(listener.arrived, listener.sequences, strict=False):
            seen[listener.user_id].append(_told(moment, sequence, told))
    return seen


def _began(command: Command) -> float:
    """When the try that was answered began."""
    return command.began if command.answer_began is None else command.answer_began


def of_read(read: Read) -> Seen:
    """The observation of a read."""
    return Seen(
        read.began,
        read.ended,
        read.sequence,
        read.balance_minor,
        "A read",
        entries=read.entries,
        metadata=read.metadata,
    )


def _told(moment: float, sequence: int, what: str) -> Seen:
    return Seen(moment, moment, sequence, None, what, at_least=True)


def _asked_at(record: Record, ledgers: Ledgers) -> dict[UUID, float]:
    """By reference: when the transaction was first requested."""
    by_key: dict[tuple[UUID, str, str], float] = {}
    for command in record.commands:
        key = (command.user_id, command.operation.kind, command.key)
        by_key[key] = min(command.began, by_key.get(key, command.began))
    asked_at: dict[UUID, float] = {}
    for ledger in ledgers.users.values():
        for entry in ledger.entries:
            moment = entry.key and by_key.get((ledger.user_id, entry.kind, entry.key))
            if isinstance(moment, float):
                asked_at[entry.reference] = moment
    return asked_at


def _clock(ledger: AccountLedger) -> Iterator[Violation]:
    """`createdAt` never decreases within a ledger."""
    for one, next_one in pairwise(ledger.entries):
        if next_one.created_at < one.created_at:
            sentence = (
                f"It was created {one.created_at - next_one.created_at} microseconds before the entry "
                f"{one.sequence}."
            )
            yield Violation(3, ledger.user_id, f"sequence {next_one.sequence}", sentence)


def _explained(ledger: AccountLedger, known: list[Seen]) -> Iterator[Violation]:
    """Each balance is that after the entry with the sequence, and each entry returned is in the ledger."""
    for each in known:
        if each.sequence == 0:
            balance_minor = 0
        else:
            entry = ledger.at(each.sequence)
            if entry is None:
                newest = ledger.entries[-1].sequence if ledger.entries else 0
                sentence = f"{each.what} saw {each.sequence}, and the ledger, which ends at {newest}, does not have it."
                yield Violation(3, ledger.user_id, f"sequence {each.sequence}", sentence)
                continue
            balance_minor = entry.balance_after_minor
        if each.balance_minor not in (None, balance_minor):
            sentence = f"{each.what} saw {each.balance_minor}, and the ledger has {balance_minor}."
            yield Violation(3, ledger.user_id, f"sequence {each.sequence}", sentence)
        for (sequence, reference), metadata in zip_longest(each.entries or (), each.metadata or ()):
            entry = ledger.at(sequence)
            if entry is None or entry.reference != reference:
                there = entry and entry.reference
                sentence = f"{each.what} saw {reference}, and the ledger has {there}."
                yield Violation(3, ledger.user_id, f"sequence {sequence}", sentence)
            elif metadata not in (None, entry.metadata):
                sentence = (
                    f"{each.what} saw the metadata {metadata}, and the ledger has {entry.metadata}."
                )
                yield Violation(3, ledger.user_id, f"sequence {sequence}", sentence)


def _histories(user_id: UUID, known: list[Seen]) -> Iterator[Violation]:
    """Entries are consecutive, and reach up to the balance in the same answer or further."""
    for each in known:
        if each.entries is None:
            continue
        newest = each.entries[0][0] if each.entries else 0
        sequences = [sequence for sequence, _ in each.entries]
        if newest < each.sequence:
            sentence = f"{each.what} saw {each.sequence}, with a history up to {newest}."
            yield Violation(3, user_id, f"sequence {each.sequence}", sentence)
        if sequences != list(range(newest, newest - len(sequences), -1)):
            sentence = f"{each.what} saw the entries {sequences}, which are not consecutive."
            yield Violation(3, user_id, f"sequence {each.sequence}", sentence)


def _early(
    ledger: AccountLedger, known: list[Seen], asked_at: dict[UUID, float]
) -> Iterator[Violation]:
    """No observation contains what was requested after it, given the order of the entries."""
    sequences: list[int] = []
    latest: list[float] = []
    for entry in ledger.entries:
        moment = asked_at.get(entry.reference)
        if moment is not None and (not latest or moment > latest[-1]):
            sequences.append(entry.sequence)
            latest.append(moment)
    for each in known:
        position = bisect_right(sequences, each.sequence)
        if position and latest[position - 1] > each.ended:
            sentence = (
                f"{each.what} at {each.ended:.3f} was at {each.sequence}, and the entry "
                f"{sequences[position - 1]} was not requested until {latest[position - 1]:.3f}."
            )
            yield Violation(3, ledger.user_id, f"sequence {each.sequence}", sentence)
