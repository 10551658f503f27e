"""Promise 8: a receiver that stores the last number it processed ends with exactly the stream's events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from uuid import UUID

from domain.webhooks import EVENT_TYPES, WebhookStream
from torture.ledgers import AccountLedger, Ledgers
from torture.receiver import PATH
from torture.record import InjectedFault, Record
from torture.record_webhooks import Attempt, Receiver, Request
from torture.violations import Violation, most

#: Between reading the secrets that sign, while PostgreSQL may be suspended, and the time in the header.
_SIGNING_SECONDS = 6.0
#: How long after the arrival of a request a fault may keep its attempt from being recorded.
_RECORDING_SECONDS = 5.0
_LEEWAY_SECONDS = 0.5


def check(record: Record, ledgers: Ledgers, *, is_over: bool = True) -> Iterator[Violation]:
    """All receivers; their ends and the recorded attempts only if the run `is_over`."""
    for receiver in record.receivers:
        ledger = ledgers.users.get(receiver.user_id) or AccountLedger(receiver.user_id, 0, 0)
        yield from most(_processed(receiver))
        yield from most(_turns(receiver))
        yield from most(_identities(receiver))
        yield from most(_signatures(receiver, record.epoch_offset))
        yield from most(_contents(receiver, ledger, is_over))
        if is_over:
            yield from _to_the_end(receiver, ledger)
            yield from most(_attempts(receiver))
            yield from most(_unrecorded(receiver, record.faults))


def _processed(receiver: Receiver) -> Iterator[Violation]:
    """Each event that was processed follows the one before it."""
    before = receiver.first
    for number in receiver.processed:
        if number != before + 1:
            what = "again" if number <= before else "and missed those between them"
            sentence = f"The receiver processed {number} after {before}, {what}."
            yield _violation(receiver, number, sentence)
        before = max(number, before)


def _turns(receiver: Receiver) -> Iterator[Violation]:
    """Each event was sent only after the one before it had been acknowledged."""
    acknowledged: dict[int, float] = {}
    for request in receiver.requests:
        if request.answered is not None and request.is_acknowledged:
            first = acknowledged.get(request.number, request.answered)
            acknowledged[request.number] = min(first, request.answered)
    for request in receiver.requests:
        before = request.number - 1
        if before <= receiver.first or not request.signed_by:
            continue
        if acknowledged.get(before, inf) > request.arrived:
            sentence = f"It was sent before {before} had been acknowledged."
            yield _violation(receiver, request.number, sentence)


def _identities(receiver: Receiver) -> Iterator[Violation]:
    """All requests with one event have the same `webhook-id`, and no two events have."""
    by_number: dict[int, str] = {}
    by_id: dict[str, int] = {}
    for request in receiver.requests:
        if not request.signed_by:
            continue
        expected = by_number.setdefault(request.number, request.event_id)
        if request.event_id != expected:
            sentence = f"It was sent as {expected}, and then as {request.event_id}."
            yield _violation(receiver, request.number, sentence)
        number = by_id.setdefault(request.event_id, request.number)
        if number != request.number:
            sentence = f"Events {number} and {request.number} were both sent as {request.event_id}."
            yield _violation(receiver, request.number, sentence)


def _signatures(receiver: Receiver, epoch_offset: float) -> Iterator[Violation]:
    """Every secret that was active at the time has signed, and none that was not."""
    for request in receiver.requests:
        if request.path != PATH:
            sentence = f"A request came to {request.path}: a redirect was followed."
            yield _violation(receiver, request.number, sentence)
        signed_at = request.timestamp - epoch_offset
        for secret in receiver.secrets:
            has_signed = secret.place in request.signed_by
            if has_signed and signed_at > secret.latest_end + _SIGNING_SECONDS:
                sentence = f"It was signed with secret {secret.place}, which had expired."
            elif has_signed and signed_at < secret.began - _SIGNING_SECONDS:
                sentence = f"It was signed with secret {secret.place} before that was made."
            elif (
                not has_signed
                and secret.told + _SIGNING_SECONDS < signed_at
                and request.arrived < secret.earliest_end - _SIGNING_SECONDS
            ):
                sentence = f"It was not signed with secret {secret.place}, which was active."
            else:
                continue
            yield _violation(receiver, request.number, sentence)


@dataclass(frozen=True, slots=True)
class _Event:
    """What the body of a delivery has to contain."""

    balance_minor: int | None
    reference: UUID | None


def _newest(receiver: Receiver, ledger: AccountLedger) -> int:
    if receiver.stream is WebhookStream.NOTIFICATIONS:
        return len(ledger.notified)
    return ledger.entries[-1].sequence if ledger.entries else 0


def _expected(receiver: Receiver, ledger: AccountLedger, number: int) -> _Event | None:
    if receiver.stream is WebhookStream.WALLET_EVENTS:
        entry = ledger.at(number)
        return None if entry is None else _Event(entry.balance_after_minor, entry.reference)
    if not 0 < number <= len(ledger.notified):
        return None
    sequence = ledger.notified[number - 1].sequence
    entry = None if sequence is None else ledger.at(sequence)
    return _Event(None, None if entry is None else entry.reference)


def _contents(receiver: Receiver, ledger: AccountLedger, is_over: bool) -> Iterator[Violation]:
    """Type, balance and transaction of each event are those of the ledger."""
    newest = _newest(receiver, ledger)
    for request in receiver.requests:
        if not request.signed_by or (request.number > newest and not is_over):
            continue
        event = _expected(receiver, ledger, request.number)
        sent = _Event(request.balance_minor, request.reference)
        if event is None:
            sentence = "It was sent, and the ledger does not have it."
        elif sent != event:
            sentence = f"It was sent with {sent}, and the ledger has {event}."
        elif request.kind != EVENT_TYPES[receiver.stream]:
            sentence = f"It was sent with the type {request.kind!r}."
        else:
            continue
        yield _violation(receiver, request.number, sentence)


def _to_the_end(receiver: Receiver, ledger: AccountLedger) -> Iterator[Violation]:
    """The receiver has processed the newest event, and the wallet knows."""
    newest = _newest(receiver, ledger)
    processed = max(receiver.processed, default=receiver.first)
    if receiver.last != processed:
        sentence = f"It processed events up to {processed}, and stores {receiver.last}."
        yield _violation(receiver, processed, sentence)
    if processed < newest:
        sentence = f"The receiver processed events up to {processed} of {newest}."
        yield _violation(receiver, processed + 1, sentence)
    if receiver.delivered_through not in (None, newest):
        sentence = f"`deliveredThrough` is {receiver.delivered_through}, and the newest {newest}."
        yield _violation(receiver, newest, sentence)


def _attempts(receiver: Receiver) -> Iterator[Violation]:
    """Each delivered event has an attempt that says so, which the receiver had acknowledged."""
    if receiver.delivered_through is None:
        return
    acknowledged = {each.number for each in receiver.requests if each.is_acknowledged}
    by_number: defaultdict[int, list[Attempt]] = defaultdict(list)
    for attempt in receiver.attempts:
        by_number[attempt.number].append(attempt)
    for number in range(receiver.first + 1, receiver.delivered_through + 1):
        if not any(attempt.is_delivered for attempt in by_number[number]):
            yield _violation(receiver, number, "No attempt that delivered it was recorded.")
    for number, attempts in by_number.items():
        counted = sorted(attempt.attempt for attempt in attempts)
        if counted != list(range(1, len(attempts) + 1)):
            yield _violation(receiver, number, f"Its attempts have the numbers {counted}.")
        if any(each.is_delivered for each in attempts) and number not in acknowledged:
            sentence = (
                "An attempt is recorded as delivered, and the receiver never acknowledged it."
            )
            yield _violation(receiver, number, sentence)


def _unrecorded(receiver: Receiver, faults: Sequence[InjectedFault]) -> Iterator[Violation]:
    """Each response with another status is recorded, unless a fault may have prevented that."""
    if receiver.delivered_through is None:
        return
    by_event: defaultdict[tuple[int, int | None], list[Attempt]] = defaultdict(list)
    for attempt in receiver.attempts:
        by_event[attempt.number, attempt.status].append(attempt)
    for request in receiver.requests:
        if not request.is_refused or not request.signed_by or _is_during(request, faults):
            continue
        # Without a status, the receiver was killed before it sent the response.
        recorded = [
            attempt
            for status in (int(request.reply), None)
            for attempt in by_event[request.number, status]
        ]
        if not any(_is_of(attempt, request) for attempt in recorded):
            sentence = f"The attempt that was answered with {request.reply} was not recorded."
            yield _violation(receiver, request.number, sentence)


def _is_of(attempt: Attempt, request: Request) -> bool:
    after = request.arrived - attempt.began
    return -_LEEWAY_SECONDS <= after <= attempt.seconds + _LEEWAY_SECONDS


def _is_during(request: Request, faults: Sequence[InjectedFault]) -> bool:
    return any(
        fault.began < request.arrived + _RECORDING_SECONDS
        and (fault.recovered_at is None or fault.recovered_at > request.arrived - _LEEWAY_SECONDS)
        for fault in faults
    )


def _violation(receiver: Receiver, number: int, sentence: str) -> Violation:
    where = f"{EVENT_TYPES[receiver.stream]} {number}"
    return Violation(8, receiver.user_id, where, sentence)
