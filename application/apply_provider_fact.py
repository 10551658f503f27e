"""Apply what the payment provider reports, however often, late or out of order it does."""

from __future__ import annotations

import enum

import structlog

from application import posting, reverse_top_up
from application.top_up_services import TopUpServices
from domain import errors, ids
from domain.ledger import money
from domain.top_ups.crediting import CreditTopUp
from domain.top_ups.provider import Ended, Fact, Named, Paid, PaymentProvider, TakenBack
from domain.top_ups.top_ups import TopUp
from persistence.top_ups import attending, mismatches, top_ups

log = structlog.get_logger()


class Mismatch(enum.StrEnum):
    """Why a fact changes nothing and operators have to look at it."""

    UNKNOWN_TOP_UP = "unknown_top_up"
    OTHER_SESSION = "other_session"
    OTHER_AMOUNT = "other_amount"
    OTHER_CURRENCY = "other_currency"
    OTHER_PAYMENT = "other_payment"
    #: The provider gave back what it had taken, and the account that it was taken from is closed.
    ACCOUNT_CLOSED = "account_closed"
    #: The refund of a payment that was not credited failed, or its dispute was won.
    NOT_REFUNDED = "not_refunded"


async def execute(
    services: TopUpServices, provider: PaymentProvider, currency: money.Currency, fact: Fact
) -> None:
    """Apply the fact. A fact that does not match what was started is recorded and changes nothing else.

    Raises Unavailable, ProviderAway or ProviderRefused: it has to be applied again then.
    """
    if isinstance(fact, Paid):
        await _paid(services, provider, currency, fact)
    elif isinstance(fact, Ended):
        await _ended(services, fact)
    else:
        await _taken_back(services, provider, currency, fact)


async def _ended(services: TopUpServices, fact: Ended) -> None:
    top_up = await _find(services, fact.top_up)
    if top_up is None or (top_up.session and top_up.session.session_id != fact.session_id):
        return
    if await attending.fail(services.database, top_up):
        log.info("a top-up was not paid", **_names(fact.top_up))
        services.wake_relay()


async def _paid(
    services: TopUpServices, provider: PaymentProvider, currency: money.Currency, fact: Paid
) -> None:
    top_up = await _find(services, fact.top_up)
    reason = _mismatch(top_up, provider, currency, fact)
    if top_up is None or reason is not None:
        await _record(services, provider, reason or Mismatch.UNKNOWN_TOP_UP, fact)
        return
    if top_up.payment_id is not None:
        # Credited, or to be refunded.
        return
    command = CreditTopUp(top_up, fact.session_id, fact.payment_id, ids.new_id())
    try:
        await posting.post(services, command)
    except (
        # The account or the key was closed after the top-up was started.
        errors.IdempotencyKeyClosed,
        errors.IdempotencyKeyReused,
        errors.Unauthenticated,
    ) as refusal:
        await attending.refund(services.database, top_up, fact.session_id, fact.payment_id)
        log.warning(
            "a payment is not credited and will be refunded",
            reason=type(refusal).__name__,
            **_names(fact.top_up),
        )
        return
    log.info("a top-up was credited", **_names(fact.top_up))
    await reverse_top_up.execute(services, top_up.user_id, top_up.top_up_id)


def _mismatch(
    top_up: TopUp | None, provider: PaymentProvider, currency: money.Currency, fact: Paid
) -> Mismatch | None:
    if top_up is None or top_up.provider != provider.name:
        return Mismatch.UNKNOWN_TOP_UP
    if top_up.session is not None and top_up.session.session_id != fact.session_id:
        return Mismatch.OTHER_SESSION
    if fact.currency != currency.code:
        return Mismatch.OTHER_CURRENCY
    if fact.amount_minor != top_up.amount_minor:
        return Mismatch.OTHER_AMOUNT
    if top_up.payment_id is not None and top_up.payment_id != fact.payment_id:
        return Mismatch.OTHER_PAYMENT
    return None


async def _taken_back(
    services: TopUpServices,
    provider: PaymentProvider,
    currency: money.Currency,
    fact: TakenBack,
) -> None:
    named = await provider.owner(fact.payment_id)
    if named is None:
        # A payment of something else with the same account of the provider.
        return
    top_up = await _find(services, named)
    reason = None
    if top_up is None or top_up.provider != provider.name:
        reason = Mismatch.UNKNOWN_TOP_UP
    elif top_up.payment_id is not None and top_up.payment_id != fact.payment_id:
        reason = Mismatch.OTHER_PAYMENT
    elif fact.currency != currency.code:
        reason = Mismatch.OTHER_CURRENCY
    elif top_up.refund is not None and fact.is_returned:
        reason = Mismatch.NOT_REFUNDED
    if top_up is None or reason is not None:
        await _record(services, provider, reason or Mismatch.UNKNOWN_TOP_UP, fact, named)
        return
    try:
        await reverse_top_up.taken_back(services, top_up, fact)
    except errors.Unauthenticated:
        await _record(services, provider, Mismatch.ACCOUNT_CLOSED, fact, named)


async def _record(
    services: TopUpServices,
    provider: PaymentProvider,
    reason: Mismatch,
    fact: Paid | TakenBack,
    named: Named | None = None,
) -> None:
    named = fact.top_up if isinstance(fact, Paid) else named
    is_new = await mismatches.record(
        services.database,
        provider=provider.name,
        source_id=fact.payment_id if isinstance(fact, Paid) else fact.source_id,
        reason=reason.value,
        user_id=None if named is None else named.user_id,
        top_up_id=None if named is None else named.top_up_id,
        amount_minor=fact.amount_minor,
        currency=fact.currency,
    )
    if is_new:
        names = {} if named is None else _names(named)
        log.error("a payment matches no top-up", reason=reason.value, **names)


async def _find(services: TopUpServices, named: Named) -> TopUp | None:
    return await top_ups.find(services.database, named.user_id, named.top_up_id)


def _names(named: Named) -> dict[str, str]:
    return {"user_id": str(named.user_id), "top_up_id": str(named.top_up_id)}
