"""Restricting accounts in the commit of a ledger command, and lifting restrictions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.ledger.decisions import Effect, Ledger
from domain.notifications.notices import Notice
from domain.people import restrictions
from domain.people.restrictions import Restriction, Untils


@dataclass(frozen=True, slots=True)
class SetRestrictions(Effect):
    """The account's restrictions from now on; None for none."""

    user_id: UUID
    untils: Untils | None


def restrict(
    ledger: Ledger, user_id: UUID, chosen: Collection[Restriction], until: datetime | None
) -> tuple[SetRestrictions, Notice]:
    """Bar a locked account from what was chosen, until then; None is until lifted.

    What a command that does so adds to its decision. Call it when nothing else can be refused: commands that
    are decided later in the same commit find the account restricted.
    """
    untils = restrictions.restricted(ledger.accounts[user_id].restricted_until, chosen, until)
    return _set(ledger, user_id, untils), restrictions.notice(user_id, chosen, until)


def lift(ledger: Ledger, user_id: UUID) -> tuple[SetRestrictions, Notice]:
    """Lift all restrictions of a locked account; otherwise as `restrict`."""
    return _set(ledger, user_id, None), restrictions.notice(user_id, (), None)


def _set(ledger: Ledger, user_id: UUID, untils: Untils | None) -> SetRestrictions:
    ledger.accounts[user_id] = replace(ledger.accounts[user_id], restricted_until=untils)
    return SetRestrictions(user_id, untils)
