"""Decline a payment request, as its payer, or cancel it, as its requester."""

from __future__ import annotations

from application.services import Services
from domain import errors
from domain.ledger.pay_request import RequestOf
from domain.people.sessions import Principal
from domain.requests.payment_requests import PaymentRequest
from persistence.requests import closing


async def decline(services: Services, caller: Principal, asked: RequestOf | None) -> PaymentRequest:
    """The declined request; declining again changes nothing. None is an id that is malformed.

    Raises NotFound, RequestClosed or Unavailable.
    """
    if asked is None:
        raise errors.NotFound
    declined = await closing.decline(
        services.database, caller, asked.requester_id, asked.request_id
    )
    services.wake_relay()
    return declined


async def cancel(services: Services, caller: Principal, asked: RequestOf | None) -> PaymentRequest:
    """The cancelled request; cancelling again changes nothing. None is an id that is malformed.

    Raises NotFound, RequestClosed or Unavailable.
    """
    if asked is None:
        raise errors.NotFound
    cancelled = await closing.cancel(
        services.database, caller, asked.requester_id, asked.request_id
    )
    services.wake_relay()
    return cancelled
