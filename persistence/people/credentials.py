"""Which credentials (sessions and API tokens) are active: the only place with this rule.

A session is active until it is ended, while it was refreshed within 30 days and begun within 180. An
API token is active until it is revoked or expires. Neither is active once its account is closed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.people import sessions
from domain.people.sessions import Principal, Scope
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.engine.unit_of_work import Unit

#: The precision of `last_used_at`.
_TOUCH_SECONDS = 60


def _interval(duration: timedelta) -> str:
    return f"make_interval(secs => {duration.total_seconds():.0f})"


def session_is_active(row: str) -> str:
    """The SQL condition that a row of `sessions` is active, where its account is open."""
    return (
        f"({row}.ended_at IS NULL "
        f"AND {row}.rotated_at > clock_timestamp() - {_interval(sessions.SESSION_IDLE_LIFETIME)} "
        f"AND {row}.created_at > clock_timestamp() - {_interval(sessions.SESSION_MAXIMUM_LIFETIME)})"
    )


def session_is_confirmed(row: str) -> str:
    """The SQL condition that the user of a row of `sessions` signed in or confirmed it lately.

    If the user has a second factor, with that: `confirm_above` is null exactly while there is none.
    """
    # Without a confirmation since sign-in, confirmed_at is null, which greatest() ignores.
    return (
        f"(greatest({row}.created_at, {row}.confirmed_at) "
        f"> clock_timestamp() - {_interval(sessions.SESSION_CONFIRMED_FOR)} "
        f"AND ({row}.confirmed_by_factor OR EXISTS (SELECT FROM users AS factorless "
        f"WHERE factorless.id = {row}.user_id AND factorless.confirm_above IS NULL)))"
    )


def api_token_is_active(row: str, now: str = "clock_timestamp()") -> str:
    """The SQL condition that a row of `api_tokens` is active, where its account is open."""
    return f"({row}.revoked_at IS NULL AND ({row}.expires_at IS NULL OR {row}.expires_at > {now}))"


_ACTIVE_SESSIONS = f"""
SELECT s.user_id, s.id FROM sessions AS s
JOIN users AS u ON u.id = s.user_id AND u.closed_at IS NULL
WHERE {session_is_active("s")}
"""  # noqa: S608
_ACTIVE_API_TOKENS = f"""
SELECT k.user_id, k.id FROM api_tokens AS k
JOIN users AS u ON u.id = k.user_id AND u.closed_at IS NULL
WHERE {api_token_is_active("k")}
"""  # noqa: S608
_ASKED = "unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS asked (user_id, id)"
_STORED = f"""
SELECT s.user_id, s.id, u.closed_at IS NULL AND {session_is_active("s")} AS is_active
FROM {_ASKED} JOIN sessions AS s ON s.user_id = asked.user_id AND s.id = asked.id
JOIN users AS u ON u.id = s.user_id
UNION ALL
SELECT k.user_id, k.id, u.closed_at IS NULL AND {api_token_is_active("k")}
FROM {_ASKED} JOIN api_tokens AS k ON k.user_id = asked.user_id AND k.id = asked.id
JOIN users AS u ON u.id = k.user_id
"""  # noqa: S608
# Nearly all of them are stored and active: the answer has their number, and lists those that are not active.
_ENDED = Query(
    f"""
SELECT count(*), array_agg(user_id) FILTER (WHERE NOT is_active),
    array_agg(id) FILTER (WHERE NOT is_active)
FROM ({_STORED}) AS stored
""",  # noqa: S608
    is_kept=True,
)
_STORED_IDS = Query(f"SELECT user_id, id FROM ({_STORED}) AS stored")  # noqa: S608
_ACTIVE_OF_USERS = Query(
    f"""
{_ACTIVE_SESSIONS} AND s.user_id = ANY(:user_ids)
UNION ALL
{_ACTIVE_API_TOKENS} AND k.user_id = ANY(:user_ids)
    AND (CAST(:scope AS text) IS NULL OR :scope = ANY(k.scopes))
ORDER BY 1, 2
"""
)
_IS_ACTIVE = text(
    f"SELECT EXISTS ({_ACTIVE_SESSIONS} AND s.user_id = :user_id AND s.id = :session_id) "
    f"OR EXISTS ({_ACTIVE_API_TOKENS} AND k.user_id = :user_id AND k.id = :api_token_id)"
)
_IS_ACTIVE_SESSION = text(
    "SELECT 1 FROM sessions AS s WHERE s.user_id = :user_id AND s.id = :session_id "  # noqa: S608
    f"AND {session_is_active('s')}"
)
_IS_CONFIRMED = text(
    "SELECT 1 FROM sessions AS s WHERE s.user_id = :user_id AND s.id = :session_id "  # noqa: S608
    f"AND {session_is_active('s')} AND {session_is_confirmed('s')}"
)


def _touching(table: str) -> Any:
    return text(
        f"""
        UPDATE {table} AS used SET last_used_at = now()
        FROM unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS asked (user_id, id)
        WHERE used.user_id = asked.user_id AND used.id = asked.id AND (
            used.last_used_at IS NULL
            OR used.last_used_at < now() - make_interval(secs => :seconds)
        )
        """  # noqa: S608
    )


_TOUCH = [_touching("sessions"), _touching("api_tokens")]


async def ended(db: Database, credentials: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """The inactive ones among those credentials, each with its user. Raises Unavailable."""
    if not credentials:
        return set()
    asked = set(credentials)
    [(number, user_ids, ids)] = await db.rows(_ENDED.bind(**_pairs(asked)))
    ended = set(zip(user_ids or (), ids or (), strict=True))
    if number < len(asked):
        stored = await db.rows(_STORED_IDS.bind(**_pairs(asked)))
        ended |= asked - {(row[0], row[1]) for row in stored}
    return ended


async def active_of(
    db: Database, user_ids: Collection[UUID], scope: Scope | None = None
) -> dict[UUID, list[UUID]]:
    """The active credentials of each of those users that have the scope, in order; empty for none.

    A session has every scope.

    Raises Unavailable.
    """
    active: dict[UUID, list[UUID]] = {user_id: [] for user_id in user_ids}
    if active:
        rows = await db.rows(_ACTIVE_OF_USERS.bind(user_ids=user_ids, scope=scope))
        for user_id, credential_id in rows:
            active[user_id].append(credential_id)
    return active


async def touch(db: Database, credentials: Collection[tuple[UUID, UUID]]) -> None:
    """Record that those credentials, each with its user, are in use now. Raises Unavailable."""
    if not credentials:
        return
    # In one order: several processes have many of them in common, and would otherwise deadlock.
    parameters = {**_pairs(sorted(credentials)), "seconds": _TOUCH_SECONDS}

    async def work(unit: Unit) -> None:
        for statement in _TOUCH:
            await unit.connection.execute(statement, parameters)

    await unit_of_work.run(db, work)


async def is_active(unit: Unit, principal: Principal) -> bool:
    """Whether the principal's session or API token is active. Under the user's lock the answer is good
    until the unit of work commits.
    """
    found: bool = await unit.connection.scalar(
        _IS_ACTIVE,
        {
            "user_id": principal.user_id,
            "session_id": principal.session_id,
            "api_token_id": principal.api_token_id,
        },
    )
    return found


async def is_active_session(unit: Unit, user_id: UUID, session_id: UUID | None) -> bool:
    """Whether that session is this user's and active, where the account is open.

    Under the user's lock the answer is good until the unit of work commits.
    """
    found = await unit.connection.scalar(
        _IS_ACTIVE_SESSION, {"user_id": user_id, "session_id": session_id}
    )
    return found is not None


async def is_confirmed(unit: Unit, principal: Principal) -> bool:
    """Whether the principal has a session, which is active and confirmed."""
    found = await unit.connection.scalar(
        _IS_CONFIRMED, {"user_id": principal.user_id, "session_id": principal.session_id}
    )
    return found is not None


def _pairs(credentials: Collection[tuple[UUID, UUID]]) -> dict[str, list[UUID]]:
    return {
        "user_ids": [user_id for user_id, _ in credentials],
        "ids": [credential_id for _, credential_id in credentials],
    }
