"""Look after a top-up: repeat calls to the provider that failed, and ask for what it has not reported."""

from __future__ import annotations

from uuid import UUID

import structlog

from application import apply_provider_fact
from application.top_up_services import TopUpServices
from domain import ids
from domain.ledger import money
from domain.top_ups.provider import (
    Checkout,
    PaymentProvider,
    ProviderAway,
    ProviderRefused,
)
from domain.top_ups.top_ups import Refund, Status, TopUp
from persistence.engine.database import Database
from persistence.top_ups import attending, top_ups

log = structlog.get_logger()

#: Where the provider sends people back to, at APP_URL, with the id of the top-up.
RETURN_PATH = "/add/return"


async def execute(
    services: TopUpServices,
    currency: money.Currency,
    app_url: str,
    user_id: UUID,
    top_up_id: UUID,
) -> None:
    """Do what is due for the top-up, once however often this runs. Raises Unavailable."""
    provider = services.top_up_provider
    top_up = await attending.begin(services.database, user_id, top_up_id)
    if top_up is None:
        return
    if provider is None or provider.name != top_up.provider:
        log.warning("a top-up waits for its provider", top_up_id=str(top_up_id))
        return
    try:
        await _attend(services, provider, currency, app_url, top_up)
    except ProviderAway as error:
        log.warning(
            "the payment provider is unavailable", reason=str(error), top_up_id=str(top_up_id)
        )
    except ProviderRefused as error:
        log.error(
            "the payment provider refused a request", reason=str(error), top_up_id=str(top_up_id)
        )


async def _attend(
    services: TopUpServices,
    provider: PaymentProvider,
    currency: money.Currency,
    app_url: str,
    top_up: TopUp,
) -> None:
    if top_up.refund is Refund.DUE:
        assert top_up.payment_id is not None
        await provider.refund(top_up.payment_id, top_up.named)
        await attending.refunded(services.database, top_up)
        log.info("a late payment was refunded", top_up_id=str(top_up.top_up_id))
        return
    if top_up.session is None:
        if top_up.status is Status.PENDING:
            # The provider may repeat one failure for as long as it remembers the key.
            if await attending.fail(services.database, top_up, if_expired=True):
                return
            await create_session(
                services.database, provider, top_up, currency=currency.code, app_url=app_url
            )
        else:
            # Nobody knows the page, if there is one.
            await attending.look_later(services.database, top_up)
        return
    if top_up.status is Status.FAILED:
        await provider.expire(top_up.session.session_id)
    fact = await provider.session(top_up.session.session_id)
    if fact is not None:
        await apply_provider_fact.execute(services, provider, currency, fact)
    await attending.look_later(services.database, top_up)


async def create_session(
    database: Database,
    provider: PaymentProvider,
    top_up: TopUp,
    *,
    currency: str,
    app_url: str,
) -> TopUp:
    """The top-up with its payment page; without one if the provider is unavailable, failed if it refuses."""
    page = f"{app_url}{RETURN_PATH}?topUp={ids.global_id('TopUp', top_up.top_up_id)}"
    checkout = Checkout(
        top_up.named,
        top_up.amount_minor,
        currency,
        success_url=page,
        cancel_url=f"{page}&cancelled=true",
        expires_at=top_up.session_expires_at,
    )
    names = {"user_id": str(top_up.user_id), "top_up_id": str(top_up.top_up_id)}
    try:
        session = await provider.start(checkout)
    except ProviderAway as error:
        log.warning("the payment provider is unavailable", reason=str(error), **names)
        return top_up
    except ProviderRefused as error:
        log.error("the payment provider refused a top-up", reason=str(error), **names)
        await attending.fail(database, top_up)
        return await top_ups.find(database, top_up.user_id, top_up.top_up_id) or top_up
    return await attending.session_created(database, top_up, session)
