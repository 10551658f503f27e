"""Bill splits: the shares into which a bill is divided, each a payment request.

Shares are minor units and add up to the total exactly.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain import errors, ids, text
from domain.ledger import money, transfers
from domain.requests.payment_requests import DEFAULT_LIFETIME, Draft, PaymentRequest

MAXIMUM_PAYERS = 20


@dataclass(frozen=True, slots=True)
class BillSplit:
    """A bill that a user divided into payment requests; amounts are minor units."""

    user_id: UUID
    split_id: UUID
    total_minor: int
    #: What the user pays without a request.
    own_share_minor: int
    note: str | None
    created_at: datetime


def equal_shares(total_minor: int, people: int) -> list[int]:
    """The total in that many shares; the first ones are larger by one unit where they cannot be equal."""
    share, remainder = divmod(total_minor, people)
    return [share + (number < remainder) for number in range(people)]


@dataclass(frozen=True, slots=True)
class SplitDraft:
    """A split to be created. Amounts are in whole units; they and `note` are as entered."""

    user_id: UUID
    #: None for a payer that does not exist.
    payer_ids: Sequence[UUID | None]
    total: Decimal
    includes_user: bool
    #: One for each payer; None for equal shares.
    amounts: Sequence[Decimal] | None
    note: str | None
    #: None is the default.
    expires_at: datetime | None

    def shares(self, limits: money.Limits) -> tuple[int, list[int]]:
        """The user's own share and those of the payers, in minor units.

        Raises InvalidInput, and InvalidAmount for a total or amounts that are not exact or do not fit.
        """
        count = len(self.payer_ids)
        if not 1 <= count <= MAXIMUM_PAYERS:
            raise errors.invalid("payers", f"Name 1 to {MAXIMUM_PAYERS} payers.")
        known = [payer_id for payer_id in self.payer_ids if payer_id is not None]
        if len(set(known)) < len(known):
            raise errors.invalid("payers", "Name each payer once.")
        if self.amounts is not None and len(self.amounts) != count:
            raise errors.invalid("amounts", "Give one amount for each payer.")
        most = limits.maximum_transfer_minor * (count + 1)
        total_minor = transfers.check_amount(
            self.total, limits, maximum_minor=most, what="The total"
        )
        if self.amounts is None:
            parts = equal_shares(total_minor, count + self.includes_user)
            return (parts[-1] if self.includes_user else 0), parts[:count]
        parts = [
            transfers.check_amount(amount, limits, maximum_minor=limits.maximum_transfer_minor)
            for amount in self.amounts
        ]
        own_minor = total_minor - sum(parts)
        if own_minor < 0:
            limit = limits.money(total_minor)
            raise errors.InvalidAmount(
                f"The amounts add up to more than the total of {limit}.",
                limits.money(limits.minimum_minor),
                limit,
            )
        if own_minor and not self.includes_user:
            raise errors.invalid(
                "amounts", "If you take no share, the amounts must add up to the total."
            )
        return own_minor, parts

    def created(
        self, split_id: UUID, *, now: datetime, limits: money.Limits, receivers: Collection[UUID]
    ) -> tuple[BillSplit, list[PaymentRequest]]:
        """The split and its requests. `receivers` has those of its users who can receive money.

        Raises EmailNotVerified, InvalidAmount, InvalidInput, CannotPayYourself or RecipientNotFound.
        """
        own_minor, parts = self.shares(limits)
        requests = [
            replace(
                Draft(
                    self.user_id,
                    payer_id,
                    False,
                    limits.money(part).amount,
                    self.note,
                    self.expires_at,
                ).created(ids.new_id(), now=now, limits=limits, receivers=receivers),
                split_id=split_id,
            )
            for payer_id, part in zip(self.payer_ids, parts, strict=True)
        ]
        total_minor = own_minor + sum(parts)
        split = BillSplit(self.user_id, split_id, total_minor, own_minor, requests[0].note, now)
        return split, requests

    def is_same_input(
        self, split: BillSplit, earlier: Sequence[PaymentRequest], limits: money.Limits
    ) -> bool:
        """Whether it asks for what an earlier split did; `earlier` are its requests in order."""
        # The limit may have been lowered since.
        unlimited = replace(limits, maximum_transfer_minor=sys.maxsize)
        try:
            own_minor, parts = self.shares(unlimited)
            note = text.clean_note(self.note)
        except errors.DomainError:
            return False
        first = earlier[0]
        return (
            own_minor == split.own_share_minor
            and list(zip(self.payer_ids, parts, strict=True))
            == [(each.payer_id, each.amount_minor) for each in earlier]
            and note == split.note
            and (self.expires_at or first.created_at + DEFAULT_LIFETIME) == first.expires_at
        )
