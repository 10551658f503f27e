"""Requesting mails, within a unit of work of the caller, and withdrawing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from domain import events, ids
from domain.people import accounts
from domain.people.accounts import MailPurpose
from persistence.engine.unit_of_work import Unit

_INSERT = text(
    "INSERT INTO mails (user_id, id, purpose, details, requested_from, created_at, trying_since, "
    "next_try_at) SELECT id, :mail_id, :purpose, :details, :requested_from, :now, "
    ":next_try_at, :next_try_at FROM users WHERE id = :user_id"
).bindparams(bindparam("details", type_=JSONB))
_WITHDRAW = text(
    "UPDATE mails SET state = 'withdrawn' "
    "WHERE user_id = :user_id AND purpose = :purpose AND state IN ('pending', 'failed')"
)
# Leasing a mail moves its next try. A mail that was tried may have arrived: it stays, and counts.
_WITHDRAW_UNTRIED = text(
    "UPDATE mails SET state = 'withdrawn' WHERE user_id = :user_id AND purpose = :purpose "
    "AND state = 'pending' AND next_try_at = trying_since RETURNING next_try_at"
)
# Of the mails of one purpose to one address, for any of its registrations: when the n-th latest was sent,
# of those requested from one network and of all.
_LATEST_BUT = text(
    """
    WITH counted AS (
        SELECT coalesce(m.sent_at, m.next_try_at) AS sent_at, m.requested_from
        FROM users AS u
        JOIN mails AS m ON m.user_id = u.id AND m.purpose = :purpose AND m.state <> 'withdrawn'
        WHERE u.id = :user_id OR u.email = (
            SELECT email FROM users WHERE id = :user_id AND closed_at IS NULL
        )
    )
    SELECT greatest(
        (
            SELECT sent_at FROM counted WHERE requested_from = :requested_from
            ORDER BY sent_at DESC OFFSET :per_requester - 1 LIMIT 1
        ),
        (SELECT sent_at FROM counted ORDER BY sent_at DESC OFFSET :per_address - 1 LIMIT 1)
    )
    """
)


@dataclass(frozen=True, slots=True)
class Requester:
    """Who requests a mail."""

    #: The network that the request comes from; None if it does not matter.
    network: str | None = None
    #: Whether the device has signed in to the account before: then its mails are not delayed.
    is_known: bool = False


async def request(
    unit: Unit,
    user_id: UUID,
    purpose: MailPurpose,
    now: datetime,
    *,
    requester: Requester | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Request a mail to a locked user, to be sent once this is committed.

    For a purpose that anyone can request by naming the address, it replaces a mail of the same purpose
    that has not been tried yet, and is delayed if the address has had too many recently
    (`accounts.MAIL_BUDGETS`). `details` are values for its template, stored as JSON: never a secret.
    """
    mail_id = ids.new_id()
    await _replace(unit, user_id, mail_id, purpose, now, requester=requester, details=details)
    unit.announce(user_id, events.Topic.MAIL_REQUESTED, {"mail_id": str(mail_id)})


async def request_nothing(
    unit: Unit,
    user_id: UUID,
    purpose: MailPurpose,
    now: datetime,
    *,
    requester: Requester | None = None,
) -> None:
    """Do the same work for an id that belongs to no user, without sending a mail."""
    await _replace(unit, user_id, ids.new_id(), purpose, now, requester=requester)
    unit.announce(user_id, events.Topic.NOTHING_HAPPENED, {})


async def _replace(
    unit: Unit,
    user_id: UUID,
    mail_id: UUID,
    purpose: MailPurpose,
    now: datetime,
    *,
    requester: Requester | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    next_try_at = now
    if purpose in accounts.MAIL_BUDGETS:
        replaced = await unit.connection.scalars(
            _WITHDRAW_UNTRIED, {"user_id": user_id, "purpose": purpose.value}
        )
        next_try_at = await _earliest(unit, user_id, purpose, now, requester or Requester())
        # A further request never delays a mail that was requested earlier.
        next_try_at = max(now, min([next_try_at, *replaced]))
    await unit.connection.execute(
        _INSERT,
        {
            "user_id": user_id,
            "mail_id": mail_id,
            "purpose": purpose.value,
            "details": details or {},
            "requested_from": requester.network if requester is not None else None,
            "now": now,
            "next_try_at": next_try_at,
        },
    )


async def _earliest(
    unit: Unit, user_id: UUID, purpose: MailPurpose, now: datetime, requester: Requester
) -> datetime:
    """When another mail may be sent."""
    budget = accounts.MAIL_BUDGETS[purpose]
    latest_but: datetime | None = await unit.connection.scalar(
        _LATEST_BUT,
        {
            "user_id": user_id,
            "purpose": purpose.value,
            "requested_from": requester.network,
            "per_requester": budget.per_requester,
            "per_address": budget.per_address,
        },
    )
    if requester.is_known or latest_but is None:
        return now
    return max(now, latest_but + accounts.MAIL_WINDOW)


async def withdraw(unit: Unit, user_id: UUID, purpose: MailPurpose) -> None:
    """Withdraw a locked user's mails of that purpose that have not been sent."""
    await unit.connection.execute(_WITHDRAW, {"user_id": user_id, "purpose": purpose.value})
