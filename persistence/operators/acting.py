"""What operators do to accounts without moving money: one commit with the record of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from domain import errors, ids
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind, SecurityChange
from domain.operators import actions
from domain.operators.actions import Action
from domain.operators.log import ActionKind
from domain.people import restrictions as rules
from domain.people.restrictions import Restriction
from domain.people.sessions import Principal
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.operators import access, log_rows
from persistence.people import restrictions, sessions

#: Changes the locked account at that time.
Change = Callable[[Unit, Row[Any], datetime], Awaitable[None]]


async def act(  # noqa: PLR0917
    db: Database,
    operator: Principal,
    account_id: UUID,
    kind: ActionKind,
    reason: str,
    change: Change,
    *,
    audit_key: bytes,
    restrictions: tuple[str, ...] = (),
    until: datetime | None = None,
) -> Action:
    """Have the operator change that account, and record it, sealed with that key.

    Raises the refusals of `access.lock` and of the change.
    """
    action_id = ids.new_id()

    async def work(unit: Unit) -> Action:
        account = await access.lock(unit, operator, account_id)
        now = await unit.clock()
        await change(unit, account, now)
        record = actions.done(
            kind,
            operator_id=operator.user_id,
            account_id=account_id,
            action_id=action_id,
            reason=reason,
            created_at=now,
            restrictions=restrictions,
            until=until,
        )
        return Action(await log_rows.append(unit, audit_key, record))

    return await unit_of_work.run(db, work)


def restricting(chosen: Collection[Restriction], until: datetime | None) -> Change:
    """The change that bars the account from what was chosen, until then; None is until lifted."""

    async def restrict(unit: Unit, account: Row[Any], now: datetime) -> None:
        if until is not None and until <= now:
            raise errors.invalid("until", "Choose an end in the future.")
        await restrictions.restrict(unit, account.id, chosen, until)

    return restrict


async def lift(unit: Unit, account: Row[Any], now: datetime) -> None:
    """Lift all restrictions of the account. Raises InvalidInput if it has none."""
    if not rules.in_force(restrictions.untils(account), now):
        raise errors.invalid("userId", "The account is not restricted.")
    await restrictions.lift(unit, account.id)


async def end_sessions(unit: Unit, account: Row[Any], now: datetime) -> None:
    """End all sessions of the account, and notify its owner."""
    await sessions.end_within(unit, account.id, now)
    details = {"change": SecurityChange.SESSIONS_ENDED.value}
    await notifying.notify(
        unit, [Notice(account.id, NotificationKind.SECURITY_CHANGED, details=details)]
    )
