"""Closing an account: whatever belongs to it ends in one commit, under the locks of all who are told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors
from domain import text as texts
from domain.ledger import money
from domain.people import leaving
from domain.people.accounts import MailPurpose
from domain.people.sessions import Principal
from persistence.delivery import mail_requests
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import (
    api_tokens,
    challenges,
    credentials,
    handles,
    links,
    persons,
    registrations,
    sessions,
    skeleton_rows,
)
from persistence.requests import closing as requests
from persistence.schedules import schedules
from persistence.top_ups import top_ups
from persistence.webhooks import webhooks

#: How often closing begins again because another user has requested money in the meantime.
_ATTEMPTS = 5

_SET_ASIDE = text(
    "INSERT INTO closed_accounts (user_id, name, email, erase_at) "
    "VALUES (:user_id, :name, :email, :erase_at)"
)
_CLOSE = text(
    "UPDATE users SET closed_at = :now, name = :name, search_text = :search_text, email = :email "
    "WHERE id = :user_id"
)


class _OthersInvolved(Exception):
    """A user who is to be told has not been locked."""


async def close(
    db: Database, caller: Principal, *, password_hash: str, limits: money.Limits
) -> datetime:
    """Close the caller's account, whose password was just verified against that hash; returns when its
    personal data is erased. A registration is discarded at once.

    Raises Unauthenticated if the caller's session has ended, SessionNotConfirmed, InvalidCredentials if the
    password was changed in the meantime, Forbidden for an operator, BalanceNotZero, or TopUpPending.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await unit_of_work.run(
                db, lambda unit: _close(unit, caller, password_hash, limits)
            )
        except _OthersInvolved:
            continue
    raise errors.Unavailable


async def _close(
    unit: Unit, caller: Principal, password_hash: str, limits: money.Limits
) -> datetime:
    user_id = caller.user_id
    involved = await requests.others(unit, user_id)
    person = await _locked(unit, caller, involved)
    now = await unit.clock()
    if person.password_hash != password_hash:
        raise errors.InvalidCredentials("The password is wrong.")
    if person.email_verified_at is None:
        await registrations.discard(unit, [user_id])
        return now
    if await persons.is_operator(unit, user_id):
        raise errors.Forbidden(
            "Operators cannot close their account. Have someone remove you from the operators first."
        )
    if person.balance:
        raise leaving.BalanceNotZero(limits.money(person.balance))
    if await top_ups.pending(unit, user_id):
        raise leaving.TopUpPending
    if not involved >= await requests.others(unit, user_id):
        raise _OthersInvolved
    erase_at = now + leaving.ERASED_AFTER
    # First, so that the user is not notified of what ends.
    await _set_aside(unit, person, now, erase_at)
    await requests.close_all(unit, user_id, now)
    await schedules.end_all(unit, user_id)
    await webhooks.delete_all(unit, user_id)
    await handles.release(unit, person, now)
    await skeleton_rows.delete(unit, user_id)
    await links.end(unit, user_id, MailPurpose.RESET_PASSWORD, now)
    await mail_requests.withdraw(unit, user_id, MailPurpose.RESET_PASSWORD)
    await challenges.end_all(unit, user_id, now)
    await api_tokens.revoke_within(unit, user_id, now)
    await sessions.end_within(unit, user_id, now)
    details = {"erased_at": texts.rfc3339(erase_at)}
    await mail_requests.request(unit, user_id, MailPurpose.ACCOUNT_CLOSED, now, details=details)
    return erase_at


async def _locked(unit: Unit, caller: Principal, involved: Collection[UUID]) -> Row[Any]:
    locked = await persons.lock_caller_among(unit, caller, {caller.user_id, *involved})
    if not await credentials.is_confirmed(unit, caller):
        raise errors.SessionNotConfirmed
    return next(row for row in locked if row.id == caller.user_id)


async def _set_aside(unit: Unit, person: Row[Any], now: datetime, erase_at: datetime) -> None:
    """Keep name and address apart, where only reopening finds them."""
    kept = {"user_id": person.id, "name": person.name, "email": person.email}
    await unit.connection.execute(_SET_ASIDE, {**kept, "erase_at": erase_at})
    shown = {
        "name": leaving.CLOSED_NAME,
        "search_text": texts.search_text(leaving.CLOSED_NAME),
        "email": leaving.NO_ADDRESS,
    }
    await unit.connection.execute(_CLOSE, {"user_id": person.id, "now": now, **shown})
