"""Verifies webhook requests, by Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mini_wallet_client import documents, models
from mini_wallet_client.errors import InvalidSignature

TOLERANCE_SECONDS = 300
_TIMESTAMP_MAXIMUM_DIGITS = 12


class Headers(Protocol):
    """The headers of a request: a mapping, or what a web framework has for them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Names and values."""


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """A verified delivery. Deliveries are repeated: ignore a `number` up to the last one processed of that `epoch`."""

    id: str
    """The same at every attempt."""
    type: str
    """`wallet.event` or `notification`; a newer service may have more."""
    number: int
    """The event's number in its stream: 1, 2, 3 … without a gap."""
    timestamp: datetime
    data: Any
    """The result of the webhook's document for this event."""
    epoch: str | None = None
    """In which epoch the number was assigned: in another one, it belongs to another event. See `Wallet.epoch`."""

    def wallet_event(self) -> models.AnyWalletEvent:
        """The event of the wallet. Raises UnexpectedAnswer if the webhook's document selects less."""
        return documents.WALLET_EVENTS.parse(self.data)

    def notification(self) -> models.Notification:
        """The notification. Raises UnexpectedAnswer if the webhook's document selects less."""
        return documents.NOTIFICATIONS.parse(self.data)


def document_of(stream: models.WebhookStream) -> str | None:
    """The document of a webhook whose events this client reads whole; None for an unknown stream."""
    if stream == models.WebhookStream.WALLET_EVENTS:
        return documents.WALLET_EVENTS.document
    is_known = stream == models.WebhookStream.NOTIFICATIONS
    return documents.NOTIFICATIONS.document if is_known else None


def verify_webhook(
    body: bytes,
    headers: Headers,
    secrets: str | Sequence[str],
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> WebhookEvent:
    """The event of a webhook request, if one of the secrets (`whsec_…`) signed it.

    `body` is the body as it was received, byte for byte. While a secret is being replaced, give both.
    Raises InvalidSignature, also if the request is older or newer than the tolerance.
    """
    if not isinstance(body, bytes | bytearray):
        raise TypeError("Give the body as it was received, in bytes: not as text, and not parsed.")
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent, signatures = (
            given[f"webhook-{name}"] for name in ("id", "timestamp", "signature")
        )
    except KeyError as missing:
        raise InvalidSignature(f"The header {missing} is missing.") from None
    if not (sent.isascii() and sent.isdigit() and len(sent) <= _TIMESTAMP_MAXIMUM_DIGITS):
        raise InvalidSignature("The timestamp is not a number of seconds.")
    if abs((time.time() if now is None else now) - int(sent)) > tolerance_seconds:
        raise InvalidSignature("The request was sent too long ago, or one of the clocks is wrong.")
    signed = b".".join((message_id.encode(), sent.encode(), body))
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    found = [part[3:].encode() for part in signatures.split(" ") if part.startswith("v1,")]
    # Every pair is compared, so that the time says nothing about which secret fits.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in found]
    if not any(matches):
        raise InvalidSignature("No signature of the request is by one of the secrets.")
    return _event(message_id, body)


def _key(secret: str) -> bytes:
    encoded = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("A webhook secret is whsec_ and base64, as createWebhook returned it.")
    return key


def _event(message_id: str, body: bytes) -> WebhookEvent:
    try:
        content = json.loads(body)
        return WebhookEvent(
            id=message_id,
            type=content["type"],
            number=content["number"],
            timestamp=datetime.fromisoformat(content["timestamp"]),
            data=content["data"],
            # Version 1.0 of the service does not send it.
            epoch=content.get("epoch"),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidSignature(
            "The body is signed, but not one of a webhook of this API."
        ) from error
