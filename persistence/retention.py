"""Deletion of rows that are no longer needed, in small batches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from domain.people import sessions
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.leaving import erasing, exports
from persistence.people import handles, registrations
from persistence.top_ups import mismatches
from persistence.webhooks import attempts, webhooks

KEPT = timedelta(days=7)
#: How long challenges are kept after they have expired, and wrong answers after they were counted.
CHALLENGES_KEPT = timedelta(days=1)


def _deletion(table: str, condition: str) -> Any:
    return text(
        f"DELETE FROM {table} WHERE (user_id, id) IN "  # noqa: S608
        f"(SELECT user_id, id FROM {table} WHERE {condition} LIMIT :batch)"
    )


_DELETIONS = {
    "outbox": _deletion("outbox", "published_at < now() - CAST(:kept AS interval)"),
    "sessions": _deletion("sessions", "ended_at < now() - CAST(:kept AS interval)"),
    "idle_sessions": _deletion(
        "sessions",
        "ended_at IS NULL "
        "AND rotated_at < now() - CAST(:kept AS interval) - CAST(:idle AS interval)",
    ),
    "links": _deletion("links", "expires_at < now() - CAST(:kept AS interval)"),
    "mails": _deletion(
        "mails", "state IN ('sent', 'withdrawn') AND created_at < now() - CAST(:kept AS interval)"
    ),
    "webhook_attempts": _deletion(
        "webhook_attempts", "sent_at < now() - CAST(:attempts_kept AS interval)"
    ),
    "webhook_secrets": _deletion("webhook_secrets", "expires_at < now()"),
    "second_factor_challenges": _deletion(
        "second_factor_challenges", "expires_at < now() - CAST(:challenges_kept AS interval)"
    ),
    "second_factor_failures": _deletion(
        "second_factor_failures", "failed_at < now() - CAST(:challenges_kept AS interval)"
    ),
}
_PERIODS = {
    "kept": KEPT,
    "idle": sessions.SESSION_IDLE_LIFETIME,
    "attempts_kept": attempts.KEPT,
    "challenges_kept": CHALLENGES_KEPT,
}


async def sweep(db: Database, batch: int = 500) -> dict[str, int]:
    """Delete at most `batch` rows of each kind that have been done with for 7 days; says how many.

    Those are published rows of the outbox, sessions that ended or were left idle, links that expired,
    and mails that were sent or withdrawn. A mail that failed is kept. Registrations that were not
    verified in time go at once, with all that they have. So do reservations of handles that have ended,
    signing secrets that were replaced and have expired, and webhooks whose API tokens have ended. Attempts
    at delivering to webhooks are kept for 30 days, payments that match no top-up for 400, and challenges for
    second factors and wrong answers to them for a day. Top-ups and their reversals are kept for ever, like
    the keys and the entries that they belong to. Of accounts that were closed 30 days ago, personal data is
    erased. Exports of data are deleted when they expire.
    """
    deleted = {}
    for kind, statement in _DELETIONS.items():

        async def work(unit: Unit, statement: Any = statement) -> int:
            done = await unit.connection.execute(statement, {"batch": batch, **_PERIODS})
            return done.rowcount

        deleted[kind] = await unit_of_work.run(db, work)
    deleted["registrations"] = await registrations.discard_expired(db, batch)
    deleted["data_exports"] = await exports.delete_expired(db, batch)
    deleted["erased_accounts"] = await erasing.erase_due(db, batch)
    deleted["handles"] = await handles.delete_ended(db, batch)
    deleted["webhooks"] = await webhooks.delete_ended(db, batch)
    deleted["top_up_mismatches"] = await mismatches.delete_old(db, batch)
    return deleted
