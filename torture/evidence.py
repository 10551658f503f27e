"""Whether a run observed enough to prove anything: what never occurred was not tested."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from domain.webhooks import WebhookStream
from torture.checker_closings import KEY_CLOSED
from torture.checker_commands import TOO_LATE
from torture.checker_requests import CLOSED as REQUEST_CLOSED
from torture.checker_top_ups import STARTED
from torture.confirmers import REFUSED, REQUIRED
from torture.provider_records import ProviderRecords
from torture.record import InjectedFault, Outcome, Record
from torture.record_accounts import Bar
from torture.record_requests import Act
from torture.record_webhooks import Receiver
from torture.schedulers import CREATED

#: A fault may fail to take effect once by bad luck, but not every time.
_TRIES = 2


def lacking(record: Record) -> list[str]:
    """A sentence for each observation without which a promise was not tested."""
    return [*_sights(record), *_faults(record.faults)]


def _sights(record: Record) -> Iterator[str]:
    outcomes = dict.fromkeys(Outcome, 0)
    for command in record.commands:
        outcomes[command.outcome] += 1
    heard = dict.fromkeys({each.transport for each in record.subscribers}, 0)
    for subscriber in record.subscribers:
        heard[subscriber.transport] += len(subscriber.sequences)
    seen = {
        "movement was acknowledged": outcomes[Outcome.ACKNOWLEDGED],
        "movement was refused": outcomes[Outcome.REFUSED],
        "refusal contained a balance": sum(
            command.refused_balance_minor is not None for command in record.commands
        ),
        "key was replayed": sum(command.replayed is True for command in record.commands),
        "answer was lost": sum(command.lost for command in record.commands),
        "balance was read": len(record.reads),
        "page of transactions was read": sum(bool(read.entries) for read in record.reads),
        "subscriber was connected": len(record.subscribers),
        **{f"event was received by {transport}": count for transport, count in heard.items()},
        "subscriber reconnected": sum(each.reconnects for each in record.subscribers),
        "event was pushed": sum(map(len, record.pushed.values())),
        "notification was received": sum(len(each.sequences) for each in record.notified),
        "notification was pushed": sum(map(len, record.pushed_notifications.values())),
        "mail was received": sum((record.caught or {}).values()),
        "connection of a client was disturbed": record.disturbances.total(),
        "check during the run reached the database": record.quick_checks,
        **_closings(record),
        **_deadlines(record),
        "movement carried metadata": sum(
            bool(command.answered_metadata) for command in record.commands
        ),
        "metadata was read": sum(any(read.metadata or ()) for read in record.reads),
        "receipt was stored": len(record.receipts),
        **_requests(record),
        "transfer was scheduled": sum(each.answer == CREATED for each in record.schedules),
        "scheduled transfer was sent": len(record.runs_sent),
        "scheduled transfer that was missed was sent": sum(n > 1 for n in record.runs_sent),
        "scheduled transfer was ended": sum(each.ended_at is not None for each in record.schedules),
        "transfer was reversed by an operator": sum(
            each.status == "DONE" for each in record.reversals
        ),
        **_accounts(record),
        **_top_ups(record),
        **_webhooks(record.receivers),
    }
    for what, count in seen.items():
        if not count:
            yield f"No {what}."
    if record.audit_status is None:
        yield "The audit was not run."
    if record.receipts_contained is None:
        yield "No receipts were verified."


def _requests(record: Record) -> dict[str, int]:
    attempts = [attempt for each in record.requests for attempt in each.attempts]
    return {
        **{
            f"payment request was {act}": sum(
                attempt.act is act and attempt.has_closed for attempt in attempts
            )
            for act in Act
        },
        "payment request was closed already": sum(
            attempt.answer == REQUEST_CLOSED for attempt in attempts
        ),
    }


def _accounts(record: Record) -> dict[str, int]:
    refused = Counter(command.refusal for command in record.commands)
    return {
        **{
            f"account was barred from {bar}": sum(
                each.what is bar and each.answered is not None for each in record.barred
            )
            for bar in Bar
        },
        "restriction was lifted": len(record.lifts),
        "request of a restricted account was refused": refused["AccountRestricted"],
        "account was opened again": record.reopened,
        "transfer was to be confirmed": refused[REQUIRED],
        "transfer was confirmed": sum(
            command.confirmation is not None and command.outcome is Outcome.ACKNOWLEDGED
            for command in record.commands
        ),
        "confirmation was refused": refused[REFUSED],
    }


def _top_ups(record: Record) -> dict[str, int]:
    known = record.at_provider or ProviderRecords()
    taken = [taken for payment in known.payments for taken in payment.taken]
    return {
        "top-up was started at the payment provider": sum(
            each.answer == STARTED for each in record.top_ups
        ),
        "top-up was paid": len(known.payments),
        "payment was refunded or disputed": sum(not each.is_returned for each in taken),
        "money was returned by the payment provider": sum(each.is_returned for each in taken),
        "event of the payment provider was delivered more than once": max(
            known.deliveries - known.events + known.undelivered, 0
        ),
    }


def _webhooks(receivers: list[Receiver]) -> dict[str, int]:
    requests = [request for each in receivers for request in each.requests]
    return {
        **{
            f"event of {stream} was processed by a receiver": sum(
                len(each.processed) for each in receivers if each.stream is stream
            )
            for stream in WebhookStream
        },
        "delivery was refused": sum(request.is_refused for request in requests),
        "delivery was left without a complete response": sum(
            request.is_incomplete for request in requests
        ),
        "delivery was repeated": len(requests)
        - sum(len({request.number for request in each.requests}) for each in receivers),
        "receiver was killed": sum(each.kills for each in receivers),
        "secret of a webhook was rotated": sum(each.rotations for each in receivers),
        "webhook was replayed": sum(each.replays for each in receivers),
        "delivery was recorded": sum(len(each.attempts) for each in receivers),
    }


def _closings(record: Record) -> dict[str, int]:
    refused = Counter(command.refusal for command in record.commands)
    return {
        "key was closed": sum(closing.has_closed for closing in record.closings),
        "key that had moved money was closed": sum(
            closing.reference is not None for closing in record.closings
        ),
        "request was refused for a closed key": refused[KEY_CLOSED],
        "request that was held past the closing of its key was delivered": held_past_closing(
            record
        ),
    }


def held_past_closing(record: Record) -> int:
    """How many requests the service answered though they were delivered after their key was closed."""
    closed_at: dict[str, float] = {}
    for closing in record.closings:
        if closing.has_closed:
            closed_at[closing.key] = min(closing.ended, closed_at.get(closing.key, closing.ended))
    return sum(
        request.held < closed_at[request.key] < request.delivered
        for request in record.delayed
        if request.key in closed_at and request.delivered is not None and request.answer is not None
    )


def _deadlines(record: Record) -> dict[str, int]:
    late = {command.key for command in record.commands if command.refusal == TOO_LATE}
    return {
        "request was too late": len(late),
        "request was held past its `notAfter`": sum(
            request.answer == TOO_LATE for request in record.delayed
        ),
        "key was used after a request with it was too late": sum(
            command.key in late and command.outcome is Outcome.ACKNOWLEDGED
            for command in record.commands
        ),
    }


def _faults(faults: list[InjectedFault]) -> Iterator[str]:
    if not faults:
        yield "No fault was injected."
    by_name: defaultdict[str, list[bool]] = defaultdict(list)
    for fault in faults:
        by_name[fault.name].append(fault.had_effect)
    for name, effects in by_name.items():
        if len(effects) >= _TRIES and not any(effects):
            yield f"“{name}” was injected {len(effects)} times and never took effect."
