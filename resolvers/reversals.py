"""What transactions reverse, and what was reversed of them: fields of transactions of any owner."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import strawberry

import schema.transactions
from application import read_ledger
from application.services import ReadServices
from domain.ledger.kinds import Kind
from domain.people.sessions import Principal
from resolvers import bound_fields
from schema.money import Money, shown_minor
from schema.transactions import Transaction

#: A user, and the reference of a transaction in their ledger.
Name = tuple[UUID, UUID]


def original_of(shown: Transaction) -> Name | None:
    """The key of a link: the original of a reversal."""
    entry = shown.entry
    return None if entry.reverses is None else (entry.user_id, entry.reverses)


async def originals(
    services: ReadServices, _principal: Principal, names: Collection[Name]
) -> dict[Name, Transaction]:
    entries = await read_ledger.originals(services, names)
    return {
        (view.entry.user_id, view.entry.reference): schema.transactions.shown(
            view.entry, view.counterparty, services.limits.currency, view.metadata
        )
        for view in await read_ledger.views(services, entries)
    }


async def reversed_so_far(
    transaction: strawberry.Parent[Transaction], info: bound_fields.Info
) -> Money:
    entry, context = transaction.entry, info.context
    amount_minor = None
    if entry.kind is not Kind.REVERSAL and (principal := context.principal) is not None:
        name = entry.user_id, entry.reference
        amount_minor = await bound_fields.load(context, principal, amounts_reversed, name)
    return shown_minor(amount_minor or 0, context.services.limits.currency)


async def amounts_reversed(
    services: ReadServices, _principal: Principal, names: Collection[Name]
) -> dict[Name, int]:
    return await read_ledger.reversed_minor(services, names)
