"""Transfers, top-ups, previews and idempotency keys."""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

import strawberry

import application.add_balance
import application.close_idempotency_key
import application.preview_transfer
import application.send_money
import schema.transactions
from application import read_ledger, recipients
from application.services import ReadServices
from domain import ids
from domain.ledger.kinds import Kind
from domain.ledger.metadata import Pair
from domain.people.sessions import Principal, Scope
from domain.top_ups.top_ups import NotAvailable
from persistence.ledger.ledger import Movement
from resolvers import step_up
from resolvers.nodes import Asked, Found, own_numbers
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import inputs, previews, results, viewers
from schema.arguments import given
from schema.transactions import MetadataEntryInput


async def send_money(info: Info, input: inputs.SendMoneyInput) -> results.SendMoneyResult:  # noqa: A002
    context = info.context
    movement = await application.send_money.execute(
        context.services,
        context.caller.authority,
        recipient=named_user(input.recipient),
        amount=input.amount,
        note=given(input.note),
        idempotency_key=input.idempotency_key,
        metadata=pairs(input.metadata),
        not_after=given(input.not_after),
        confirmation=step_up.confirmation(input.confirmation),
    )
    return money_sent(context, movement)


def money_sent(context: RequestContext, movement: Movement) -> results.MoneySent:
    """The transfer as its sender sees it."""
    return results.MoneySent(
        transaction=_transaction(context, movement),
        viewer=_viewer(context, movement),
        replayed=movement.replayed,
    )


async def add_balance(info: Info, input: inputs.AddBalanceInput) -> results.AddBalanceResult:  # noqa: A002
    context = info.context
    if not context.services.settings.instant_top_ups:
        raise NotAvailable
    movement = await application.add_balance.execute(
        context.services,
        context.caller.authority,
        amount=input.amount,
        idempotency_key=input.idempotency_key,
        metadata=pairs(input.metadata),
        not_after=given(input.not_after),
    )
    return results.BalanceAdded(
        transaction=_transaction(context, movement),
        viewer=_viewer(context, movement),
        replayed=movement.replayed,
    )


async def close_idempotency_key(
    info: Info,
    input: inputs.CloseIdempotencyKeyInput,  # noqa: A002
) -> results.CloseIdempotencyKeyResult:
    context = info.context
    view = await application.close_idempotency_key.execute(
        context.services,
        context.caller.authority,
        kind=input.kind,
        idempotency_key=input.idempotency_key,
    )
    return results.IdempotencyKeySettled(
        transaction=None
        if view is None
        else schema.transactions.shown(
            view.entry, view.counterparty, context.services.limits.currency, view.metadata
        )
    )


def pairs(given_pairs: list[MetadataEntryInput] | None) -> list[Pair]:
    """The metadata as entered."""
    return [(pair.key, pair.value) for pair in given(given_pairs) or ()]


def named_user(recipient: inputs.RecipientInput) -> recipients.Named:
    """The user that the input names; None for a malformed id."""
    user_id = given(recipient.user_id)
    if user_id is not None:
        return ids.read_row_id(user_id, "User")
    handle = given(recipient.handle)
    if handle is not None:
        return recipients.Handle(handle)
    return recipients.Email(given(recipient.email) or "")


def _transaction(context: RequestContext, movement: Movement) -> schema.transactions.Transaction:
    return schema.transactions.shown(
        movement.entry,
        movement.counterparty,
        context.services.limits.currency,
        movement.metadata,
    )


def _viewer(context: RequestContext, movement: Movement) -> viewers.Viewer:
    return viewers.shown(
        movement.person,
        context.caller,
        context.services.limits.currency,
        shows_balance=True,
    )


async def transfer_preview(
    info: Info,
    amount: previews.AmountToPreview,
    recipient: previews.RecipientToPreview = strawberry.UNSET,
) -> previews.TransferPreviewResult:
    services, caller = info.context.services, info.context.caller
    preview = await application.preview_transfer.execute(services, caller, amount)
    named = given(recipient)
    if named is None:
        return previews.shown(preview, None, services.limits.currency)
    found = await application.preview_transfer.recipient(services, caller, named_user(named))
    check = previews.shown_check(found, to=caller.user_id)
    return previews.shown(preview, check, services.limits.currency)


def reference_of(
    *kinds: Kind,
) -> Callable[[schema.transactions.Transaction], UUID | None]:
    """The key of a link: the references of transactions of those kinds."""
    return lambda shown: shown.entry.reference if shown.entry.kind in kinds else None


async def by_reference(
    services: ReadServices, principal: Principal, references: Collection[UUID]
) -> dict[UUID, schema.transactions.Transaction]:
    entries = await read_ledger.entries_by_references(services, principal.user_id, references)
    currency = services.limits.currency
    return {
        view.entry.reference: schema.transactions.shown(
            view.entry, view.counterparty, currency, view.metadata
        )
        for view in await read_ledger.views(services, entries)
    }


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not caller.may(Scope.READ_TRANSACTIONS):
        return {}
    sequences = own_numbers(caller, asked)
    if not sequences:
        return {}
    entries = await read_ledger.entries(context.services, caller.user_id, sequences)
    shown = await context.reads.shown_entries(entries)
    return {transaction.id: transaction for transaction in shown}
