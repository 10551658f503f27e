"""What operators read; the caller has checked permission. Each read is logged, without its content."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import structlog

from application.services import ReadServices, Services
from domain import errors
from domain.ledger import transfers
from domain.ledger.kinds import Direction
from domain.operators.actions import Access, Action, ActionStatus
from domain.operators.views import AccountView, DayTotals, FoundAccount, Summary
from domain.paging import MAXIMUM_SIZE, Page, PageRequest
from domain.people.sessions import Principal, Session
from persistence.ledger import history, originals
from persistence.operators import access as stored_access
from persistence.operators import accounts, actions, totals
from persistence.people import sessions

log = structlog.get_logger(__name__)

#: A day that ended this long ago has all its entries, and its totals are kept.
_COMPLETE_AFTER = timedelta(hours=1)
#: How many days are kept.
MAXIMUM_DAYS = 400


async def access(services: ReadServices, principal: Principal) -> Access:
    """Whether that credential may act as an operator now. Raises Unavailable."""
    return await stored_access.of(services.database, principal)


async def find_accounts(
    services: Services, operator: Principal, query: str, page: PageRequest
) -> Page[FoundAccount]:
    """Accounts that match, best match first. Raises BadUserInput or RateLimited."""
    record(operator, "accounts")
    async with services.searches.turn(operator.user_id):
        return await accounts.find(services.database, query, page)


async def accounts_by_ids(
    services: Services, operator: Principal, user_ids: Collection[UUID]
) -> dict[UUID, AccountView]:
    """The accounts; unknown ids are left out."""
    record(operator, "account", accounts=sorted(map(str, user_ids)))
    return await accounts.by_ids(services.database, user_ids)


async def sides(services: Services, operator: Principal, reference: UUID) -> list[transfers.Entry]:
    """Both entries of a transaction, the sender's first; empty for an unknown reference."""
    record(operator, "transaction", reference=str(reference))
    database = services.database
    target = await originals.find(database, reference)
    if target is None:
        return []
    found = await history.entries_by_references(
        database, [(user_id, reference) for user_id in target.user_ids]
    )
    return sorted(found.values(), key=lambda entry: entry.direction is Direction.INCOMING)


async def sessions_of(services: Services, operator: Principal, user_id: UUID) -> list[Session]:
    """The active sessions of the account."""
    record(operator, "sessions", accounts=[str(user_id)])
    return await sessions.list_for(services.database, user_id)


async def action_page(
    services: Services,
    operator: Principal,
    size: int,
    after: int | None,
    *,
    status: ActionStatus | None = None,
    account_id: UUID | None = None,
) -> Page[Action]:
    """A page of actions, newest first."""
    record(operator, "actions")
    return await actions.page(services.database, size, after, status=status, account_id=account_id)


async def actions_by_ids(
    services: Services, operator: Principal, action_ids: Collection[UUID]
) -> dict[UUID, Action]:
    """The actions; unknown ids are left out."""
    record(operator, "action")
    return await actions.by_ids(services.database, action_ids)


async def summary(services: Services, operator: Principal) -> Summary:
    """The totals of all accounts, which takes the database long: one at a time, in each process."""
    record(operator, "totals")
    async with services.operator_totals.turn("summary"):
        return await totals.summary(services.database)


async def days(services: Services, operator: Principal, first: int) -> Sequence[DayTotals]:
    """The totals of the last days in UTC, today's first. Raises BadUserInput for a number out of range.

    Days that are over are read once by each process.
    """
    record(operator, "days")
    if not 0 <= first <= MAXIMUM_SIZE:
        raise errors.BadUserInput(f"`first` takes a number from 0 to {MAXIMUM_SIZE}.")
    now = services.clock()
    today = now.astimezone(UTC).date()
    wanted = [today - timedelta(days=back) for back in range(first)]
    kept = services.day_totals
    async with services.operator_totals.turn("days"):
        missing = [day for day in wanted if day not in kept]
        found: dict[date, DayTotals] = {}
        if missing:
            since, until = _midnight(missing[-1]), _midnight(missing[0] + timedelta(days=1))
            found = await totals.days(services.database, since, until)
        for day in missing:
            if _midnight(day + timedelta(days=1)) + _COMPLETE_AFTER < now:
                kept[day] = found.get(day, DayTotals(day))
        while len(kept) > MAXIMUM_DAYS:
            del kept[min(kept)]
    return [kept.get(day) or found.get(day) or DayTotals(day) for day in wanted]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def record(operator: Principal, what: str, **facts: object) -> None:
    """Log that the operator read something: which objects, not what they contain."""
    log.info("operator.read", operator_id=str(operator.user_id), what=what, **facts)
