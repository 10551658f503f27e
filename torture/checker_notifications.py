"""Promise 4, of notifications: one of each receipt of money, numbered without gaps, and received so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from torture import checker_listeners
from torture.ledgers import AccountLedger, Ledgers
from torture.record import Record, Subscriber
from torture.violations import Violation, most

_RECEIVED = "money_received"


def check(record: Record, ledgers: Ledgers, *, is_over: bool = True) -> Iterator[Violation]:
    """All users, their subscribers and their channels; the ends only if the run `is_over`."""
    for ledger in ledgers.users.values():
        yield from most(_numbers(ledger))
        yield from most(_of_entries(ledger))
    for listener in record.notified:
        ledger = ledgers.users.get(listener.user_id) or AccountLedger(listener.user_id, 0, 0)
        yield from most(in_order(listener))
        yield from most(_content(listener, ledger, is_over))
        if is_over:
            yield from _to_the_end(listener, ledger)
    for user_id, numbers in record.pushed_notifications.items():
        for each in most(checker_listeners.first_in_order(user_id, numbers)):
            yield _of_notifications(each)
    if is_over and record.has_channels:
        for ledger in ledgers.users.values():
            if ledger.user_id in record.leavers:
                # Their channels end with their sessions.
                continue
            missing = {each.number for each in ledger.notified}
            missing.difference_update(record.pushed_notifications.get(ledger.user_id, ()))
            if missing:
                sentence = f"The Channels server never accepted {len(missing)} notifications."
                yield _violation(ledger, min(missing), sentence)


def in_order(listener: Subscriber, begin: int = 0) -> Iterator[Violation]:
    """Each number follows the previous one, from that position of the list on."""
    for each in checker_listeners.in_order(listener, begin):
        yield _of_notifications(each)


def _numbers(ledger: AccountLedger) -> Iterator[Violation]:
    """The numbers have no gap, and the user's row has the newest."""
    numbers = [each.number for each in ledger.notified]
    for expected, number in enumerate(numbers, 1):
        if number != expected:
            yield _violation(ledger, number, f"It is where {expected} should be.")
            break
    newest = numbers[-1] if numbers else 0
    if newest != ledger.notification_number:
        sentence = f"The newest is {newest}, and the user's row has {ledger.notification_number}."
        yield _violation(ledger, newest, sentence)


def _of_entries(ledger: AccountLedger) -> Iterator[Violation]:
    """The user was notified of each incoming transfer exactly once, and of nothing else as such."""
    told = Counter(each.sequence for each in ledger.notified if each.kind == _RECEIVED)
    received = {
        entry.sequence for entry in ledger.entries if entry.is_incoming and entry.kind == "transfer"
    }
    for sequence in sorted(received):
        if told[sequence] != 1:
            sentence = f"The user was notified of this entry {told[sequence]} times."
            yield Violation(4, ledger.user_id, f"sequence {sequence}", sentence)
    for each in ledger.notified:
        if each.kind == _RECEIVED and each.sequence not in received:
            sentence = f"It is about entry {each.sequence}, with which no money was received."
            yield _violation(ledger, each.number, sentence)


def _content(listener: Subscriber, ledger: AccountLedger, is_over: bool) -> Iterator[Violation]:
    """Each notification that was received is stored, and is about that transaction."""
    for number, reference in zip(listener.sequences, listener.references, strict=False):
        if number > len(ledger.notified):
            if is_over:
                yield _violation(ledger, number, "A subscriber received it, but it is not stored.")
            continue
        sequence = ledger.notified[number - 1].sequence
        entry = None if sequence is None else ledger.at(sequence)
        expected = None if entry is None else entry.reference
        if reference != expected:
            sentence = f"A subscriber received {reference}, and the ledger has {expected}."
            yield _violation(ledger, number, sentence)


def _to_the_end(listener: Subscriber, ledger: AccountLedger) -> Iterator[Violation]:
    heard = max(listener.sequences, default=listener.after_sequence)
    if heard < len(ledger.notified):
        sentence = (
            f"A subscriber over {listener.transport} received notifications up to {heard} of "
            f"{len(ledger.notified)}."
        )
        yield _violation(ledger, heard + 1, sentence)


def _violation(ledger: AccountLedger, number: int, sentence: str) -> Violation:
    return Violation(4, ledger.user_id, f"notification {number}", sentence)


def _of_notifications(violation: Violation) -> Violation:
    return replace(violation, where=violation.where.replace("sequence", "notification"))
