"""What a run did with single accounts: restrictions, closings, and top-ups through the payment provider.

Times are those of the record, amounts are minor units.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


class Bar(enum.StrEnum):
    """What an account is barred from; the first three are also the API's names."""

    SENDING = "SENDING"
    RECEIVING = "RECEIVING"
    ADDING = "ADDING"
    #: The account is closed: nothing is posted to it.
    EVERYTHING = "EVERYTHING"


@dataclass(slots=True)
class Barred:
    """A request to bar an account, in one or many tries."""

    user_id: UUID
    what: Bar
    began: float
    #: When the answer came that it is in force; None without one.
    answered: float | None = None
    #: When it ends by itself, in microseconds since 1970.
    until: int | None = None
    #: When the first request began that may have ended it.
    lifted: float | None = None


@dataclass(frozen=True, slots=True)
class Lift:
    """Restrictions of an account that an operator lifted."""

    user_id: UUID
    began: float
    ended: float


@dataclass(slots=True)
class AskedTopUp:
    """A top-up through the payment provider, requested with a key in one or many tries."""

    user_id: UUID
    amount_minor: int
    key: str
    began: float
    ended: float = 0.0
    lost: int = 0
    #: The `__typename` of the last answer; None without one.
    answer: str | None = None
    #: The provider's session; None if the answers had none.
    session: str | None = None


def end(barred: Iterable[Barred], user_id: UUID, at: float, *bars: Bar) -> None:
    """A request may end these bars of the user's from now on."""
    for each in barred:
        if each.user_id == user_id and each.what in bars and each.lifted is None:
            each.lifted = at
