"""The output of a run: a progress line, and tables at its end."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.table import Table

from torture import evidence
from torture.checker import PROMISES, Violation
from torture.checker_commands import TOO_LATE
from torture.checker_requests import CLOSED
from torture.confirmers import REFUSED, REQUIRED
from torture.provider_records import ProviderRecords
from torture.record import Command, InjectedFault, Outcome, Record
from torture.record_accounts import Bar
from torture.record_requests import Act
from torture.session import Result

_SHOWN = 40
_REFRESH_SECONDS = 0.5


class Progress:
    """A line that is updated on a terminal; elsewhere one line for each message."""

    def __init__(self, console: Console, seconds: float) -> None:
        self._console = console
        self._seconds = seconds
        self._status: Status | None = Status("", console=console) if console.is_terminal else None
        self._record: Record | None = None
        self._began = time.monotonic()

    def follow(self, record: Record) -> None:
        """Show counts from this record from now on."""
        self._record = record

    def tell(self, what: str) -> None:
        """Show a message."""
        if not what:
            return
        entry = f"{time.monotonic() - self._began:6.1f} s  {self._counts()}  {what}"
        if self._status is None or what.startswith("BROKEN"):
            self._console.print(entry, markup=False, highlight=False, soft_wrap=True)
        else:
            self._status.update(entry.replace("[", "\\["))

    def _counts(self) -> str:
        commands = self._record.commands if self._record else []
        return f"{len(commands):>7,} commands"

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()


def show(console: Console, record: Record, result: Result) -> None:
    """Print the activity, the faults and the recoveries, and which promises were kept."""
    console.print(_activity(record, result))
    console.print(_faults(record))
    console.print(_promises(result))
    if not result.is_drained:
        console.print("The queues were not empty at the end.")
    for violation in result.violations[:_SHOWN]:
        console.print(str(violation), markup=False, highlight=False, soft_wrap=True)
    if len(result.violations) > _SHOWN:
        console.print(f"… and {len(result.violations) - _SHOWN:,} more.")


def _activity(record: Record, result: Result) -> Table:
    table = Table(title=f"Activity in {result.chaos_seconds:.0f} s", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    outcomes = Counter(command.outcome for command in record.commands)
    unavailable = sum(failure.code == "UNAVAILABLE" for failure in record.failures)
    rows = {
        "transfers and top-ups requested": len(record.commands),
        "acknowledged": outcomes[Outcome.ACKNOWLEDGED],
        "of these replayed": sum(bool(command.replayed) for command in record.commands),
        "refused": outcomes[Outcome.REFUSED],
        "never answered": outcomes[Outcome.UNANSWERED],
        "of these posted, according to their keys": sum(
            bool(c.found_by_key) for c in record.commands
        ),
        "keys closed": sum(closing.is_answered for closing in record.closings),
        "of these without a transaction": sum(closing.has_closed for closing in record.closings),
        "requests held in transit": len(record.delayed),
        "of these delivered after their key was closed": evidence.held_past_closing(record),
        "of these delivered after their notAfter": sum(
            request.answer == TOO_LATE for request in record.delayed
        ),
        "longest delay, in seconds": round(_longest_delay(record)),
        "tries lost": sum(map(_lost, record.commands)),
        "UNAVAILABLE answers": unavailable,
        "ledger entries": result.entries,
        "receipts stored": len(record.receipts),
        "of these found in the ledgers": record.receipts_contained or 0,
        "reads": len(record.reads),
        "events received": sum(len(each.sequences) for each in record.subscribers),
        "reconnections of subscribers": sum(each.reconnects for each in record.subscribers),
        "events accepted by the Channels server": sum(map(len, record.pushed.values())),
        "notifications received": sum(len(each.sequences) for each in record.notified),
        "notifications accepted by the Channels server": sum(
            map(len, record.pushed_notifications.values())
        ),
        **_requests(record),
        "transfers scheduled": len(record.schedules),
        "of their runs sent": len(record.runs_sent),
        "of these after the first run": sum(number > 1 for number in record.runs_sent),
        "reversals requested by operators": len(record.reversals),
        "of these posted at once": sum(each.status == "DONE" for each in record.reversals),
        "of their proposals approved or rejected": sum(
            decision.status is not None for each in record.reversals for decision in each.decisions
        ),
        **_accounts(record),
        **_top_ups(record),
        **_webhooks(record),
        "mails requested": sum(mail.asked for mail in record.mails),
        "mails received": sum((record.caught or {}).values()),
        "mails that had to arrive exactly once": result.mails_due_once,
        "connections cut": record.disturbances["cut"],
        "answers swallowed": record.disturbances["swallow"],
        "answers truncated": record.disturbances["truncate"],
        "quick checks during the run": record.quick_checks,
        "full checks during the run": record.full_checks,
    }
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    return table


def _requests(record: Record) -> dict[str, int]:
    attempts = [attempt for each in record.requests for attempt in each.attempts]
    return {
        "payment requests": len(record.requests),
        **{
            f"of these {act}": len(
                {
                    each.key
                    for each in record.requests
                    for attempt in each.attempts
                    if attempt.act is act and attempt.has_closed
                }
            )
            for act in Act
        },
        "attempts to close a closed one": sum(each.answer == CLOSED for each in attempts),
    }


def _accounts(record: Record) -> dict[str, int]:
    refused = Counter(command.refusal for command in record.commands)
    answered = Counter(each.what for each in record.barred if each.answered is not None)
    closed = answered.pop(Bar.EVERYTHING, 0)
    return {
        "accounts restricted": answered.total(),
        "requests refused for that": refused["AccountRestricted"],
        "restrictions lifted": len(record.lifts),
        "accounts closed": closed,
        "of these opened again": record.reopened,
        "transfers that had to be confirmed": refused[REQUIRED],
        "confirmations answered with a transfer": sum(
            each.confirmation is not None and each.outcome is Outcome.ACKNOWLEDGED
            for each in record.commands
        ),
        "confirmations refused": refused[REFUSED],
    }


def _top_ups(record: Record) -> dict[str, int]:
    known = record.at_provider or ProviderRecords()
    taken = [taken for payment in known.payments for taken in payment.taken]
    return {
        "top-ups started at the payment provider": len(record.top_ups),
        "of these paid by their users": len(known.payments),
        "refunds and disputes": len(taken),
        "of these returned": sum(each.is_returned for each in taken),
        "events of the payment provider": known.events,
        "attempts to deliver them": known.deliveries,
        "of the events never delivered": known.undelivered,
    }


def _webhooks(record: Record) -> dict[str, int]:
    requests = [request for each in record.receivers for request in each.requests]
    return {
        "deliveries to webhooks": len(requests),
        "events processed by their receivers": sum(len(r.processed) for r in record.receivers),
        "deliveries refused": sum(request.is_refused for request in requests),
        "deliveries without a complete response": sum(r.is_incomplete for r in requests),
        "attempts recorded": sum(len(each.attempts) for each in record.receivers),
        "receivers killed": sum(each.kills for each in record.receivers),
        "secrets rotated": sum(each.rotations for each in record.receivers),
        "webhooks replayed": sum(each.replays for each in record.receivers),
    }


def _longest_delay(record: Record) -> float:
    delays = ((request.delivered or 0.0) - request.held for request in record.delayed)
    return max(delays, default=0.0)


def _lost(command: Command) -> int:
    return command.lost


def _faults(record: Record) -> Table:
    """To end a fault is to start processes until they are ready, or PostgreSQL until it answers queries."""
    table = Table(title="Faults, how long it took to end them, and how soon service resumed")
    for heading in ("", "times", "took effect", "ending it, longest s", "median s", "longest s"):
        table.add_column(heading, justify="left" if not heading else "right")
    by_name: defaultdict[str, list[InjectedFault]] = defaultdict(list)
    for fault in record.faults:
        by_name[fault.name].append(fault)
    for name, faults in sorted(by_name.items()):
        times = sorted(_until_service(fault) for fault in faults)
        ending = max((f.ended or 0.0) - (f.ending or 0.0) for f in faults)
        seconds = (ending, times[len(times) // 2], times[-1])
        bitten = sum(fault.had_effect for fault in faults)
        table.add_row(name, str(len(faults)), str(bitten), *(f"{each:.1f}" for each in seconds))
    return table


def _until_service(fault: InjectedFault) -> float:
    if fault.ended is None or fault.recovered_at is None:
        return float("inf")
    return fault.recovered_at - fault.ended


def _promises(result: Result) -> Table:
    table = Table(title="The promises")
    table.add_column("")
    table.add_column("")
    table.add_column("violations", justify="right")
    broken: Counter[int] = Counter(each.promise for each in _of(result))
    for number, sentence in PROMISES.items():
        count = broken[number]
        table.add_row(str(number), sentence, f"{count:,}" if count else "none")
    return table


def _of(result: Result) -> list[Violation]:
    return result.violations
