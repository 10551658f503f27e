"""Links to files of statements: each names all that it gives access to, encrypted and authenticated."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from domain import errors
from domain.encryption import Encrypted, Keyring, Unreadable
from domain.people.sessions import Principal
from domain.statements.periods import Period
from domain.statements.statements import Format

#: How long a link can be opened.
LIFETIME = timedelta(minutes=5)
#: By how much the clocks of two machines may differ, one of which makes a link that the other opens at once.
_CLOCKS_DIFFER = timedelta(seconds=30)
#: Where links lead, under APP_URL.
PATH = "/statements/"

_PLACE = b"statement link 1"
_KEY_ID_BYTES = 8
_MAXIMUM_CHARACTERS = 600


@dataclass(eq=False)
class LinkExpired(errors.NotFound):
    message: str = "This link has expired. Open the statement again to get a new one."


@dataclass(frozen=True, slots=True)
class Link:
    """A file of a statement, and who requested it when."""

    #: The session or API token that the link was made with: it has to be active when it is opened.
    principal: Principal
    period: Period
    #: The sequence of the last entry that the statement had.
    through: int
    format: Format
    created_at: datetime


def keyring(jwt_secrets: Sequence[str]) -> Keyring:
    """The keys of links, derived from JWT_SECRET."""
    return Keyring(jwt_secrets, "statement link")


def render(link: Link, keys: Keyring) -> str:
    """The last part of the link's path: letters, digits, - and _."""
    principal, period = link.principal, link.period
    content = [
        principal.user_id.hex,
        "session" if principal.session_id is not None else "api_token",
        principal.credential_id.hex,
        period.first_day.isoformat(),
        period.last_day.isoformat(),
        period.time_zone,
        link.through,
        link.format.value,
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
        link = _link(*json.loads(keys.decrypt(stored, _PLACE)))
    except (binascii.Error, ValueError, Unreadable):
        raise errors.NotFound("There is no such statement.") from None
    if not -_CLOCKS_DIFFER <= now - link.created_at < LIFETIME:
        raise LinkExpired
    return link


def _link(  # noqa: PLR0917
    user_id: str,
    credential: str,
    credential_id: str,
    first_day: str,
    last_day: str,
    time_zone: str,
    through: int,
    file_format: str,
    created_at: float,
) -> Link:
    if credential == "session":
        principal = Principal(UUID(user_id), session_id=UUID(credential_id))
    else:
        principal = Principal(UUID(user_id), api_token_id=UUID(credential_id))
    return Link(
        principal,
        Period(date.fromisoformat(first_day), date.fromisoformat(last_day), time_zone),
        through,
        Format(file_format),
        datetime.fromtimestamp(created_at, UTC),
    )
