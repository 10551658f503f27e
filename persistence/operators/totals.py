"""Totals over all accounts, as operators see them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import text

from domain.operators.views import DayTotals, Summary
from persistence.engine.database import Database

# One statement, and so one snapshot. It reads both tables completely.
_SUMMARY = text(
    """
    SELECT clock_timestamp(), u.accounts, u.balances::bigint, t.fees::bigint, t.topped_up::bigint,
        t.reversed::bigint
    FROM (
        SELECT count(*) FILTER (WHERE email_verified_at IS NOT NULL AND closed_at IS NULL) AS accounts,
            coalesce(sum(balance), 0) AS balances
        FROM users
    ) AS u, (
        SELECT coalesce(sum(fee), 0) - coalesce(sum(fee_refunded), 0) AS fees,
            coalesce(sum(amount) FILTER (WHERE kind = 'top_up'), 0) AS topped_up,
            coalesce(sum(amount) FILTER (
                WHERE kind = 'reversal' AND counterparty_id IS NULL
            ), 0) AS reversed
        FROM transactions
    ) AS t
    """
)
# By indexes of times: entries are stored in the order in which they are posted.
_DAYS = text(
    """
    SELECT coalesce(t.day, u.day), coalesce(t.transfers, 0), coalesce(t.transferred, 0)::bigint,
        coalesce(t.topped_up, 0)::bigint, coalesce(u.accounts, 0)
    FROM (
        SELECT (created_at AT TIME ZONE 'UTC')::date AS day,
            count(*) FILTER (WHERE kind = 'transfer' AND direction = 'outgoing') AS transfers,
            sum(amount) FILTER (WHERE kind = 'transfer' AND direction = 'outgoing') AS transferred,
            sum(amount) FILTER (WHERE kind = 'top_up') AS topped_up
        FROM transactions
        WHERE created_at >= CAST(:since AS timestamptz) AND created_at < CAST(:until AS timestamptz)
        GROUP BY 1
    ) AS t
    FULL JOIN (
        SELECT (email_verified_at AT TIME ZONE 'UTC')::date AS day, count(*) AS accounts
        FROM users
        WHERE email_verified_at >= CAST(:since AS timestamptz)
            AND email_verified_at < CAST(:until AS timestamptz)
        GROUP BY 1
    ) AS u ON u.day = t.day
    """
)


async def summary(db: Database) -> Summary:
    """The totals now. Takes about a second for each few million entries. Raises Unavailable."""
    row = (await db.read(lambda connection: connection.execute(_SUMMARY))).one()
    return Summary(*row)


async def days(db: Database, since: datetime, until: datetime) -> dict[date, DayTotals]:
    """The totals of the days between two midnights in UTC; days on which nothing happened are left out."""
    parameters = {"since": since, "until": until}
    rows = await db.read(lambda connection: connection.execute(_DAYS, parameters))
    return {row[0]: DayTotals(*row) for row in rows}
