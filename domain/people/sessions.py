"""Sessions and tokens: access tokens, refresh tokens, API tokens and the tokens of links in mails.

All secrets contain the id of their user, so that each is looked up by primary key among that user's
rows. Only SHA-256 hashes of them are stored: with 256 random bits, a slow hash would not make them safer.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

from domain import authority, errors
from domain.authority import Authority

#: How long a session lives without being refreshed.
SESSION_IDLE_LIFETIME = timedelta(days=30)
#: How long a session lives at most, however often it is refreshed.
SESSION_MAXIMUM_LIFETIME = timedelta(days=180)
#: How long a session counts as confirmed after sign-in or confirmation.
SESSION_CONFIRMED_FOR = timedelta(hours=1)
#: How long after its verification the first sign-in to an account is not reported to its owner.
FIRST_SIGN_IN_WITHIN = timedelta(days=7)
#: How long the previous refresh token is still accepted, with the same successor.
REFRESH_GRACE = timedelta(seconds=30)
#: Reads and sockets end within this time after their session.
SESSION_END_SECONDS = 5.0

AUDIENCE = "mini-wallet"
ALGORITHM = "HS256"
API_TOKEN_PREFIX = "mw_"  # noqa: S105
_SECRET_BYTES = 32


class Scope(enum.StrEnum):
    """What a program may do with an API token."""

    READ_PROFILE = "READ_PROFILE"
    READ_TRANSACTIONS = "READ_TRANSACTIONS"
    SEARCH_USERS = "SEARCH_USERS"
    ADD_BALANCE = "ADD_BALANCE"
    SEND_MONEY = "SEND_MONEY"
    SCHEDULE_TRANSFERS = "SCHEDULE_TRANSFERS"
    REQUEST_MONEY = "REQUEST_MONEY"
    MANAGE_WEBHOOKS = "MANAGE_WEBHOOKS"


def known_scopes(stored: Iterable[str]) -> list[Scope]:
    """The scopes that this release knows: a token of a newer one may have others, which grant nothing here."""
    return [Scope(scope) for scope in stored if scope in _SCOPES]


_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """The sender of a request: a user through a session, or a program through an API token of that user."""

    user_id: UUID
    session_id: UUID | None = None
    api_token_id: UUID | None = None
    #: What the API token may do; None for a session, which may do everything.
    scopes: frozenset[Scope] | None = None
    #: When the bearer token itself expires.
    expires_at: datetime | None = None
    #: The session or the API token as the authority of commands; created once, not per command.
    authority: Authority = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        acting: Authority
        if self.session_id is not None:
            acting = authority.Session(self.user_id, self.session_id)
        else:
            assert self.api_token_id is not None
            acting = authority.ApiToken(self.user_id, self.api_token_id)
        object.__setattr__(self, "authority", acting)

    @property
    def credential_id(self) -> UUID:
        """The id of the session or of the API token."""
        return self.authority.id

    def may(self, scope: Scope) -> bool:
        return self.scopes is None or scope in self.scopes


@dataclass(frozen=True, slots=True)
class Session:
    """A device or program that is signed in."""

    user_id: UUID
    session_id: UUID
    user_agent: str | None
    ip_address: str | None
    created_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A credential for a program that acts for its owner. The limit is in minor units."""

    user_id: UUID
    api_token_id: UUID
    name: str
    scopes: tuple[Scope, ...]
    daily_limit_minor: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def hash_secret(secret: str) -> bytes:
    """The stored hash of a refresh token, an API token or the token of a link."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str, length: int) -> bytes | None:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # With other values of the unused bits, the same secret would have a second spelling.
    return raw if len(raw) == length and _encode(raw) == text else None


def session_lifetime_left(began_at: datetime, now: datetime) -> timedelta:
    """How long a session that is refreshed now lives without another refresh."""
    return min(SESSION_IDLE_LIFETIME, began_at + SESSION_MAXIMUM_LIFETIME - now)


# ------------------------------------------------ access tokens


class NotABearer(errors.Unauthenticated):
    """The `Authorization` header has no bearer token: usually because of an error in the client."""

    def __init__(self) -> None:
        super().__init__(
            "The Authorization header carries no token: send `Bearer` and one access token, or no header."
        )


class TokenExpired(errors.Unauthenticated):
    """The token is genuine but has expired: a new one is needed."""

    def __init__(self) -> None:
        super().__init__(
            "The token has expired. Refresh the session, or create another API token, and try again."
        )


def issue_access_token(
    principal: Principal, *, issuer: str, secret: str, lifetime: timedelta, now: datetime
) -> tuple[str, datetime]:
    """A signed JWT (RFC 7519) for a session, and when it expires (whole seconds)."""
    issued_at = now.replace(microsecond=0)
    expires_at = issued_at + lifetime
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": str(principal.user_id),
        "sid": str(principal.session_id),
        "typ": "access",
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM, headers={"typ": "at+jwt"}), expires_at


def verify_access_token(
    token: str, *, issuer: str, jwt_secrets: Sequence[str], now: datetime
) -> Principal:
    """The principal, verified by signature, algorithm, issuer, audience, purpose and expiry (RFC 8725).

    Raises TokenExpired for a genuine but expired token, Unauthenticated for any other.
    """
    for secret in jwt_secrets:
        try:
            decoded = jwt.decode_complete(
                token,
                secret,
                algorithms=[ALGORITHM],
                issuer=issuer,
                audience=AUDIENCE,
                # Expiry is checked below, with the caller's clock.
                options={
                    "require": ["iss", "aud", "sub", "sid", "typ", "iat", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            claims = decoded["payload"]
            principal = Principal(
                user_id=UUID(claims["sub"]),
                session_id=UUID(claims["sid"]),
                expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
            )
        except (
            jwt.InvalidTokenError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            OSError,
        ):
            continue
        if claims["typ"] != "access" or decoded["header"].get("typ") != "at+jwt":
            break
        if principal.expires_at is None or principal.expires_at <= now:
            raise TokenExpired
        return principal
    raise errors.Unauthenticated("The access token is not valid. Sign in again.")


# ------------------------------------------------ refresh tokens


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token: its session, its generation, and its secret."""

    user_id: UUID
    session_id: UUID
    generation: int
    secret: bytes

    def render(self, key: str) -> str:
        """The token for the client: its parts, and a tag that proves that this service made it."""
        body = self._body()
        return _encode(body + _tag(key, b"refresh tag", body))

    def successor(self, key: str) -> RefreshToken:
        """The successor. Derived, so that two tabs, or a retry after a lost response, get the same one."""
        return RefreshToken(
            self.user_id,
            self.session_id,
            self.generation + 1,
            _tag(key, b"refresh successor", self._body()),
        )

    def _body(self) -> bytes:
        return (
            self.user_id.bytes
            + self.session_id.bytes
            + self.generation.to_bytes(8, "big")
            + self.secret
        )


_BODY_BYTES = 16 + 16 + 8 + _SECRET_BYTES


def first_refresh_token(user_id: UUID, session_id: UUID) -> RefreshToken:
    """The first token of a session; its generation is 1."""
    return RefreshToken(user_id, session_id, 1, secrets.token_bytes(_SECRET_BYTES))


def read_refresh_token(text: str, jwt_secrets: Sequence[str]) -> RefreshToken:
    """The token's parts. Raises InvalidToken unless this service made it."""
    raw = _decode(text, _BODY_BYTES + _SECRET_BYTES)
    if raw is not None:
        body, tag = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        for key in jwt_secrets:
            if hmac.compare_digest(tag, _tag(key, b"refresh tag", body)):
                return RefreshToken(
                    UUID(bytes=body[:16]),
                    UUID(bytes=body[16:32]),
                    int.from_bytes(body[32:40], "big"),
                    body[40:],
                )
    raise errors.InvalidToken("This refresh token is not valid. Sign in again.")


class RefreshVerdict(enum.Enum):
    """What to do with a genuine refresh token of an active session."""

    #: The newest: issue its successor.
    ROTATE = enum.auto()
    #: The previous one, within the grace period: return the newest again.
    REPEAT = enum.auto()
    #: Older, or after the grace period: it has been stolen. End the session.
    END_SESSION = enum.auto()


def judge_refresh(
    token: RefreshToken, *, newest_generation: int, rotated_at: datetime, now: datetime
) -> RefreshVerdict:
    """What to do with a genuine token, given the session's newest generation and its age."""
    if token.generation == newest_generation:
        return RefreshVerdict.ROTATE
    if token.generation == newest_generation - 1 and now - rotated_at <= REFRESH_GRACE:
        return RefreshVerdict.REPEAT
    return RefreshVerdict.END_SESSION


def _tag(key: str, purpose: bytes, body: bytes) -> bytes:
    return hmac.digest(key.encode(), purpose + b"\0" + body, "sha256")


# ------------------------------------------------ API tokens and links: user, row and secret


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """A secret that contains the ids of its user and its row."""

    user_id: UUID
    row_id: UUID
    text: str


def new_api_token(user_id: UUID, api_token_id: UUID) -> str:
    """`mw_…`: shown once, stored as a hash."""
    return API_TOKEN_PREFIX + _new_named_secret(user_id, api_token_id)


def read_api_token(text: str) -> NamedSecret | None:
    """The ids in an API token, not yet verified; None if malformed."""
    return _read_named_secret(text, API_TOKEN_PREFIX)


def new_link_token(user_id: UUID, link_id: UUID) -> str:
    """The token of a link in a mail: created when the mail is rendered, stored as a hash."""
    return _new_named_secret(user_id, link_id)


def read_link_token(text: str) -> NamedSecret | None:
    """The ids in the token of a link, not yet verified; None if malformed."""
    return _read_named_secret(text, "")


def new_challenge(user_id: UUID, challenge_id: UUID) -> str:
    """A challenge for a second factor: shown to the client, stored as a hash."""
    return _new_named_secret(user_id, challenge_id)


def read_challenge(text: str) -> NamedSecret | None:
    """The ids in a challenge, not yet verified; None if malformed."""
    return _read_named_secret(text, "")


def _new_named_secret(user_id: UUID, row_id: UUID) -> str:
    return _encode(user_id.bytes + row_id.bytes + secrets.token_bytes(_SECRET_BYTES))


def _read_named_secret(text: str, prefix: str) -> NamedSecret | None:
    if not text.startswith(prefix):
        return None
    raw = _decode(text[len(prefix) :], 16 + 16 + _SECRET_BYTES)
    if raw is None:
        return None
    return NamedSecret(UUID(bytes=raw[:16]), UUID(bytes=raw[16:32]), text)
