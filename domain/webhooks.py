"""Webhooks: what they are, when a delivery is tried again, and how one is signed (Standard Webhooks)."""

from __future__ import annotations

import base64
import enum
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import standardwebhooks

from domain import errors
from domain.people.sessions import Principal, Scope

#: Per user.
MAXIMUM_WEBHOOKS = 10
#: Per webhook: each adds a signature to the headers of a delivery.
MAXIMUM_ACTIVE_SECRETS = 5
MAXIMUM_URL_CHARACTERS = 2_000
MAXIMUM_DOCUMENT_CHARACTERS = 10_000
MAXIMUM_OVERLAP = timedelta(days=30)
#: How long one attempt may take in all.
ATTEMPT_SECONDS = 15.0
#: The pauses after the first failed attempts at an event; each further one is as long as the last.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600))
#: For so long after the first failed attempt at an event it is tried again.
TRIED_FOR = timedelta(days=3)
#: The start of the response that an attempt keeps.
DETAIL_CHARACTERS = 200
#: Of a description of what went wrong.
DETAIL_MAXIMUM_CHARACTERS = 500
#: The status by which an endpoint says that it will never accept anything again.
GONE = 410

#: What the owner is told where no signing secret can be decrypted.
SECRET_UNREADABLE = "The signing secret cannot be read any more: rotate it."  # noqa: S105
SECRET_PREFIX = "whsec_"  # noqa: S105
_SECRET_BYTES = 32
_HINT_CHARACTERS = 4


class WebhookStream(enum.StrEnum):
    """The stream of events that a webhook delivers."""

    WALLET_EVENTS = "WALLET_EVENTS"
    NOTIFICATIONS = "NOTIFICATIONS"


class WebhookStatus(enum.StrEnum):
    """Whether a webhook delivers."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"


#: The `type` of each stream's deliveries.
EVENT_TYPES: Mapping[WebhookStream, str] = {
    WebhookStream.WALLET_EVENTS: "wallet.event",
    WebhookStream.NOTIFICATIONS: "notification",
}
#: What an API token needs in order to subscribe to each stream.
STREAM_SCOPES: Mapping[WebhookStream, Scope] = {
    WebhookStream.WALLET_EVENTS: Scope.READ_TRANSACTIONS,
    WebhookStream.NOTIFICATIONS: Scope.READ_TRANSACTIONS,
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook, as its owner configured it and as far as it has delivered."""

    user_id: UUID
    webhook_id: UUID
    #: The API token that created it and that it ends with; None if a session did.
    api_token_id: UUID | None
    #: The scopes of that token; None for every scope.
    scopes: frozenset[Scope] | None
    url: str
    stream: WebhookStream
    #: The subscription that selects the payload.
    document: str
    status: WebhookStatus
    #: The number of the newest event that the endpoint has acknowledged.
    delivered_through: int
    created_at: datetime
    #: The end of each active secret, newest first.
    secret_hints: Sequence[str] = ()

    @property
    def principal(self) -> Principal:
        """On whose behalf the payload is rendered."""
        if self.api_token_id is not None:
            return Principal(self.user_id, api_token_id=self.api_token_id, scopes=self.scopes)
        return Principal(self.user_id, session_id=self.webhook_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    sent_at: datetime
    duration_milliseconds: int
    #: Of the response; None without one.
    status: int | None
    #: The start of the response, or what went wrong.
    detail: str | None
    #: Whether the endpoint acknowledged the event.
    is_delivered: bool = False
    #: The epoch of the event's number; None is the first.
    epoch_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at delivering an event."""

    attempt_id: UUID
    webhook_id: UUID
    #: Of the event, in the webhook's stream.
    number: int
    #: Which attempt at this event it was, beginning at 1.
    attempt: int
    outcome: Outcome
    #: When the event is tried again; None if it is not, because it was delivered or given up.
    next_attempt_at: datetime | None

    @property
    def event_id(self) -> str:
        return event_id(self.webhook_id, self.number, self.outcome.epoch_id)


def event_id(webhook_id: UUID, number: int, epoch_id: UUID | None = None) -> str:
    """The `webhook-id` of an event: the same for every attempt. Without an epoch, it is the first."""
    of_epoch = "" if epoch_id is None else f"_{epoch_id.hex}"
    return f"evt_{webhook_id.hex}_{number}{of_epoch}"


def host(url: str) -> str:
    """The host of an endpoint, by which its owner knows it."""
    return urlsplit(url).hostname or ""


# ------------------------------------------------ attempts


def next_attempt_at(failures: int, *, failing_since: datetime, now: datetime) -> datetime | None:
    """When an event is tried again after so many failed attempts; None if it is given up."""
    end = failing_since + TRIED_FOR
    if now >= end:
        return None
    pause = PAUSES[min(failures, len(PAUSES)) - 1]
    return min(now + pause, end)


# ------------------------------------------------ secrets and signatures


def new_secret() -> str:
    """A signing secret, `whsec_…`."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def hint(secret: str) -> str:
    """The last characters of a secret, by which its owner can tell which one it is."""
    return secret[-_HINT_CHARACTERS:]


def signed_headers(
    signing_secrets: Sequence[str], event: str, sent_at: datetime, body: str
) -> dict[str, str]:
    """The headers of a delivery with the `webhook-id` `event`: one signature per secret."""
    timestamp = sent_at.astimezone(UTC)
    signatures = [
        standardwebhooks.Webhook(secret).sign(event, timestamp, body) for secret in signing_secrets
    ]
    return {
        "content-type": "application/json",
        "user-agent": "Mini-Wallet-Webhooks/1",
        "webhook-id": event,
        "webhook-timestamp": str(int(timestamp.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


# ------------------------------------------------ refusals


@dataclass(eq=False)
class InvalidWebhook(errors.DomainError):
    """The address or the document of a webhook, or another field of it, is wrong."""

    fields: Sequence[errors.FieldError]
    message: str = ""

    def __post_init__(self) -> None:
        self.message = self.message or " ".join(error.message for error in self.fields)


def invalid(field: str, message: str) -> InvalidWebhook:
    """The refusal of one field."""
    return InvalidWebhook([errors.FieldError((field,), message)])
