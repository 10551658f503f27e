"""What a notification says when it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.ledger.metadata import Pair
from domain.ledger.money import Currency, Money
from domain.ledger.transfers import Entry
from domain.notifications.notices import Notification
from domain.notifications.notification_kinds import RULES, UNKNOWN, Facts
from domain.people.accounts import Person

#: The details that are names.
_NAMES = frozenset({"name", "host", "user_agent"})


@dataclass(frozen=True, slots=True)
class View:
    """A notification, and what it is about as it is now."""

    notification: Notification
    #: The entry of the user's own ledger, whom it names, and its metadata.
    entry: Entry | None = None
    counterparty: Person | None = None
    metadata: Sequence[Pair] = ()
    #: The other user.
    person: Person | None = None
    is_read: bool = False

    def message(self, currency: Currency, *, written: Callable[[str], str] = str) -> str:
        """The sentence for the user, with names and amounts as they are now.

        `written` is how names are to be written: those of other users, of API tokens, and of hosts.
        """
        details = {
            name: written(value) if isinstance(value, str) and name in _NAMES else value
            for name, value in (self.notification.details or {}).items()
        }
        named = self.person or self.counterparty
        amount_minor = (
            details.get("amount_minor") if self.entry is None else self.entry.amount_minor
        )
        facts = Facts(
            name=UNKNOWN if named is None else written(named.name),
            amount=Money(amount_minor, currency) if isinstance(amount_minor, int) else None,
            details=details,
        )
        return RULES[self.notification.kind].message(facts)
