"""What operators see: accounts, and totals over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from domain.people.accounts import Person
from domain.people.restrictions import Restriction


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account, with what only operators see."""

    person: Person
    created_at: datetime
    closed_at: datetime | None
    #: In force.
    restrictions: tuple[Restriction, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account in a list, and its position."""

    view: AccountView
    position: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Totals at one time; balances + fees = topped up - reversed top-ups. Amounts in minor units."""

    at: datetime
    accounts: int
    balances_minor: int
    #: Less those that were refunded.
    fees_minor: int
    topped_up_minor: int
    reversed_top_ups_minor: int


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Totals of one day in UTC; amounts in minor units."""

    day: date
    transfers: int = 0
    transferred_minor: int = 0
    topped_up_minor: int = 0
    new_accounts: int = 0
