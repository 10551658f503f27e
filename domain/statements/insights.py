"""Insights into an account: what a statement says, by month, by day and by person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain import errors
from domain.statements.periods import Period
from domain.statements.statements import Statement, Totals

#: The longest range, in years.
MAXIMUM_YEARS = 5
#: The most balances and people.
MAXIMUM_BALANCES = 120
MAXIMUM_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class Flow:
    """Money that came in and went out; amounts in minor units."""

    incoming_minor: int = 0
    outgoing_minor: int = 0
    fees_minor: int = 0
    count: int = 0

    @classmethod
    def of(cls, totals: Totals) -> Flow:
        return cls(totals.incoming_minor, totals.outgoing_minor, totals.fees_minor, totals.count)

    def without(self, parts: Iterable[Flow]) -> Flow:
        """What is left when the parts are taken away."""
        incoming, outgoing, fees, count = (
            self.incoming_minor,
            self.outgoing_minor,
            self.fees_minor,
            self.count,
        )
        for part in parts:
            incoming -= part.incoming_minor
            outgoing -= part.outgoing_minor
            fees -= part.fees_minor
            count -= part.count
        return Flow(incoming, outgoing, fees, count)

    @property
    def net_minor(self) -> int:
        """By how much it changed the balance."""
        return self.incoming_minor - self.outgoing_minor - self.fees_minor


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month, or the part of it that is in the range."""

    period: Period
    flow: Flow
    closing_minor: int


@dataclass(frozen=True, slots=True)
class People:
    """The people with whom the most money was exchanged, most first, and how many there are in all."""

    flows: Mapping[UUID, Flow]
    count: int


@dataclass(frozen=True, slots=True)
class Insights:
    """A statement, and what its totals consist of."""

    statement: Statement
    months: Sequence[Month]
    #: At the end of each of these days.
    balances: Sequence[tuple[date, int]]
    people: People

    @property
    def others(self) -> Flow:
        """All that is with none of the people: other people, and money added."""
        return Flow.of(self.statement.totals).without(self.people.flows.values())


def months(statement: Statement, flows: Mapping[int, Flow]) -> list[Month]:
    """The months of a statement; `flows` are theirs by their place in the period, from 0."""
    found = []
    balance_minor = statement.totals.opening_minor
    for place, period in enumerate(statement.period.months()):
        flow = flows.get(place, Flow())
        balance_minor += flow.net_minor
        found.append(Month(period, flow, balance_minor))
    return found


def check_people(number: int) -> int:
    """Return the number of people. Raises InvalidInput unless it is within the limits."""
    if not 0 <= number <= MAXIMUM_PEOPLE:
        raise errors.invalid("people", f"Choose 0 to {MAXIMUM_PEOPLE} people.")
    return number
