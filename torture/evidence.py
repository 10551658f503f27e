"""Whether a run saw enough for its silence to mean anything: what never came to pass was not tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from torture.record import Fault, Outcome, Record

#: A fault that missed may have had bad luck; one that always misses is none.
_TRIES = 2


def lacking(record: Record) -> list[str]:
    """A sentence for each thing without which a promise was not put to the test."""
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
        "refusal told a balance": sum(
            command.refused_balance_minor is not None for command in record.commands
        ),
        "key was used again": sum(command.replayed is True for command in record.commands),
        "answer was lost": sum(command.lost for command in record.commands),
        "balance was read": len(record.reads),
        "history was read": sum(bool(read.entries) for read in record.reads),
        "subscriber listened": len(record.subscribers),
        **{f"event was heard by {transport}": count for transport, count in heard.items()},
        "subscriber came back": sum(each.reconnects for each in record.subscribers),
        "event was pushed": sum(map(len, record.pushed.values())),
        "mail was caught": sum((record.caught or {}).values()),
        "line of a caller was bad": record.bad_lines.total(),
        "look along the way found the database": record.looks,
        "receipt was kept": len(record.receipts),
    }
    for what, count in seen.items():
        if not count:
            yield f"No {what}."
    if record.audit_status is None:
        yield "The audit was not run."
    if record.receipts_contained is None:
        yield "Nobody held the receipts against the ledgers."


def _faults(faults: list[Fault]) -> Iterator[str]:
    if not faults:
        yield "Nothing was broken."
    by_name: defaultdict[str, list[bool]] = defaultdict(list)
    for fault in faults:
        by_name[fault.name].append(fault.had_effect)
    for name, effects in by_name.items():
        if len(effects) >= _TRIES and not any(effects):
            yield f"“{name}” was tried {len(effects)} times and never had its effect."
