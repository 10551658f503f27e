"""The audit: runs every check and reports the rows that violate one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import errors
from domain import text as texts
from persistence.audit import blocks as audit_blocks
from persistence.audit import checks, ledgers, seals, shards
from persistence.audit import handles as audit_handles
from persistence.audit import keys as audit_keys
from persistence.audit import kinds as audit_kinds
from persistence.audit import leaving as audit_leaving
from persistence.audit import notifications as audit_notifications
from persistence.audit import operators as audit_operators
from persistence.audit import people as audit_people
from persistence.audit import receipts as audit_receipts
from persistence.audit import requests as audit_requests
from persistence.audit import schedules as audit_schedules
from persistence.audit import second_factors as audit_second_factors
from persistence.audit import splits as audit_splits
from persistence.audit import streams as audit_streams
from persistence.audit import webhooks as audit_webhooks
from persistence.engine import database
from persistence.engine.database import Database

# Every row is read, so hash joins on the full keys are best. A nested loop, or a merge on `user_id` alone,
# would compare each entry of a long account ledger with all the others.
_BY_HASHING = "SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off"
# On a cluster, one connection to each node, so that all checks read the same snapshot of it.
_BY_ONE_CONNECTION = "SET LOCAL citus.max_adaptive_executor_pool_size = 1"
_SPANS_NODES = text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')")
# Materialized, so that PostgreSQL plans for all rows: with the LIMIT it would choose a plan with a fast start.
# In order, so that two audits of a cluster list the same of many rows, whichever node answers first.
_FIRST_FINDINGS = """
WITH found AS MATERIALIZED ({query}) SELECT key, sentence FROM found ORDER BY key LIMIT {limit}
"""
#: How many rows are listed per check.
MAXIMUM_FINDINGS = 100
_TOTALS_TABLE = "totals"

_TOTALS = text("SELECT count(*) AS people, coalesce(sum(balance), 0) AS balances FROM users")
# Money of entries without a counterparty enters or leaves the wallet.
_TOTALS_OF_KINDS = text(
    """
    SELECT kind, count(*) AS entries,
        coalesce(sum(fee), 0) - coalesce(sum(fee_refunded), 0) AS fees, coalesce(sum(
        CASE direction WHEN 'incoming' THEN amount::numeric ELSE -amount::numeric END
    ) FILTER (WHERE counterparty_id IS NULL), 0) AS added
    FROM transactions GROUP BY kind
    """
)
# Search texts are made in Python; for plain ASCII, PostgreSQL can check them many times faster.
_TEXTS = """
SELECT {key} AS key, {written}, {found_by} FROM {table} WHERE {written} IS NOT NULL AND (
    {written} COLLATE "C" ~ '^[!-~]+( [!-~]+)*$' AND {found_by} = lower({written} COLLATE "C")
) IS NOT TRUE
"""
_NAMES = text(_TEXTS.format(key="id::text", written="name", found_by="search_text", table="users"))
_NOTES = text(
    _TEXTS.format(
        key="concat(user_id, '/', sequence)", written="note", found_by="note_search_text",
        table="transactions",
    )
)  # fmt: skip
#: How many of them are in memory at once.
_TEXTS_AT_ONCE = 1_000
#: What is checked by queries alone.
CHECKS = (
    *ledgers.CHECKS,
    *audit_kinds.CHECKS,
    *audit_keys.CHECKS,
    *audit_people.CHECKS,
    *audit_second_factors.CHECKS,
    *audit_handles.CHECKS,
    *audit_notifications.CHECKS,
    *audit_webhooks.CHECKS,
    *audit_requests.CHECKS,
    *audit_schedules.CHECKS,
    *audit_blocks.CHECKS,
    *audit_splits.CHECKS,
    *audit_operators.CHECKS,
    *audit_leaving.CHECKS,
    *audit_streams.CHECKS,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that violates a rule: its table, its key, and what is wrong with it."""

    table: str
    key: str
    sentence: str


@dataclass(slots=True)
class AuditReport:
    """The totals of all account ledgers, in minor units, and the findings."""

    findings: list[Finding] = field(default_factory=list)
    people: int = 0
    entries: int = 0
    balances_minor: int = 0
    #: Less those that were refunded.
    fees_minor: int = 0
    #: What transactions of each kind added from outside the wallet; negative for what they took out.
    added_minor: dict[str, int] = field(default_factory=dict)
    #: On a cluster: money moved while the totals were read from one node after the other.
    totals_are_moving: bool = False

    @property
    def is_clean(self) -> bool:
        return not self.findings


async def audit(
    db: Database, *, audit_key: bytes = b"", on_check: Callable[[str], None] = lambda name: None
) -> AuditReport:
    """Check all data in one snapshot; the service may keep running.

    Seals are verified with `audit_key`, which is empty if the service has none. `on_check` is called with the
    name of each check as it begins, since a large database takes minutes. Raises Unavailable.

    On a cluster, each node has a snapshot of its own, and what was being committed may be in some of them
    only: what is wrong is what two audits in a row find.
    """
    async with _snapshot(db) as connection:
        report = await look(connection, audit_key=audit_key, on_check=on_check)
        spans_nodes = bool(await connection.scalar(_SPANS_NODES))
    if report.is_clean or not spans_nodes:
        return report
    async with _snapshot(db) as connection:
        again = await look(connection, audit_key=audit_key, on_check=on_check)
    confirm(report, again)
    return again


def confirm(first: AuditReport, again: AuditReport) -> None:
    """Keep of the second report what the first one has too.

    A row is the same although what is wrong with it reads differently: the balance of an account that is in
    use changes between the two. The totals are only the same with the same amounts.
    """
    rows = {(each.table, each.key) for each in first.findings}
    moving = {
        each
        for each in again.findings
        if each.table == _TOTALS_TABLE and each not in first.findings
    }
    again.totals_are_moving = bool(moving)
    again.findings = [
        each for each in again.findings if (each.table, each.key) in rows and each not in moving
    ]


async def look(
    connection: AsyncConnection,
    *,
    audit_key: bytes = b"",
    on_check: Callable[[str], None] = lambda name: None,
) -> AuditReport:
    """Audit the data that is visible to this connection."""
    report = AuditReport()
    await connection.exec_driver_sql(_BY_HASHING)
    await connection.exec_driver_sql(_BY_ONE_CONNECTION)
    on_check("the totals")
    await _check_totals(connection, report)
    for check in CHECKS:
        on_check(check.name)
        await _run(connection, check, report)
    if await connection.scalar(_SPANS_NODES):
        on_check("the guards of the shards")
        report.findings += [Finding(*fault) for fault in await shards.faults(connection)]
    on_check("search texts of names and notes")
    await _check_search_texts(connection, report)
    on_check("the skeletons of names")
    await _check_skeletons(connection, report)
    on_check("the seals")
    await _check_seals(connection, audit_key, report, on_check)
    on_check("the log of operators")
    async for table, key, sentence in audit_operators.faults(connection, audit_key):
        report.findings.append(Finding(table, key, sentence))
    return report


async def check_receipts(
    db: Database, receipts: Iterable[str], keys: Sequence[bytes]
) -> list[audit_receipts.Answer]:
    """Verify the receipts against the account ledgers. The first key is the current one."""
    async with _snapshot(db) as connection:
        return await audit_receipts.answers(connection, receipts, keys)


@asynccontextmanager
async def _snapshot(db: Database) -> AsyncIterator[AsyncConnection]:
    try:
        async with db.snapshot() as connection:
            yield connection
    except (exc.DBAPIError, psycopg.Error) as error:
        if not database.is_trouble(error):
            raise
        raise errors.Unavailable from error


def statement(check: checks.Check) -> str:
    """The query for the first rows that violate the check: one more than are listed."""
    return _FIRST_FINDINGS.format(query=check.query, limit=MAXIMUM_FINDINGS + 1)


async def _run(connection: AsyncConnection, check: checks.Check, report: AuditReport) -> None:
    rows = (await connection.exec_driver_sql(statement(check).replace("%", "%%"))).all()
    _add(report, check.table, [(row.key, row.sentence) for row in rows])


def _add(report: AuditReport, table: str, found: list[tuple[str, str]]) -> None:
    report.findings += [Finding(table, key, sentence) for key, sentence in found[:MAXIMUM_FINDINGS]]
    if len(found) > MAXIMUM_FINDINGS:
        report.findings.append(Finding(table, "…", "There are more rows like these."))


async def _check_search_texts(connection: AsyncConnection, report: AuditReport) -> None:
    for table, query, what in (("users", _NAMES, "name"), ("transactions", _NOTES, "note")):
        found: list[tuple[str, str]] = []
        async for rows in (await connection.stream(query)).partitions(_TEXTS_AT_ONCE):
            found += [
                (key, f"The {what} cannot be found by its own text.")
                for key, written, found_by in rows
                if found_by != texts.search_text(written)
            ]
            _keep_first(found)
        _add(report, table, found)


async def _check_skeletons(connection: AsyncConnection, report: AuditReport) -> None:
    found: list[tuple[str, str]] = []
    async for fault in audit_handles.skeleton_faults(connection):
        found.append(fault)
        _keep_first(found)
    _add(report, "name_skeletons", found)


def _keep_first(found: list[tuple[str, str]]) -> None:
    """Keep the first of many findings by key, as `_FIRST_FINDINGS` does."""
    if len(found) > MAXIMUM_FINDINGS + 1:
        found.sort()
        del found[MAXIMUM_FINDINGS + 1 :]


async def _check_seals(
    connection: AsyncConnection,
    audit_key: bytes,
    report: AuditReport,
    on_check: Callable[[str], None],
) -> None:
    found: list[tuple[str, str]] = []
    faults = seals.faults(
        connection,
        audit_key,
        on_entries=lambda entries: on_check(
            f"the seals: {entries:,} of {report.entries:,} entries"
        ),
    )
    async for fault in faults:
        if len(found) <= MAXIMUM_FINDINGS:
            found.append(fault)
    _add(report, "transactions", found)


async def _check_totals(connection: AsyncConnection, report: AuditReport) -> None:
    row = (await connection.execute(_TOTALS)).one()
    # Damaged amounts may add up to more than PostgreSQL's largest integer.
    report.people, report.balances_minor = row.people, int(row.balances)
    for of_kind in await connection.execute(_TOTALS_OF_KINDS):
        report.entries += of_kind.entries
        report.fees_minor += int(of_kind.fees)
        report.added_minor[of_kind.kind] = int(of_kind.added)
    explained_minor, added_minor = (
        report.balances_minor + report.fees_minor,
        sum(report.added_minor.values()),
    )
    if explained_minor != added_minor:
        sentence = (
            f"Balances of {report.balances_minor} and fees of {report.fees_minor} make "
            f"{explained_minor}, but {added_minor} were added."
        )
        report.findings.append(Finding(_TOTALS_TABLE, "all", sentence))
