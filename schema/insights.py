"""Insights: the figures of a statement by month, by day and by person."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from domain.ledger import money
from domain.people.accounts import Person
from domain.statements import insights
from schema import errors, people
from schema.money import Money, shown_minor

_INCOMING = "The sum of all money received and added."
_OUTGOING = "The sum of all money sent, without fees."
_FEES = "The sum of all fees."
_COUNT = "The number of transactions."


@strawberry.type(description="What came in and went out in a calendar month.")
class InsightsMonth:
    from_: date = strawberry.field(
        name="from", description="The first day of the month that is in the range."
    )
    to: date = strawberry.field(description="The last day of the month that is in the range.")
    incoming: Money = strawberry.field(description=_INCOMING)
    outgoing: Money = strawberry.field(description=_OUTGOING)
    fees: Money = strawberry.field(description=_FEES)
    transaction_count: int = strawberry.field(description=_COUNT)
    closing_balance: Money = strawberry.field(
        description="The balance when the last day ended; if that is today, the balance now."
    )


@strawberry.type(description="The balance at the end of a day.")
class InsightsBalance:
    day: date = strawberry.field(description="The day.")
    balance: Money = strawberry.field(
        description="The balance when the day ended; if the day is today, the balance now."
    )


@strawberry.type(description="What was exchanged with one person.")
class InsightsPerson:
    user: people.User = strawberry.field(description="The person, as they are now.")
    incoming: Money = strawberry.field(description="The sum of all money received from them.")
    outgoing: Money = strawberry.field(
        description="The sum of all money sent to them, without fees."
    )
    fees: Money = strawberry.field(description=_FEES)
    transaction_count: int = strawberry.field(description=_COUNT)


@strawberry.type(
    description="All that `people` does not list: transactions with other people, and money added."
)
class InsightsOthers:
    people_count: int = strawberry.field(description="The number of other people.")
    incoming: Money = strawberry.field(description=_INCOMING)
    outgoing: Money = strawberry.field(description=_OUTGOING)
    fees: Money = strawberry.field(description=_FEES)
    transaction_count: int = strawberry.field(description=_COUNT)


@strawberry.type(
    description=(
        "Where money came from and where it went. The totals are those of the statement for the same "
        "dates. The months add up to them, and so do `people` and `others` together."
    )
)
class Insights:
    from_: date = strawberry.field(name="from", description="The first day.")
    to: date = strawberry.field(description="The last day, inclusive.")
    time_zone: str = strawberry.field(
        description="The IANA time zone in which days begin and end: the viewer's."
    )
    opening_balance: Money = strawberry.field(description="The balance when the first day began.")
    closing_balance: Money = strawberry.field(
        description="The balance when the last day ended; if that is today, the balance now."
    )
    incoming: Money = strawberry.field(description=_INCOMING)
    outgoing: Money = strawberry.field(description=_OUTGOING)
    fees: Money = strawberry.field(description=_FEES)
    transaction_count: int = strawberry.field(description=_COUNT)
    months: list[InsightsMonth] = strawberry.field(
        description="Each calendar month, oldest first, also those without transactions."
    )
    balances: list[InsightsBalance] = strawberry.field(
        description=(
            "The balance at the end of up to 120 evenly spaced days, oldest first. The last of them is the "
            "last day of the range."
        )
    )
    people: list[InsightsPerson] = strawberry.field(
        description="The people with whom the viewer exchanged the most money, largest sum first."
    )
    others: InsightsOthers = strawberry.field(
        description="Transactions with people who are not listed, and money added."
    )


InsightsResult = Annotated[
    Insights | errors.InvalidInput,
    strawberry.union("InsightsResult", description="What `insights` returns."),
]


def shown(
    of: insights.Insights, named: Mapping[UUID, Person], currency: money.Currency
) -> Insights:
    """The insights as the API returns them."""
    period, totals = of.statement.period, of.statement.totals

    def amounts(flow: insights.Flow) -> dict[str, Money]:
        return {
            "incoming": shown_minor(flow.incoming_minor, currency),
            "outgoing": shown_minor(flow.outgoing_minor, currency),
            "fees": shown_minor(flow.fees_minor, currency),
        }

    flows = list(of.people.flows.values())
    users = people.shown_together(
        [named[user_id] for user_id in of.people.flows], to=of.statement.user_id
    )
    return Insights(
        from_=period.first_day,
        to=period.last_day,
        time_zone=period.time_zone,
        opening_balance=shown_minor(totals.opening_minor, currency),
        closing_balance=shown_minor(totals.closing_minor, currency),
        **amounts(insights.Flow.of(totals)),
        transaction_count=totals.count,
        months=[
            InsightsMonth(
                from_=month.period.first_day,
                to=month.period.last_day,
                **amounts(month.flow),
                transaction_count=month.flow.count,
                closing_balance=shown_minor(month.closing_minor, currency),
            )
            for month in of.months
        ],
        balances=[
            InsightsBalance(day=day, balance=shown_minor(balance_minor, currency))
            for day, balance_minor in of.balances
        ],
        people=[
            InsightsPerson(
                user=user,
                **amounts(flow),
                transaction_count=flow.count,
            )
            for user, flow in zip(users, flows, strict=True)
        ],
        others=InsightsOthers(
            people_count=of.people.count - len(users),
            **amounts(of.others),
            transaction_count=of.others.count,
        ),
    )
