"""Remind the payer of a payment request."""

from __future__ import annotations

from application.services import Services
from domain import errors
from domain.ledger.pay_request import RequestOf
from domain.people.sessions import Principal
from domain.requests.payment_requests import PaymentRequest
from persistence.requests import reminding


async def execute(services: Services, caller: Principal, asked: RequestOf | None) -> PaymentRequest:
    """The request, whose payer was notified. None is an id that is malformed.

    Raises NotFound, RequestClosed, RequestNotAllowed or Unavailable.
    """
    if asked is None or asked.requester_id != caller.user_id:
        raise errors.NotFound
    request = await reminding.remind(services.database, caller, asked.request_id)
    services.wake_relay()
    return request
