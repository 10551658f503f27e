"""Compare with the payment provider: apply the events that never came."""

from __future__ import annotations

import structlog

from application import apply_provider_fact
from application.top_up_services import TopUpServices
from domain.ledger import money
from domain.top_ups.provider import Event, PaymentProvider, ProviderAway, ProviderRefused
from persistence.top_ups import reconciling

log = structlog.get_logger()

#: After so many events, those before are not applied again should the job be interrupted.
EVENTS_BETWEEN_CHECKPOINTS = 200


async def execute(services: TopUpServices, currency: money.Currency) -> None:
    """Apply every event since the last time, in order; most have been applied and change nothing.

    What has become of a pending top-up is asked besides, as often as `TopUp.next_look_at` says. If the
    provider is unavailable or the job is interrupted, it continues later from its last checkpoint. Raises
    Unavailable.
    """
    provider = services.top_up_provider
    if provider is None:
        return
    begun = await reconciling.begin(services.database, provider.name)
    if begun is None:
        return
    since, now = begun
    try:
        events = await provider.events(since)
        for number, event in enumerate(events, start=1):
            if event.fact is not None:
                await _apply(services, provider, currency, event)
            if number % EVENTS_BETWEEN_CHECKPOINTS == 0:
                await reconciling.advance(services.database, provider.name, event.created_at)
    except (ProviderAway, ProviderRefused) as error:
        log.warning("top-ups could not be reconciled", reason=str(error))
        return
    await reconciling.end(services.database, provider.name, now)
    log.info("top-ups were reconciled", events=len(events))


async def _apply(
    services: TopUpServices, provider: PaymentProvider, currency: money.Currency, event: Event
) -> None:
    assert event.fact is not None
    try:
        await apply_provider_fact.execute(services, provider, currency, event.fact)
    except ProviderRefused as error:
        # As it always will: the events after it have to be applied all the same.
        log.error("an event could not be applied", event_id=event.event_id, reason=str(error))
