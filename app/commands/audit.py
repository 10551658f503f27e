"""`audit`: verifies the ledgers, or checks receipts against them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from app.commands import reseal, terminal
from domain.ledger import kinds
from domain.ledger.kinds import Kind
from domain.ledger.money import Limits
from persistence.audit import audit as audits
from persistence.audit.receipts import Answer
from persistence.engine import database
from settings import Settings

_MOVING = (
    "Money moved between nodes while the totals were read, so the totals were not compared. Each ledger, and "
    "the two sides of each transaction, were compared."
)
_UNSEALED = "AUDIT_KEY is not set: the seals show damage, but not forgery."


def audit(settings: Settings) -> int:
    """Verify all ledgers. Exit status 0 if nothing is wrong; otherwise 1, and the rows are named."""
    with terminal.sentences() as outcome:
        limits = terminal.limits(settings)
        with terminal.console.status("Verifying …") as status:
            report = asyncio.run(
                _audit(settings, lambda name: status.update(f"Verifying {name} …"))
            )
        for finding in report.findings:
            terminal.say(f"{finding.table} {finding.key}: {finding.sentence}")
        terminal.say(
            f"{report.people:,} users hold {limits.money(report.balances_minor)} in {report.entries:,} "
            f"entries: {_added(report, limits)}, fees {limits.money(report.fees_minor)}."
        )
        if settings.audit_key is None:
            terminal.say(_UNSEALED)
        if report.totals_are_moving:
            terminal.say(_MOVING)
        if report.is_clean:
            terminal.say("All ledgers balance, and all seals are valid.")
        else:
            raise terminal.Refused(
                f"The ledgers are not in order: {len(report.findings)} problems are listed above. "
                "Stop the service, keep a copy of the database, and find out what changed it."
            )
    return outcome.status


def _added(report: audits.AuditReport, limits: Limits) -> str:
    """The money added from outside the wallet, by kind of transaction, and what was taken back of it."""
    added = [
        f"{rules.plural} {limits.money(report.added_minor.get(kind, 0))}"
        for kind, rules in kinds.RULES.items()
        if rules.has_counterparty is False
    ]
    taken_back_minor = -report.added_minor.get(Kind.REVERSAL, 0)
    return ", ".join([*added, f"reversed top-ups {limits.money(taken_back_minor)}"])


async def _audit(settings: Settings, on_check: Callable[[str], None]) -> audits.AuditReport:
    opened = await database.Database.open(settings.database_url.get_secret_value())
    try:
        return await audits.audit(opened, audit_key=settings.sealing_key, on_check=on_check)
    finally:
        await opened.close()


def check_receipts(
    settings: Settings, receipts: Sequence[str], *, keys_before: Sequence[Path] = ()
) -> int:
    """Check for each receipt whether the ledger still contains what it proves.

    `keys_before` are files with former keys, with which a receipt may have been issued.
    Exit status 0 if all are contained, 1 if any is not.
    """
    with terminal.sentences() as outcome:
        if not receipts:
            raise terminal.Refused("No receipt was given: write one per line.")
        keys = [settings.sealing_key, *map(reseal.read_key, keys_before)]
        answers = asyncio.run(_check_receipts(settings, receipts, keys))
        for answer in answers:
            terminal.say(f"{answer.receipt}: {answer.sentence}")
        if settings.audit_key is None:
            terminal.say(_UNSEALED)
        missing = sum(not answer.is_contained for answer in answers)
        if missing:
            raise terminal.Refused(
                f"{missing} of {len(answers)} receipts are not contained in the ledgers."
            )
    return outcome.status


async def _check_receipts(
    settings: Settings, receipts: Sequence[str], keys: Sequence[bytes]
) -> list[Answer]:
    opened = await database.Database.open(settings.database_url.get_secret_value())
    try:
        return await audits.check_receipts(opened, receipts, keys)
    finally:
        await opened.close()
