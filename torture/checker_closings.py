"""Promise 7: a key that was closed without a transaction never moves money, however late a request comes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from uuid import UUID

from torture.ledgers import Entry, Ledgers
from torture.record import Closing, Command, DelayedRequest, Outcome, Record
from torture.violations import Violation, most

KEY_CLOSED = "IdempotencyKeyClosed"
#: Answers of a delayed request that say nothing about its key.
_NO_OUTCOME = (None, "UNAVAILABLE")

#: User, whether it is a transfer, and the key itself.
_Key = tuple[UUID, str, str]


@dataclass(slots=True)
class _Uses:
    """Everything that is known of one key."""

    closings: list[Closing] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    delayed: list[DelayedRequest] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def check(record: Record, ledgers: Ledgers, *, is_over: bool = True) -> Iterator[Violation]:
    """Each key that was closed or called closed; while money moves (not `is_over`), what has ended."""
    for key, uses in _collect(record, ledgers).items():
        if not is_over:
            _leave_out_unfinished(uses, ledgers.read_at)
        yield from most(_check_key(key, uses))


def _collect(record: Record, ledgers: Ledgers) -> dict[_Key, _Uses]:
    keys: defaultdict[_Key, _Uses] = defaultdict(_Uses)
    for closing in record.closings:
        keys[_key(closing)].closings.append(closing)
    for command in record.commands:
        if _key(command) in keys or command.refusal == KEY_CLOSED:
            keys[_key(command)].commands.append(command)
    for request in record.delayed:
        if _key(request) in keys or request.answer == KEY_CLOSED:
            keys[_key(request)].delayed.append(request)
    for ledger in ledgers.users.values():
        for entry in ledger.entries:
            if entry.key is not None:
                uses = keys.get((ledger.user_id, entry.kind, entry.key))
                if uses is not None:
                    uses.entries.append(entry)
    return keys


def _leave_out_unfinished(uses: _Uses, read_at: float) -> None:
    """Keep what had ended before the ledgers were read, and every call that may have closed the key."""
    uses.commands = [each for each in uses.commands if 0 < each.ended < read_at]
    uses.delayed = [each for each in uses.delayed if (each.delivered or read_at) < read_at]
    uses.closings = [
        each if each.ended < read_at else replace(each, is_answered=False) for each in uses.closings
    ]


def _check_key(key: _Key, uses: _Uses) -> Iterator[Violation]:
    user_id, _, name = key

    def broken(sentence: str) -> Violation:
        return Violation(7, user_id, f"key {name}", sentence)

    for closing in uses.closings:
        if closing.is_answered:
            yield from map(broken, _against_ledger(closing, uses.entries))
    outcomes = {closing.reference for closing in uses.closings if closing.is_answered}
    if len(outcomes) > 1:
        yield broken(f"Closing it had several outcomes: {', '.join(sorted(map(str, outcomes)))}.")
    closed_at = min((each.ended for each in uses.closings if each.has_closed), default=None)
    for command in uses.commands:
        yield from map(broken, _command(command, uses, closed_at))
    for request in uses.delayed:
        yield from map(broken, _delayed(request, uses, closed_at))


def _against_ledger(closing: Closing, entries: list[Entry]) -> Iterator[str]:
    """What closing the key returned is what the ledger has."""
    posted = {entry.reference for entry in entries}
    if closing.has_closed:
        for entry in entries:
            yield (
                f"It was closed at {closing.ended:.3f} without a transaction, and the ledger has "
                f"{entry.reference} over {entry.amount_minor} with this key."
            )
    elif closing.reference not in posted:
        there = ", ".join(map(str, posted)) or "nothing"
        yield f"Closing it returned {closing.reference}, and the ledger has {there} with this key."


def _command(command: Command, uses: _Uses, closed_at: float | None) -> Iterator[str]:
    """What callers were answered before and after the key was closed."""
    began = command.began if command.answer_began is None else command.answer_began
    if command.outcome is Outcome.ACKNOWLEDGED and closed_at is not None:
        yield f"It was closed without a transaction, and {command.reference} was acknowledged."
    if command.outcome is not Outcome.REFUSED:
        return
    if command.refusal == KEY_CLOSED:
        yield from _called_closed(uses, command.ended)
    elif closed_at is not None and closed_at < began:
        yield f"A request that began after it was closed was refused with {command.refusal}."


def _delayed(request: DelayedRequest, uses: _Uses, closed_at: float | None) -> Iterator[str]:
    """What a request was answered that was delivered after the key was closed."""
    delivered = request.delivered
    if delivered is None or request.answer in _NO_OUTCOME:
        return
    if request.answer == KEY_CLOSED:
        yield from _called_closed(uses, None)
    elif closed_at is not None and closed_at < delivered:
        yield (
            f"A request that was held for {delivered - request.held:.1f} s and delivered after the key "
            f"was closed was answered {request.answer}."
        )


def _called_closed(uses: _Uses, ended: float | None) -> Iterator[str]:
    """A refusal with `IdempotencyKeyClosed` needs a call that may have closed the key by then."""
    if uses.entries:
        yield f"It was called closed, and {uses.entries[0].reference} has moved money with it."
    if not any(ended is None or closing.began < ended for closing in uses.closings):
        yield "It was reported as closed, but no call had closed it."


def _key(of: Closing | Command | DelayedRequest) -> _Key:
    return of.user_id, of.operation.kind, of.key
