"""/funding/stripe: receives events from the payment provider, which repeats each until it is accepted."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from app.http import replies
from application import apply_provider_fact
from application.services import Services
from domain import errors
from domain.top_ups.provider import Event, Forged, PaymentProvider, ProviderAway, ProviderRefused
from graphql_server import bodies, facts
from resolvers import guards

log = structlog.get_logger(__name__)

ROUTE = "/funding/stripe"
#: Several times the largest event that matters.
_BODY_MAXIMUM_BYTES = 256 * 1024


class Funding:
    """Accepts an event with status 204 after what it reports was committed.

    An event that changes nothing is accepted too: the provider would only repeat it. One with a wrong or an
    old signature gets status 400, and one that cannot be applied now gets 503.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, request: Request) -> Response:
        provider = self._services.top_up_provider
        if provider is None:
            return replies.refusal(404, "No payment provider is configured.", "NOT_FOUND")
        known: facts.RequestFacts = request.scope["facts"]
        client = guards.network(known.client_ip)
        limit = self._services.refusal_allowance.refusal(client)
        if limit is not None:
            refused = errors.RateLimited(limit.wait_seconds, limit)
            headers = {"retry-after": str(refused.retry_after_seconds)}
            return replies.refusal(429, refused.message, "RATE_LIMITED", **headers)
        try:
            body = await bodies.read(request.scope, request.receive, _BODY_MAXIMUM_BYTES)
            event = provider.read_event(
                body, facts.header(request.scope["headers"], b"stripe-signature")
            )
        except bodies.Disconnected:
            return Response(status_code=499)
        except (bodies.TooLarge, bodies.TooSlow, bodies.Encoded):
            return replies.refusal(
                413, "The body is too large, too slow or encoded.", "BAD_USER_INPUT",
                connection="close",
            )  # fmt: skip
        except Forged as error:
            await self._services.count_refusal(client)
            log.warning("an event of the payment provider was refused", reason=str(error))
            return replies.refusal(
                400, "The signature is missing, wrong or too old.", "BAD_USER_INPUT"
            )
        return await self._apply(provider, event)

    async def _apply(self, provider: PaymentProvider, event: Event) -> Response:
        services = self._services
        if event.fact is None:
            return replies.empty()
        try:
            await apply_provider_fact.execute(
                services, provider, services.limits.currency, event.fact
            )
        except errors.Unavailable as error:
            return replies.refusal(503, error.message, "UNAVAILABLE")
        except (ProviderAway, ProviderRefused) as error:
            log.warning("an event could not be applied", event_id=event.event_id, reason=str(error))
            return replies.refusal(503, "The payment provider is unavailable.", "UNAVAILABLE")
        return replies.empty()
