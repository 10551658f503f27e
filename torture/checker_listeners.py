"""Promise 4: subscribers and the Channels server receive every event, in order, subscribers exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from uuid import UUID

from torture.ledgers import AccountLedger, Ledgers
from torture.record import Record, Subscriber
from torture.violations import Violation, most


def check(record: Record, ledgers: Ledgers, *, is_over: bool = True) -> Iterator[Violation]:
    """All subscribers and all channels; their ends only if the run `is_over`."""
    for listener in record.subscribers:
        ledger = ledgers.users.get(listener.user_id) or AccountLedger(listener.user_id, 0, 0)
        yield from most(in_order(listener))
        who = f"A subscriber over {listener.transport}"
        heard = zip_longest(listener.sequences, listener.balances_minor, listener.references)
        yield from most(_content(who, heard, ledger, is_over))
        if is_over:
            yield from _to_the_end(listener, ledger)
    for user_id, sequences in record.pushed.items():
        yield from most(first_in_order(user_id, sequences))
        told = zip(sequences, record.pushed_content.get(user_id, ()), strict=False)
        accepted = ((sequence, *content) for sequence, content in told)
        ledger = ledgers.users.get(user_id) or AccountLedger(user_id, 0, 0)
        yield from most(_content("The Channels server", accepted, ledger, is_over))
        if is_over and user_id not in ledgers.users:
            yield Violation(
                4, user_id, "channel", "Events were pushed to a user who does not exist."
            )
    if is_over:
        if record.has_channels:
            for ledger in ledgers.users.values():
                if ledger.user_id not in record.leavers:
                    yield from _all_pushed(ledger, record.pushed.get(ledger.user_id, ()))
        if ledgers.waiting:
            sentence = f"{ledgers.waiting} rows of the outbox were never published."
            yield Violation(4, None, "outbox", sentence)


def in_order(listener: Subscriber, begin: int = 0) -> Iterator[Violation]:
    """Each sequence follows the previous one, from that position of the list on."""
    before = listener.sequences[begin - 1] if begin else listener.after_sequence
    for sequence in listener.sequences[begin:]:
        if sequence != before + 1:
            what = "again" if sequence <= before else "and missed those between them"
            sentence = f"A subscriber over {listener.transport} received {sequence} after {before}, {what}."
            yield Violation(4, listener.user_id, f"sequence {sequence}", sentence)
        before = max(sequence, before)


def first_in_order(user_id: UUID, sequences: Sequence[int], before: int = 0) -> Iterator[Violation]:
    """Sequences were pushed in order for the first time; repetitions are allowed."""
    for sequence in sequences:
        if sequence > before + 1:
            sentence = f"The Channels server accepted {sequence} before {before + 1}."
            yield Violation(4, user_id, f"sequence {sequence}", sentence)
        before = max(before, sequence)


def _content(
    who: str,
    heard: Iterable[tuple[int | None, int | None, UUID | None]],
    ledger: AccountLedger,
    is_over: bool,
) -> Iterator[Violation]:
    """Sequence, balance and reference of each event are those of the entry; None is unknown."""
    newest = ledger.entries[-1].sequence if ledger.entries else 0
    for sequence, balance_minor, reference in heard:
        if sequence is None or (sequence > newest and not is_over):
            continue
        entry = ledger.at(sequence)
        if entry is None:
            sentence = f"{who} received an event without a ledger entry."
        elif balance_minor not in (None, entry.balance_after_minor):
            sentence = (
                f"{who} received the balance {balance_minor}, and the ledger has "
                f"{entry.balance_after_minor}."
            )
        elif reference not in (None, entry.reference):
            sentence = f"{who} received {reference}, and the ledger has {entry.reference}."
        else:
            continue
        yield Violation(4, ledger.user_id, f"sequence {sequence}", sentence)


def _to_the_end(listener: Subscriber, ledger: AccountLedger) -> Iterator[Violation]:
    newest = ledger.entries[-1].sequence if ledger.entries else 0
    heard = max(listener.sequences, default=listener.after_sequence)
    if heard < newest:
        sentence = (
            f"A subscriber over {listener.transport} received events up to {heard} of {newest}."
        )
        yield Violation(4, listener.user_id, f"sequence {heard + 1}", sentence)


def _all_pushed(ledger: AccountLedger, sequences: Sequence[int]) -> Iterator[Violation]:
    accepted = set(sequences)
    missing = [entry.sequence for entry in ledger.entries if entry.sequence not in accepted]
    if missing:
        sentence = (
            f"The Channels server never accepted {len(missing)} of {len(ledger.entries)} entries; the "
            f"cursor is at {ledger.pushed_sequence}."
        )
        yield Violation(4, ledger.user_id, f"sequence {missing[0]}", sentence)
    beyond = max(accepted, default=0)
    if beyond > (ledger.entries[-1].sequence if ledger.entries else 0):
        sentence = f"The Channels server received {beyond}, which is not in the ledger."
        yield Violation(4, ledger.user_id, f"sequence {beyond}", sentence)
