"""What the simulated clients of a run did with payment requests.

Times are those of the record, amounts are minor units.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from uuid import UUID


class Act(enum.StrEnum):
    """What closes a request; the value is its status from then on."""

    PAY = "paid"
    DECLINE = "declined"
    CANCEL = "cancelled"


@dataclass(slots=True)
class Attempt:
    """A request to close a payment request, in one or many tries."""

    act: Act
    user_id: UUID
    began: float
    ended: float = 0.0
    #: Tries without an answer, or with UNAVAILABLE: they may have closed it.
    lost: int = 0
    #: The `__typename` of the answer; None without one.
    answer: str | None = None
    #: The key of a payment.
    key: str | None = None

    @property
    def has_closed(self) -> bool:
        """Whether its caller was told that the request is closed so."""
        return self.answer in ("MoneySent", "PaymentRequestClosed")


@dataclass(slots=True)
class AskedRequest:
    """A payment request that was created with a key, in one or many tries."""

    requester_id: UUID
    #: None for an open request.
    payer_id: UUID | None
    amount_minor: int
    note: str | None
    key: str
    began: float
    ended: float = 0.0
    #: The API's id; None if the answer was lost or a refusal.
    global_id: str | None = None
    #: The `__typename` of the answer; None without one.
    answer: str | None = None
    attempts: list[Attempt] = field(default_factory=list)

    def so_far(self) -> AskedRequest:
        """A copy of what was recorded so far."""
        return replace(self, attempts=[replace(attempt) for attempt in self.attempts])
