"""How often a requester may remind the payer of a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain import errors
from domain.requests import payment_requests
from domain.requests.payment_requests import PaymentRequest, RequestNotAllowed

#: The same whether a limit was reached or the payer has blocked the requester.
NOT_ALLOWED = (
    "A payer can be reminded once a day and three times in all, and only while they accept requests "
    "from you."
)
#: How many reminders a request has at most.
MAXIMUM_REMINDERS = 3
#: The time between two of them.
PAUSE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reminders:
    """The reminders of a request so far."""

    count: int
    #: The time of the latest; None if there is none.
    latest_at: datetime | None


def check(request: PaymentRequest, user_id: UUID, reminders: Reminders, now: datetime) -> UUID:
    """The payer whom the user may remind of the request at that instant.

    Raises NotFound unless the user is its requester and it has a payer, RequestClosed if it is not pending,
    and RequestNotAllowed within a day of the latest reminder and after three.
    """
    if user_id != request.requester_id:
        raise errors.NotFound
    payment_requests.check_is_pending(request, now)
    if request.payer_id is None:
        raise errors.NotFound
    is_early = reminders.latest_at is not None and now < reminders.latest_at + PAUSE
    if is_early or reminders.count >= MAXIMUM_REMINDERS:
        raise RequestNotAllowed(NOT_ALLOWED)
    return request.payer_id
