"""Whether a session may act as an operator: the rule of the ledger's authority, and of every request."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Row, text

from domain import errors
from domain.operators import actions
from domain.operators.actions import Access
from domain.people.sessions import Principal
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.engine.unit_of_work import Unit
from persistence.people import credentials, persons

_IS_OPERATOR = "EXISTS (SELECT FROM operators AS o WHERE o.user_id = {row}.user_id)"
_HAS_FACTOR = (
    "EXISTS (SELECT FROM users AS f WHERE f.id = {row}.user_id AND f.confirm_above IS NOT NULL)"
)


def _conditions(row: str) -> tuple[str, str, str]:
    """The SQL conditions on a row of `sessions`: of an operator, with a factor, confirmed by it."""
    confirmed = (
        f"{credentials.session_is_active(row)} AND {credentials.session_is_confirmed(row)} "
        f"AND {row}.confirmed_by_factor"
    )
    return _IS_OPERATOR.format(row=row), _HAS_FACTOR.format(row=row), f"({confirmed})"


def is_active(row: str) -> str:
    """The SQL condition that a row of `sessions` may act as an operator, where its account is open."""
    return f"({' AND '.join(_conditions(row))})"


_READ = f"""
SELECT {", ".join(_conditions("s"))} FROM sessions AS s
JOIN users AS u ON u.id = s.user_id AND u.closed_at IS NULL
WHERE s.user_id = :user_id AND s.id = :session_id
"""  # noqa: S608
_OF_SESSION = Query(_READ)
_OF_SESSION_WITHIN = text(_READ)
_OF_USER = Query("SELECT 1 FROM operators WHERE user_id = :user_id")


async def of(db: Database, principal: Principal) -> Access:
    """The access of that session or API token. Raises Unavailable."""
    if principal.session_id is None:
        rows = await db.rows(_OF_USER.bind(user_id=principal.user_id))
        return Access(is_operator=bool(rows), is_session=False)
    rows = await db.rows(
        _OF_SESSION.bind(user_id=principal.user_id, session_id=principal.session_id)
    )
    return _access(rows[0]) if rows else Access(is_operator=False)


def _access(row: tuple[bool, bool, bool]) -> Access:
    is_operator, has_factor, is_confirmed = row
    return Access(is_operator, has_factor=has_factor, is_confirmed=is_confirmed)


async def lock(unit: Unit, principal: Principal, account_id: UUID) -> Row[object]:
    """Lock the accounts of the operator and of who the action is about, whose row is returned.

    Raises Unauthenticated, Forbidden as `Access.check`, InvalidInput for the operator's own account, or
    NotFound for an account that does not exist or is closed.
    """
    locked = await persons.lock_all(unit, {principal.user_id, account_id})
    if all(row.id != principal.user_id for row in locked):
        raise errors.Unauthenticated
    # A separate statement after the lock, so that it sees what was committed while waiting.
    parameters = {"user_id": principal.user_id, "session_id": principal.session_id}
    row = (await unit.connection.execute(_OF_SESSION_WITHIN, parameters)).one_or_none()
    if row is None or not await credentials.is_active(unit, principal):
        raise errors.Unauthenticated
    _access(tuple(row)).check()
    if account_id == principal.user_id:
        raise actions.own_account("userId")
    for found in locked:
        if found.id == account_id:
            return found
    raise errors.NotFound
