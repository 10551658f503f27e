"""What the receivers of webhooks observed, and what the wallet says of them: data for the checker.

Times are those of the record's clock, and amounts are minor units.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from uuid import UUID

from domain.webhooks import WebhookStream


@dataclass(slots=True)
class Secret:
    """A signing secret that a receiver was told, and when it signs."""

    #: Its id, in the order in which they were told.
    place: int
    #: When the request for it began, and when it was answered.
    began: float
    told: float
    #: Between these times it expires. Rotations without an answer may have let it expire or not.
    earliest_end: float = inf
    latest_end: float = inf


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as the receiver saw it."""

    arrived: float
    path: str
    #: The headers `webhook-id` and `webhook-timestamp`; the latter is in seconds since 1970.
    event_id: str
    timestamp: int
    #: `type` of the body.
    kind: str
    number: int
    #: Of the body, where its document selects them.
    balance_minor: int | None
    reference: UUID | None
    #: The secrets with which it is signed.
    signed_by: tuple[int, ...]
    #: A status, or how the receiver failed to respond.
    reply: str
    #: When the response was about to be sent; None if none was.
    answered: float | None
    #: Whether the event was processed with this request.
    is_processed: bool

    @property
    def is_acknowledged(self) -> bool:
        """Whether a complete response with a status from 200 to 299 was about to be sent."""
        return self.answered is not None and self.reply.startswith("2")

    @property
    def is_refused(self) -> bool:
        """Whether another status was."""
        return self.answered is not None and not self.is_acknowledged

    @property
    def is_incomplete(self) -> bool:
        """Whether there was no complete response."""
        return self.answered is None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at delivering an event, as the wallet recorded it."""

    number: int
    attempt: int
    began: float
    seconds: float
    status: int | None
    is_delivered: bool


@dataclass(slots=True)
class Receiver:
    """A receiver of one webhook, through all of its processes."""

    user_id: UUID
    stream: WebhookStream
    #: It began with the event after that number.
    first: int = 0
    secrets: list[Secret] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    #: What it stores: the last number that it processed.
    last: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    #: The webhook's `deliveredThrough`; None if it was not read.
    delivered_through: int | None = None
    #: How often its process was killed, and what its owner did with the webhook.
    kills: int = 0
    rotations: int = 0
    replays: int = 0
    pauses: int = 0

    @property
    def processed(self) -> list[int]:
        """The numbers of the events that it processed, in that order."""
        return [request.number for request in self.requests if request.is_processed]

    def so_far(self) -> Receiver:
        """A copy of what was recorded so far."""
        return replace(
            self,
            secrets=[replace(secret) for secret in self.secrets],
            requests=self.requests.copy(),
            attempts=self.attempts.copy(),
        )

    # ------------------------------------------------ secrets

    def rotating(self, began: float, overlap_seconds: float) -> None:
        """A rotation was requested, which may or may not take effect."""
        for secret in self.secrets:
            secret.earliest_end = min(secret.earliest_end, began + overlap_seconds)

    def rotated(self, place: int, began: float, told: float, overlap_seconds: float) -> None:
        """That rotation was answered with another secret."""
        for secret in self.secrets:
            secret.latest_end = min(secret.latest_end, told + overlap_seconds)
        self.secrets.append(Secret(place, began, told))
