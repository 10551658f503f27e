"""Adding to the caller's own balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain import errors
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import money, posting, transfers
from domain.ledger.decisions import Decision, Key, Ledger, LookUp
from domain.ledger.kinds import Direction, Kind
from domain.ledger.metadata import Metadata
from domain.ledger.transfers import Account, Entry
from domain.people import restrictions
from domain.people.restrictions import Restriction
from domain.top_ups.crediting import TopUpOf


@dataclass(frozen=True, slots=True)
class AddBalance:
    """Add to the caller's own balance. `amount` is in whole units, as entered."""

    authority: Authority
    amount: Decimal
    idempotency_key: str
    #: Identifies the transaction: a new id, generated beforehand so that decisions stay pure.
    reference: UUID
    metadata: Metadata | None = None
    not_after: datetime | None = None

    @property
    def key(self) -> Key:
        return Key(self.authority.user_id, Kind.TOP_UP, self.idempotency_key)

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.authority.user_id,)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return (*posting.look_ups(self), TopUpOf(self.key))


def is_same_input(ledger: Ledger, command: AddBalance, earlier: Entry) -> bool:
    """Whether the command requests what that entry did."""
    amount_minor = money.minor_units(command.amount, ledger.limits.currency)
    return amount_minor == earlier.amount_minor and posting.has_same_metadata(
        ledger, command, earlier
    )


def decide(ledger: Ledger, command: AddBalance, caller: Account) -> Decision:
    """Top the account up. Raises the refusals of `addBalance`."""
    posting.check_first_use(ledger, command, caller)
    if caller.restricted_until is not None:
        restrictions.check(caller.restricted_until, Restriction.ADDING, ledger.now)
    if ledger.find(TopUpOf(command.key)) is not None:
        # `startTopUp` has used it, while the service had a provider.
        raise errors.IdempotencyKeyReused
    limits = ledger.limits
    amount_minor = transfers.check_amount(
        command.amount, limits, maximum_minor=limits.maximum_top_up_minor
    )
    metadata = metadata_rules.clean(command.metadata)
    room_minor = max(limits.maximum_balance_minor - caller.balance_minor, 0)
    if amount_minor > room_minor:
        raise errors.BalanceLimitExceeded(
            limits.money(min(room_minor, limits.maximum_top_up_minor))
        )
    entry = Entry(
        user_id=caller.user_id,
        sequence=caller.sequence + 1,
        reference=command.reference,
        kind=Kind.TOP_UP,
        direction=Direction.INCOMING,
        amount_minor=amount_minor,
        fee_minor=0,
        counterparty_id=None,
        note=None,
        balance_after_minor=caller.balance_minor + amount_minor,
        created_at=posting.posting_time(ledger.now, caller),
        idempotency_key=command.idempotency_key,
        api_token_id=command.authority.api_token_id,
        metadata_digest=None if metadata is None else metadata.digest,
    )
    return posting.posted(command, [entry], metadata)
