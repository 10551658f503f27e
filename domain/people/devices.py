"""Known devices, identified by a signed cookie that lists the accounts they signed in to."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

#: How long a device is remembered after it signed in last.
DEVICE_LIFETIME = timedelta(days=365)
#: The maximum number of accounts of a device; the least recently used one is dropped.
MAXIMUM_ACCOUNTS = 5
_TIME_BYTES, _ID_BYTES, _TAG_BYTES = 8, 16, 32


def remember(user_id: UUID, token: str | None, *, jwt_secrets: Sequence[str], now: datetime) -> str:
    """The token of a device that signs in to that account now, and has `token` from before."""
    others = [
        known for known in accounts(token, jwt_secrets=jwt_secrets, now=now) if known != user_id
    ]
    kept = [user_id, *others][:MAXIMUM_ACCOUNTS]
    body = int(now.timestamp()).to_bytes(_TIME_BYTES, "big") + b"".join(each.bytes for each in kept)
    return base64.urlsafe_b64encode(body + _tag(jwt_secrets[0], body)).rstrip(b"=").decode()


def accounts(token: str | None, *, jwt_secrets: Sequence[str], now: datetime) -> Sequence[UUID]:
    """The accounts that the device with that token signed in to; none for an invalid token."""
    try:
        raw = base64.b64decode((token or "") + "==", altchars=b"-_")
    except (binascii.Error, ValueError):
        return []
    body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    if len(body) < _TIME_BYTES or (len(body) - _TIME_BYTES) % _ID_BYTES:
        return []
    if not any(hmac.compare_digest(tag, _tag(secret, body)) for secret in jwt_secrets):
        return []
    signed_in_at = datetime.fromtimestamp(int.from_bytes(body[:_TIME_BYTES], "big"), UTC)
    if now - signed_in_at > DEVICE_LIFETIME:
        return []
    places = range(_TIME_BYTES, len(body), _ID_BYTES)
    return [UUID(bytes=body[place : place + _ID_BYTES]) for place in places]


def _tag(secret: str, body: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"device\0" + body, "sha256")
