"""Moving money, and what moving it would cost."""

from __future__ import annotations

from uuid import UUID

import schema.transactions
from domain import errors, ids
from domain.ledger import transfers
from domain.people.accounts import clean_email
from persistence.ledger.ledger import Movement
from persistence.people import accounts, api_tokens
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import inputs, results, viewers, wallets
from schema.arguments import given


async def send_money(info: Info, input: inputs.SendMoneyInput) -> results.SendMoneyResult:  # noqa: A002
    context, caller = info.context, info.context.caller
    key = transfers.check_idempotency_key(input.idempotency_key)
    recipient_id, malformed = await _recipient(context, input.recipient)
    try:
        movement = await _move(
            context,
            transfers.SendMoney(
                user_id=caller.user_id,
                recipient_id=recipient_id,
                amount=input.amount,
                note=given(input.note),
                idempotency_key=key,
                reference=ids.new_id(),
                session_id=caller.session_id,
                api_token_id=caller.api_token_id,
            ),
        )
    except errors.RecipientNotFound:
        # Only now: whether the key was used before comes first.
        raise malformed or errors.RecipientNotFound from None
    return results.MoneySent(
        transaction=_transaction(context, movement),
        viewer=_viewer(context, movement),
        replayed=movement.replayed,
    )


async def add_balance(info: Info, input: inputs.AddBalanceInput) -> results.AddBalanceResult:  # noqa: A002
    context, caller = info.context, info.context.caller
    key = transfers.check_idempotency_key(input.idempotency_key)
    movement = await _move(
        context,
        transfers.AddBalance(
            user_id=caller.user_id,
            amount=input.amount,
            idempotency_key=key,
            reference=ids.new_id(),
            session_id=caller.session_id,
            api_token_id=caller.api_token_id,
        ),
    )
    return results.BalanceAdded(
        transaction=_transaction(context, movement),
        viewer=_viewer(context, movement),
        replayed=movement.replayed,
    )


async def _move(context: RequestContext, command: transfers.Command) -> Movement:
    services = context.services
    outcome = "failed"
    try:
        movement = await services.ledger.move(command)
        outcome = "replayed" if movement.replayed else "moved"
    except errors.DomainError as refusal:
        outcome = type(refusal).__name__
        raise
    finally:
        services.metrics.transfer(outcome)
    if not movement.replayed:
        services.live.posted(movement.entry, movement.counterparty)
        if movement.other_entry is not None:
            services.live.posted(movement.other_entry, movement.person)
        services.wake_relay()
    return movement


async def _recipient(
    context: RequestContext, recipient: inputs.RecipientInput
) -> tuple[UUID | None, errors.InvalidInput | None]:
    """Whose id or address it is, if anybody's; and what is wrong with an address that is none."""
    user_id = given(recipient.user_id)
    if user_id is not None:
        return ids.read_row_id(user_id, "User"), None
    try:
        email = clean_email(given(recipient.email) or "", ("recipient", "email"))
    except errors.InvalidInput as malformed:
        return None, malformed
    return await accounts.user_id_by_email(context.services.database, email), None


def _transaction(context: RequestContext, movement: Movement) -> schema.transactions.Transaction:
    return schema.transactions.shown(
        movement.entry, movement.counterparty, context.services.limits.currency
    )


def _viewer(context: RequestContext, movement: Movement) -> viewers.Viewer:
    return viewers.shown(
        movement.person,
        context.caller,
        context.services.limits.currency,
        shows_balance=True,
    )


async def transfer_preview(
    info: Info, amount: wallets.AmountToPreview
) -> wallets.TransferPreviewResult:
    services, caller = info.context.services, info.context.caller
    person = await services.person(caller.user_id)
    if person is None:
        raise errors.Unauthenticated
    remaining_minor = None
    if caller.api_token_id is not None:
        budget = await api_tokens.budget(services.database, caller.user_id, caller.api_token_id)
        remaining_minor = budget.remaining_minor
    preview = transfers.preview(
        amount, person.balance_minor, services.limits, remaining_minor=remaining_minor
    )
    return wallets.shown_preview(preview, services.limits.currency)
