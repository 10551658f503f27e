"""Restrictions: what an account is barred from, by an operator or after a dispute, and until when."""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from domain.errors import DomainError
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind


class Restriction(enum.StrEnum):
    """An operation that an account is barred from. Signing in and reading remain possible."""

    SENDING = "sending"
    RECEIVING = "receiving"
    ADDING = "adding"


#: When each restriction ends, in the order of `Restriction`; None for one that is not in force. Most accounts
#: have None instead of it.
Untils = Sequence[datetime | None]

#: The end of a restriction that has to be lifted.
UNTIL_LIFTED = datetime(9999, 1, 1, tzinfo=UTC)

_PLACES = {restriction: place for place, restriction in enumerate(Restriction)}
_SENTENCES = {
    Restriction.SENDING: "Your account cannot send money at the moment.",
    Restriction.RECEIVING: "Your account cannot receive money at the moment.",
    Restriction.ADDING: "Your account cannot add money at the moment.",
}


@dataclass(eq=False)
class AccountRestricted(DomainError):
    """The account is barred from the operation."""

    restriction: Restriction
    message: str = field(default="")

    def __post_init__(self) -> None:
        # Read back from where refusals of scheduled transfers are stored, it is a string.
        self.restriction = Restriction(self.restriction)
        self.message = self.message or _SENTENCES[self.restriction]


def is_in_force(untils: Untils | None, restriction: Restriction, now: datetime) -> bool:
    """Whether the account is barred from that at this instant."""
    until = None if untils is None else untils[_PLACES[restriction]]
    return until is not None and now < until


def in_force(untils: Untils | None, now: datetime) -> list[Restriction]:
    """What the account is barred from at this instant."""
    return [each for each in Restriction if is_in_force(untils, each, now)]


def check(untils: Untils | None, restriction: Restriction, now: datetime) -> None:
    """Raises AccountRestricted if the account is barred from that at this instant."""
    if is_in_force(untils, restriction, now):
        raise AccountRestricted(restriction)


def restricted(
    untils: Untils | None, chosen: Collection[Restriction], until: datetime | None
) -> Untils:
    """The ends once the account is barred from what was chosen, until then; None is until lifted.

    A restriction that is in force already ends as the new one does; others stay as they are.
    """
    before = untils or (None, None, None)
    end = until or UNTIL_LIFTED
    return tuple(end if each in chosen else before[_PLACES[each]] for each in Restriction)


def notice(user_id: UUID, chosen: Collection[Restriction], until: datetime | None) -> Notice:
    """What the account's owner is told; nothing chosen is that all restrictions were lifted."""
    details = {
        "restrictions": [each.value for each in Restriction if each in chosen],
        "until": None if until is None else until.isoformat(),
    }
    return Notice(user_id, NotificationKind.ACCOUNT_RESTRICTED, details=details)
