"""Read insights into an account; the caller has checked the scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from application.services import Services
from domain.people.accounts import Person
from domain.statements import insights, periods
from domain.statements.insights import Insights
from domain.statements.periods import day_start
from domain.statements.statements import Statement
from persistence.ledger import period_parts, period_totals


@dataclass(frozen=True, slots=True)
class Found:
    """Insights, and the people that they name, as they are now."""

    insights: Insights
    people: Mapping[UUID, Person]


async def execute(
    services: Services,
    user_id: UUID,
    first_day: date,
    last_day: date,
    time_zone: str,
    *,
    people: int,
) -> Found:
    """The insights for a range of dates in that time zone, both inclusive, with so many people at most.

    Raises InvalidInput for a range that is not allowed or too many people, or RateLimited if too many of the
    user's searches are waiting.
    """
    insights.check_people(people)
    period = periods.period(
        first_day, last_day, time_zone, services.clock(), years=insights.MAXIMUM_YEARS
    )
    days = period.days(insights.MAXIMUM_BALANCES)
    ends = [day_start(day + timedelta(days=1), period.zone) for day in days]
    async with services.searches.turn(user_id):
        totals = await period_totals.totals(services.database, user_id, period.start, period.end)
        parts = await period_parts.read(
            services.database, user_id, totals, period.months(), ends, people=people
        )
    statement = Statement(user_id, period, totals)
    found = Insights(
        statement,
        insights.months(statement, parts.flows),
        list(zip(days, parts.balances, strict=True)),
        parts.people,
    )
    named = list(parts.people.flows)
    return Found(found, await services.people.get(named) if named else {})
