"""Reopening a closed account: its user signs in before the account is erased."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, text

from domain import text as texts
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind, SecurityChange
from domain.people import leaving
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import persons, skeleton_rows

_KEPT = text("SELECT name, email, erase_at FROM closed_accounts WHERE user_id = :user_id")
_REOPEN = text(
    "UPDATE users SET closed_at = NULL, name = :name, search_text = :search_text, email = :email "
    "WHERE id = :user_id"
)
_FORGET = text("DELETE FROM closed_accounts WHERE user_id = :user_id")


async def reopen(unit: Unit, found: Row[Any]) -> Row[Any] | None:
    """The row of a locked user who is signing in, whose account is reopened if it is closed.

    None if the account is to be erased. What ended with the account stays ended: handle, sessions, API
    tokens, webhooks, schedules and requests.
    """
    if found.closed_at is None:
        return found
    user_id, kept = found.id, await _kept(unit, found)
    if kept is None:
        return None
    shown = {"name": kept.name, "search_text": texts.search_text(kept.name), "email": kept.email}
    await unit.connection.execute(_REOPEN, {"user_id": user_id, **shown})
    await unit.connection.execute(_FORGET, {"user_id": user_id})
    await skeleton_rows.store(unit, user_id, name=kept.name, handle=None)
    details = {"change": SecurityChange.ACCOUNT_REOPENED.value}
    await notifying.notify(
        unit, [Notice(user_id, NotificationKind.SECURITY_CHANGED, details=details)]
    )
    return await persons.lock(unit, user_id)


async def is_possible(unit: Unit, found: Row[Any]) -> bool:
    """Whether a locked user may sign in: the account is open, or would be reopened."""
    return found.closed_at is None or await _kept(unit, found) is not None


async def _kept(unit: Unit, found: Row[Any]) -> Row[Any] | None:
    """What was set aside of a closed account; None if it is to be erased."""
    kept = (await unit.connection.execute(_KEPT, {"user_id": found.id})).one_or_none()
    if kept is None or not leaving.can_reopen(kept.erase_at, found.balance, await unit.clock()):
        return None
    return kept
