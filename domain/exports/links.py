"""Links to the archives of exports: each names all that it gives access to, encrypted and authenticated."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain import errors
from domain.encryption import Encrypted, Keyring, Unreadable
from domain.people.sessions import Principal
from domain.statements.links import LinkExpired

#: How long a link can be opened.
LIFETIME = timedelta(minutes=5)
#: By how much the clocks of two machines may differ, one of which makes a link that the other opens at once.
_CLOCKS_DIFFER = timedelta(seconds=30)
#: Where links lead, under APP_URL.
PATH = "/exports/"

_PLACE = b"export link 1"
_KEY_ID_BYTES = 8
_MAXIMUM_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Link:
    """An archive, and the session that requested the link."""

    principal: Principal
    export_id: UUID
    created_at: datetime


def keyring(jwt_secrets: Sequence[str]) -> Keyring:
    """The keys of links, derived from JWT_SECRET."""
    return Keyring(jwt_secrets, "export link")


def render(link: Link, keys: Keyring) -> str:
    """The last part of the link's path: letters, digits, - and _."""
    principal = link.principal
    content = [
        principal.user_id.hex,
        principal.credential_id.hex,
        link.export_id.hex,
        link.created_at.timestamp(),
    ]
    stored = keys.encrypt(json.dumps(content, separators=(",", ":")), _PLACE)
    return base64.urlsafe_b64encode(stored.key_id + stored.content).rstrip(b"=").decode()


def read(text: str, keys: Keyring, now: datetime) -> Link:
    """The link. Raises NotFound for one that `render` did not make, or LinkExpired."""
    try:
        if len(text) > _MAXIMUM_CHARACTERS:
            raise ValueError
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        stored = Encrypted(data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])
        user_id, session_id, export_id, created_at = json.loads(keys.decrypt(stored, _PLACE))
    except (binascii.Error, ValueError, Unreadable):
        raise errors.NotFound("There is no such export.") from None
    link = Link(
        Principal(UUID(user_id), session_id=UUID(session_id)),
        UUID(export_id),
        datetime.fromtimestamp(created_at, UTC),
    )
    if not -_CLOCKS_DIFFER <= now - link.created_at < LIFETIME:
        raise LinkExpired("This link has expired. Open the settings again to get a new one.")
    return link
