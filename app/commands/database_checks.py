"""What `doctor` checks of PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import sqlalchemy

from app.commands.findings import Finding
from persistence.cluster import distributing, nodes
from persistence.engine import condition, pinned, survey
from persistence.engine import database as engine
from persistence.engine.database import Database, newest_revision
from persistence.people import refolding
from settings import Settings

_CLOCK_SECONDS = 2.0


async def reach(database: Database) -> list[Finding]:
    """Whether the database can be reached and used."""
    found = await condition.look(database)
    if found.advice is not None:
        return [Finding("Database", "bad", found.advice)]
    async with database.reading() as connection:
        began = time.monotonic()
        row = (
            await connection.execute(
                sqlalchemy.text("SELECT current_setting('server_version'), clock_timestamp()")
            )
        ).one()
        drift = abs((row[1] - datetime.now(UTC)).total_seconds()) - (time.monotonic() - began)
        # The function exists only if the extension is installed, in any schema; `migrate` creates it.
        schema = await connection.scalar(
            sqlalchemy.text(
                "SELECT quote_ident(n.nspname) FROM pg_extension AS e "
                "JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'"
            )
        )
        trigrams = ["…"]
        if schema is not None:
            trigrams = await connection.scalar(sqlalchemy.text(f"SELECT {schema}.show_trgm('é')"))
    findings = [Finding("Database", "ok", f"PostgreSQL {row[0]} at {found.server}, the primary")]
    if not trigrams:
        says = (
            "Its character type recognizes ASCII letters only: create it again with "
            "--locale-provider=builtin --builtin-locale=C.UTF-8 --lc-ctype=C.UTF-8 -E UTF8."
        )
        findings.append(Finding("Search", "bad", says))
    if drift > _CLOCK_SECONDS:
        says = f"This machine's clock and the database's are {drift:.1f} s apart: run NTP on both."
        findings.append(Finding("Clock", "bad", says))
    return findings


async def cluster(settings: Settings) -> list[Finding]:
    """What each node of a cluster holds; nothing for one PostgreSQL."""
    return await asyncio.to_thread(
        _cluster, engine.plain_url(settings.database_url.get_secret_value())
    )


def _cluster(url: str) -> list[Finding]:
    with pinned.connect(url) as connection:
        if not distributing.is_distributed(connection):
            return []
        state = nodes.look(connection)
    held = [
        f"{node.address} has {node.ranges} ranges of users ({node.size / 2**20:,.0f} MiB)"
        for node in state.nodes
    ]
    findings = [Finding("Cluster", "ok", f"{', '.join(held)}.")] if held else []
    return [*findings, *(Finding("Cluster", "bad", sentence) for sentence in state.wrong)]


async def servers(settings: Settings) -> list[Finding]:
    """Each server, if DATABASE_URL lists several."""
    found = await survey.survey(settings.database_url.get_secret_value())
    if len(found) < 2:
        return []
    summary = survey.summary(found)
    accepting = [each for each in found if each.role == "primary"]
    if len(accepting) > 1:
        says = (
            f"Several servers accept writes: {summary}. Stop the one that was replaced, and let it rejoin as a "
            "standby (docs/scaling.md)."
        )
    elif not accepting:
        says = f"No server accepts writes: {summary}. Promote a standby."
    elif any(each.role != "standby" for each in found if each not in accepting):
        says = (
            f"Not every other server is a standby: {summary}. There may be none that can take over."
        )
    else:
        return [Finding("Servers", "ok", summary)]
    return [Finding("Servers", "bad", says)]


async def unsafe_settings(database: Database) -> list[Finding]:
    """Settings that could lose money or damage ledgers."""
    risks = (await condition.look(database)).risks
    return [Finding("PostgreSQL settings", "bad", risk) for risk in risks]


async def migrations(database: Database) -> list[Finding]:
    """Whether the tables are those of this release."""
    trouble = await condition.migration_trouble(database)
    if trouble is not None:
        return [Finding("Migrations", "bad", f"{trouble[:1].upper()}{trouble[1:]}.")]
    mark = sqlalchemy.text(refolding.READ_MARK)
    if await database.read(lambda connection: connection.scalar(mark)) != refolding.MARK:
        says = "The search texts of names and notes are those of an earlier release: run `./wallet migrate`."
        return [Finding("Migrations", "bad", says)]
    return [Finding("Migrations", "ok", f"at {newest_revision()}, the newest")]
