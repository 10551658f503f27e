"""Promise 2: acknowledged commands took effect once, refused ones did not, and keys are reliable."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from domain.schedules import schedules
from torture.ledgers import AccountLedger, Entry, Ledgers
from torture.record import OPENING, Command, Outcome, Record
from torture.violations import Violation, most

KEY_REUSED = "IdempotencyKeyReused"
TOO_LATE = "TooLate"

#: By the reference of a transfer: the recipient and the recipient's entry.
Incoming = Mapping[UUID, tuple[UUID, Entry]]
#: Of one user: the kind of transaction, and the idempotency key.
_Key = tuple[str, str]
#: The input of a key: amount in minor units, recipient, note and metadata.
_Input = tuple[int, UUID | None, str | None, tuple[tuple[str, str], ...]]


def incoming(ledgers: Ledgers) -> Incoming:
    """The recipients' entries of all transfers."""
    return {
        entry.reference: (ledger.user_id, entry)
        for ledger in ledgers.users.values()
        for entry in ledger.entries
        if entry.counterparty_id is not None and entry.is_incoming
    }


def check(
    record: Record, ledgers: Ledgers, received: Incoming, *, is_over: bool = True
) -> Iterator[Violation]:
    """All keys of all users; while money moves (not `is_over`), what ended before the ledgers were read."""
    asked: defaultdict[UUID, defaultdict[_Key, list[Command]]]
    asked = defaultdict(lambda: defaultdict(list))
    for command in record.commands:
        key = (command.operation.kind, command.key)
        asked[command.user_id][key].append(command)
    paid = {(row.user_id, row.key) for row in ledgers.top_ups}
    for user_id in asked.keys() | ledgers.users.keys():
        ledger = ledgers.users.get(user_id) or AccountLedger(user_id, 0, 0)
        account = _AccountCheck(ledger, received, record, paid)
        yield from most(account.check(asked.pop(user_id, {}), ledgers.read_at, is_over))


class _AccountCheck:
    """The commands of one user against the user's ledger, by key and by reference."""

    def __init__(
        self,
        ledger: AccountLedger,
        received: Incoming,
        record: Record,
        paid: set[tuple[UUID, str]],
    ) -> None:
        self._paid = paid
        self._user_id = ledger.user_id
        self._record = record
        self._received = received
        self._made: defaultdict[_Key, list[Entry]] = defaultdict(list)
        self._by_reference: dict[UUID, Entry] = {}
        self._times: Counter[UUID] = Counter()
        for entry in ledger.entries:
            self._times[entry.reference] += 1
            self._by_reference[entry.reference] = entry
            if entry.key is not None:
                self._made[entry.kind, entry.key].append(entry)

    def check(
        self, asked: Mapping[_Key, Sequence[Command]], read_at: float, is_over: bool
    ) -> Iterator[Violation]:
        for key, commands in asked.items():
            entries = self._made.pop(key, [])
            if is_over or all(0 < command.ended < read_at for command in commands):
                yield from self._one_entry(commands, entries)
                yield from self._one_answer(commands)
                for command in commands:
                    yield from self._outcome(command, commands, entries)
                    if is_over and _is_open(command):
                        sentence = (
                            "It was never answered, and looking up its key returned no result."
                        )
                        yield self._broken(command, sentence)
        if is_over:
            yield from self._unasked()

    # ------------------------------------------------ all commands with the same key

    def _one_entry(
        self, commands: Sequence[Command], entries: Sequence[Entry]
    ) -> Iterator[Violation]:
        """A key has at most one entry, and a command that was not refused has the same input."""
        first = commands[0]
        if len(entries) > 1:
            references = ", ".join(str(entry.reference) for entry in entries)
            yield self._broken(first, f"One key moved money {len(entries)} times: {references}.")
        for entry in entries:
            if not any(_may_have_made(command, entry) for command in commands):
                sentence = (
                    f"{entry.reference} moved {entry.amount_minor} at {entry.created_at}, though every "
                    f"request for that was refused or too late: {_told(commands)}."
                )
                yield self._broken(first, sentence)

    def _one_answer(self, commands: Sequence[Command]) -> Iterator[Violation]:
        """All acknowledged commands with one key have the same transaction and the same input."""
        acknowledged = [c for c in commands if c.outcome is Outcome.ACKNOWLEDGED]
        if len(acknowledged) < 2:
            return
        first = acknowledged[0]
        references = {command.reference for command in acknowledged}
        if len(references) > 1:
            names = ", ".join(sorted(map(str, references)))
            yield self._broken(first, f"One key was answered with several transactions: {names}.")
        receipts = {command.receipt for command in acknowledged} - {None}
        if len(receipts) > 1:
            sentence = f"One key was answered with {len(receipts)} receipts of one transaction."
            yield self._broken(first, sentence)
        other = next((c for c in acknowledged if _input(c) != _input(first)), None)
        if other is not None:
            sentence = f"The key was used for {_input(first)} and accepted for {_input(other)} too."
            yield self._broken(first, sentence)
        news = sum(command.replayed is False for command in acknowledged)
        if news > 1:
            yield self._broken(first, f"{news} answers were not marked as replays.")

    # ------------------------------------------------ one command

    def _outcome(
        self, command: Command, commands: Sequence[Command], entries: Sequence[Entry]
    ) -> Iterator[Violation]:
        if command.outcome is Outcome.ACKNOWLEDGED:
            yield from self._acknowledged(command)
        elif command.outcome is Outcome.REFUSED:
            yield from self._refused(command, commands, entries)
        elif command.found_by_key is not None:
            found = {entry.reference for entry in entries}
            told = {command.found_reference} if command.found_reference else found
            if command.found_by_key != bool(entries) or (entries and not told <= found):
                there = ", ".join(map(str, found)) or "nothing"
                said = command.found_reference or ("found" if command.found_by_key else "nothing")
                sentence = f"Looking up the key returned {said}, and the ledger has {there}."
                yield self._broken(command, sentence)

    def _acknowledged(self, command: Command) -> Iterator[Violation]:
        reference = command.reference
        if reference is None:
            yield self._broken(command, "It was acknowledged without a transaction.")
            return
        entry = self._by_reference.get(reference)
        if entry is None:
            sentence = f"{reference} over {command.amount_minor} was acknowledged and is not in the ledger."
            yield self._broken(command, sentence)
            return
        if self._times[reference] > 1:
            times = self._times[reference]
            yield self._broken(command, f"{reference} is in the ledger {times} times.")
        if (_input_of(entry), entry.key) != (_input(command), command.key):
            sentence = (
                f"{reference} was acknowledged for {_input(command)}, and the ledger has "
                f"{_input_of(entry)} under the key {entry.key}."
            )
            yield self._broken(command, sentence)
        told = (command.sequence, command.balance_after_minor)
        known = (entry.sequence, entry.balance_after_minor)
        if any(said not in (None, stands) for said, stands in zip(told, known, strict=True)):
            sentence = f"{reference} was acknowledged as {told}, and the ledger has {known}."
            yield self._broken(command, sentence)
        if command.answered_metadata not in (None, entry.metadata):
            sentence = (
                f"{reference} was acknowledged with the metadata {command.answered_metadata}, and the "
                f"ledger has {entry.metadata}."
            )
            yield self._broken(command, sentence)
        if entry.counterparty_id is not None:
            yield from self._reached(command, entry)

    def _reached(self, command: Command, entry: Entry) -> Iterator[Violation]:
        """The recipient's ledger has the other entry, once (promise 1 compares the two)."""
        there = self._received.get(entry.reference)
        if there is None or there[0] != command.recipient_id:
            sentence = (
                f"{entry.reference} was acknowledged and is not in the ledger of the recipient "
                f"{command.recipient_id}."
            )
            yield self._broken(command, sentence)
        elif there[1].metadata:
            sentence = (
                f"The recipient of {entry.reference} has its metadata {there[1].metadata} too."
            )
            yield self._broken(command, sentence)

    def _refused(
        self, command: Command, commands: Sequence[Command], entries: Sequence[Entry]
    ) -> Iterator[Violation]:
        if command.refusal == KEY_REUSED:
            if not entries:
                yield self._broken(command, "The key was refused as used, and has no entry.")
            elif all(_input_of(entry) == _input(command) for entry in entries):
                sentence = f"The key was refused as used for other input, and its entry has {_input(command)}."
                yield self._broken(command, sentence)
            return
        if command.refusal == TOO_LATE:
            yield from self._too_late(command)
        before = next((c for c in commands if _ended_before(c, command)), None)
        if before is not None:
            sentence = (
                f"It was refused with {command.refusal} after a command with the same key was acknowledged with "
                f"{before.reference}."
            )
            yield self._broken(command, sentence)

    def _too_late(self, command: Command) -> Iterator[Violation]:
        answered_at = self._record.microseconds(command.ended)
        if command.not_after is None:
            yield self._broken(command, "It was refused as too late, and had no `notAfter`.")
        elif command.not_after > answered_at:
            early = (command.not_after - answered_at) / 1_000_000
            sentence = f"It was refused as too late {early:.3f} s before its `notAfter`."
            yield self._broken(command, sentence)

    def _unasked(self) -> Iterator[Violation]:
        for entries in self._made.values():
            for entry in entries:
                if entry.key is not None and not self._is_known_otherwise(entry.key):
                    sentence = (
                        f"No user requested {entry.reference}, which moved {entry.amount_minor}."
                    )
                    yield Violation(2, self._user_id, f"key {entry.key}", sentence)

    def _is_known_otherwise(self, key: str) -> bool:
        """Whether its entry is compared with a run of a schedule (promise 10) or a payment (promise 11)."""
        return (
            key.startswith((OPENING, "returned:"))
            or schedules.is_run_key(key)
            or (self._user_id, key) in self._paid
        )

    def _broken(self, command: Command, sentence: str) -> Violation:
        return Violation(2, self._user_id, f"key {command.key}", sentence)


def _input(command: Command) -> _Input:
    return command.amount_minor, command.recipient_id, command.note or None, command.metadata


def _input_of(entry: Entry) -> _Input:
    return entry.amount_minor, entry.counterparty_id, entry.note, entry.metadata


def _is_open(command: Command) -> bool:
    return command.outcome is Outcome.UNANSWERED and command.found_by_key is None


def _may_have_made(command: Command, entry: Entry) -> bool:
    """A refusal is final if no try of the command was lost; nothing is posted after `notAfter`."""
    was_refused = command.outcome is Outcome.REFUSED and command.lost == 0
    is_late = command.not_after is not None and entry.created_at > command.not_after
    return not was_refused and not is_late and _input(command) == _input_of(entry)


def _ended_before(one: Command, other: Command) -> bool:
    """Whether one was acknowledged before the last try of the other began."""
    began = other.began if other.answer_began is None else other.answer_began
    return one.outcome is Outcome.ACKNOWLEDGED and one.ended < began


def _told(commands: Sequence[Command]) -> str:
    return ", ".join(
        f"{c.refusal or c.outcome} for {_input(c)}"
        + (f" not after {c.not_after}" if c.not_after is not None else "")
        for c in commands
    )
