"""Promise 13: an account with a second factor sends nothing without a confirmation, and none moves money twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

from domain.ledger.kinds import Kind
from domain.schedules import schedules
from torture.ledgers import Entry, Ledgers
from torture.record import Record
from torture.violations import Violation, most


def check(record: Record, ledgers: Ledgers) -> Iterator[Violation]:
    """All users whose every transfer needs a confirmation."""
    for user_id in record.careful:
        yield from most(_user(record, ledgers, user_id))


def _user(record: Record, ledgers: Ledgers, user_id: UUID) -> Iterator[Violation]:
    #: By key: the challenges and codes that were given with it.
    given: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for command in record.commands:
        if command.user_id == user_id and command.confirmation is not None:
            given[command.key].add(command.confirmation)
    #: What moved money with a challenge, or a code, that alone was given for its key.
    used: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in ledgers.users[user_id].entries if user_id in ledgers.users else ():
        is_transfer = entry.kind == Kind.TRANSFER and not entry.is_incoming
        if not is_transfer or entry.key is None or schedules.is_run_key(entry.key):
            continue
        confirmations = given[entry.key]
        if not confirmations:
            sentence = f"{entry.reference} moved {entry.amount_minor} without a confirmation."
            yield _broken(user_id, entry, sentence)
        for position, what in enumerate(("challenge", "code")):
            values = {each[position] for each in confirmations}
            if len(values) == 1:
                used[f"{what} {values.pop()}"].append(entry)
    for what, entries in used.items():
        if len(entries) > 1:
            references = ", ".join(str(each.reference) for each in entries)
            # A secret does not belong into a report.
            sentence = f"One {what.partition(' ')[0]} confirmed several transfers: {references}."
            yield _broken(user_id, entries[-1], sentence)


def _broken(user_id: UUID, entry: Entry, sentence: str) -> Violation:
    return Violation(13, user_id, f"key {entry.key}", sentence)
