"""What helps a user verify the recipient of a transfer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.people.accounts import Person


@dataclass(frozen=True, slots=True)
class Payments:
    """The transfers that a user has sent to another."""

    times: int
    #: None if there are none.
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecipientCheck:
    """A recipient, what the caller has sent them, and the caller's recipients who look like them."""

    person: Person
    payments: Payments
    lookalikes: Sequence[Person]
