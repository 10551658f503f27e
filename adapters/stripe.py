"""Stripe as the payment provider, by its Checkout Sessions.

Imported only where `TOP_UP_PROVIDER=stripe`: the library takes more than half a second to import. A server that
is compatible for this purpose implements, and no more:

- `POST /v1/checkout/sessions` with `Idempotency-Key` (`top-up-<id>`): `mode=payment`, `client_reference_id` and
  `metadata[top_up_id]` (the top-up), `metadata[user_id]`, the same two under `payment_intent_data[metadata]`,
  `line_items[0][quantity]=1` with `price_data` (`currency`, `unit_amount`, `product_data[name]`), `success_url`,
  `cancel_url`, `expires_at`. Read of the answer: `id`, `url`, `expires_at`.
- `GET /v1/checkout/sessions/{id}?expand[]=payment_intent`: `status`, `payment_status`, `payment_intent` (`id`,
  `status`), `amount_total`, `currency`, `client_reference_id`, `metadata`.
- `POST /v1/checkout/sessions/{id}/expire`: status 400 if it is not open.
- `GET /v1/payment_intents/{id}`: `metadata`.
- `POST /v1/refunds` with `Idempotency-Key` (`refund-<id of the top-up>`): `payment_intent`, `metadata`.
- `GET /v1/events?created[gte]&types[]&limit=100&starting_after`, newest first, also those that no endpoint
  received: as they are sent.

Events are sent to `/funding/stripe` with `Stripe-Signature`: `checkout.session.completed`, `.expired`,
`.async_payment_succeeded` and `.async_payment_failed` with the session (`payment_intent` is an id);
`refund.created`, `.updated` and `.failed` with the refund (`id`, `payment_intent`, `amount`, `currency`, `status`);
`charge.dispute.created`, `.updated`, `.closed`, `.funds_withdrawn` and `.funds_reinstated` with the dispute (`id`,
`payment_intent`, `amount`, `currency`, `status`). Others are acknowledged and ignored. Errors are Stripe's: status
409 for a key that is in use, 400 with the type `idempotency_error` for one that was used for another request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import stripe
from stripe.params import EventListParams

from domain.top_ups.provider import (
    Checkout,
    Ended,
    Event,
    Fact,
    Forged,
    Named,
    Paid,
    ProviderAway,
    ProviderRefused,
    Session,
    Source,
    TakenBack,
)
from settings import Settings

Answer = TypeVar("Answer")

NAME = "stripe"
TIMEOUT_SECONDS = 10.0
#: An event that was signed longer ago is refused: it may be a copy of one that was sent once.
TOLERANCE_SECONDS = 300
#: The events to be sent to `/funding/stripe`.
EVENTS = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
_PAGE = 100
# The state of a payment that was tried and will not succeed by itself.
_FAILED_PAYMENT = frozenset({"requires_payment_method", "canceled"})
_FAILED_REFUND = frozenset({"failed", "canceled"})
_GONE_BACK = frozenset({"charge_already_refunded", "charge_disputed"})
_LOST_NOTHING = frozenset({"won", "prevented"})


class Stripe:
    """Implements domain.top_ups.provider.PaymentProvider. Make one per event loop."""

    name = NAME

    def __init__(
        self, api_key: str, webhook_secret: str, api_base: str = stripe.DEFAULT_API_BASE
    ) -> None:
        self._webhook_secret = webhook_secret
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        # Without retries: the job repeats the call with the same key.
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base},
            http_client=self._http,
            max_network_retries=0,
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Stripe:
        """The account that the settings name, which are complete."""
        assert settings.stripe_api_key is not None
        assert settings.stripe_webhook_secret is not None
        return cls(
            settings.stripe_api_key.get_secret_value(),
            settings.stripe_webhook_secret.get_secret_value(),
            settings.stripe_api_base or stripe.DEFAULT_API_BASE,
        )

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def check(self) -> None:
        await _asked(self._client.v1.events.list_async({"limit": 1}))

    # ------------------------------------------------ sessions and payments

    async def start(self, checkout: Checkout) -> Session:
        labels = _labels(checkout.top_up)
        created = await _asked(
            self._client.v1.checkout.sessions.create_async(
                {
                    "mode": "payment",
                    "client_reference_id": labels["top_up_id"],
                    "metadata": labels,
                    "payment_intent_data": {"metadata": labels},
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": checkout.currency.lower(),
                                "unit_amount": checkout.amount_minor,
                                "product_data": {"name": "Wallet top-up"},
                            },
                        }
                    ],
                    "success_url": checkout.success_url,
                    "cancel_url": checkout.cancel_url,
                    "expires_at": int(checkout.expires_at.timestamp()),
                },
                {"idempotency_key": f"top-up-{labels['top_up_id']}"},
            )
        )
        return Session(created.id, created.url, datetime.fromtimestamp(created.expires_at, UTC))

    async def session(self, session_id: str) -> Fact | None:
        found = await _asked(
            self._client.v1.checkout.sessions.retrieve_async(
                session_id, {"expand": ["payment_intent"]}
            )
        )
        return _of_session(found.to_dict())

    async def expire(self, session_id: str) -> None:
        try:
            await _asked(self._client.v1.checkout.sessions.expire_async(session_id))
        except ProviderRefused:
            # It has ended by itself; otherwise the next look at it shows that it has not.
            return

    async def refund(self, payment_id: str, top_up: Named) -> None:
        labels = _labels(top_up)
        try:
            await _asked(
                self._client.v1.refunds.create_async(
                    {"payment_intent": payment_id, "metadata": labels},
                    {"idempotency_key": f"refund-{labels['top_up_id']}"},
                )
            )
        except ProviderRefused as error:
            # It has gone back already, in another way.
            if getattr(error.__cause__, "code", None) not in _GONE_BACK:
                raise

    async def owner(self, payment_id: str) -> Named | None:
        found = await _asked(self._client.v1.payment_intents.retrieve_async(payment_id))
        return _named(found.to_dict())

    # ------------------------------------------------ events

    async def events(self, since: datetime) -> Sequence[Event]:
        found: list[Event] = []
        asked: EventListParams = {
            "created": {"gte": int(since.timestamp())},
            "types": [*EVENTS],
            "limit": _PAGE,
        }
        while True:
            page = await _asked(self._client.v1.events.list_async(asked))
            found += [_event(each.to_dict()) for each in page.data]
            if not page.has_more or not page.data:
                return found[::-1]
            asked["starting_after"] = page.data[-1].id

    def read_event(self, body: bytes, signature: str | None) -> Event:
        try:
            event = self._client.construct_event(
                body, signature, self._webhook_secret, TOLERANCE_SECONDS
            )
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise Forged(str(error).partition("\n")[0]) from None
        return _event(event.to_dict())


async def _asked(calling: Awaitable[Answer]) -> Answer:
    """The answer to a call. Raises ProviderAway or ProviderRefused."""
    try:
        return await calling
    except (stripe.InvalidRequestError, stripe.IdempotencyError, stripe.CardError) as error:
        # Another request with the same key is under way.
        if error.http_status in (409, 429):
            raise ProviderAway(_reason(error)) from error
        raise ProviderRefused(_reason(error)) from error
    except stripe.StripeError as error:
        raise ProviderAway(_reason(error)) from error


def _reason(error: stripe.StripeError) -> str:
    """What happened, without anything of the request."""
    detail = f"status {error.http_status}" if error.http_status else "no answer"
    return f"{type(error).__name__}, {detail}{f', {error.code}' if error.code else ''}"


# ================================================================ what Stripe's objects say


def _event(event: Mapping[str, Any]) -> Event:
    kind, shown = event.get("type"), event.get("data", {}).get("object")
    fact: Fact | None = None
    if kind in EVENTS and isinstance(shown, Mapping):
        if kind == "checkout.session.async_payment_failed":
            fact = _ended(shown)
        elif str(kind).startswith("checkout."):
            fact = _of_session(shown)
        elif str(kind).startswith("refund."):
            fact = _taken_back(shown, Source.REFUND, shown.get("status") in _FAILED_REFUND)
        # An inquiry takes no money.
        elif not str(shown.get("status")).startswith("warning_"):
            fact = _taken_back(shown, Source.DISPUTE, shown.get("status") in _LOST_NOTHING)
    created_at = datetime.fromtimestamp(int(event.get("created", 0)), UTC)
    return Event(str(event.get("id")), created_at, fact)


def _of_session(session: Mapping[str, Any]) -> Fact | None:
    named, payment = _named(session), session.get("payment_intent")
    if named is None:
        return None
    payment_id = payment.get("id") if isinstance(payment, Mapping) else payment
    if session.get("payment_status") == "paid" and isinstance(payment_id, str):
        return Paid(
            named,
            str(session.get("id")),
            payment_id,
            int(session.get("amount_total") or 0),
            str(session.get("currency")).upper(),
        )
    if session.get("status") == "expired":
        return _ended(session)
    has_failed = isinstance(payment, Mapping) and payment.get("status") in _FAILED_PAYMENT
    return _ended(session) if session.get("status") == "complete" and has_failed else None


def _ended(session: Mapping[str, Any]) -> Ended | None:
    named = _named(session)
    return None if named is None else Ended(named, str(session.get("id")))


def _taken_back(shown: Mapping[str, Any], source: Source, is_returned: bool) -> TakenBack | None:
    payment, amount_minor = shown.get("payment_intent"), int(shown.get("amount") or 0)
    if not isinstance(payment, str) or amount_minor <= 0:
        return None
    return TakenBack(
        payment,
        str(shown.get("id")),
        source,
        amount_minor,
        str(shown.get("currency")).upper(),
        is_returned,
    )


def _labels(top_up: Named) -> dict[str, str]:
    return {"user_id": str(top_up.user_id), "top_up_id": str(top_up.top_up_id)}


def _named(labelled: Mapping[str, Any]) -> Named | None:
    """The labels of a session or a payment; None if it is not one of the wallet's."""
    labels = labelled.get("metadata") or {}
    try:
        named = Named(UUID(labels["user_id"]), UUID(labels["top_up_id"]))
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    reference = labelled.get("client_reference_id")
    return None if reference not in (None, str(named.top_up_id)) else named
