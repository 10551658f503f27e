"""Second factors: what they are, how they are answered, and the limits on wrong answers.

A challenge is a question to one user for one purpose. Its text is a secret that names its user, so that it
also proves what came before it, such as the correct password. The challenge of WebAuthn is derived from it.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain import errors, ids
from domain.ledger.money import Limits

CHALLENGE_LIFETIME = timedelta(minutes=5)
#: How long a new TOTP secret or passkey can be confirmed.
ENROLMENT_LIFETIME = timedelta(minutes=10)
#: After so many wrong answers a challenge has ended.
MAXIMUM_ATTEMPTS = 10
#: So many wrong answers are accepted by an account within `FAILURE_WINDOW`.
MAXIMUM_FAILURES = 20
FAILURE_WINDOW = timedelta(hours=1)
RECOVERY_CODES = 10
MAXIMUM_PASSKEYS = 20
#: Of MAX_TRANSFER: what is sent without a second factor until the user chooses another amount.
_CONFIRM_ABOVE_DIVISOR = 100
_RECOVERY_BYTES = 10


class SecondFactor(enum.StrEnum):
    """A kind of second factor."""

    TOTP = "TOTP"
    PASSKEY = "PASSKEY"
    RECOVERY_CODE = "RECOVERY_CODE"


class Purpose(enum.StrEnum):
    """What a challenge is for. An answer for one purpose is worth nothing for another."""

    SIGN_IN = "sign_in"
    PASSKEY_SIGN_IN = "passkey_sign_in"
    CONFIRM_SESSION = "confirm_session"
    RESET_PASSWORD = "reset_password"  # noqa: S105
    ENABLE_TOTP = "enable_totp"
    ADD_PASSKEY = "add_passkey"
    TRANSFER = "transfer"


LIFETIMES = {
    purpose: (
        ENROLMENT_LIFETIME
        if purpose in (Purpose.ENABLE_TOTP, Purpose.ADD_PASSKEY)
        else CHALLENGE_LIFETIME
    )
    for purpose in Purpose
}


@dataclass(eq=False)
class InvalidSecondFactor(errors.DomainError):
    message: str = "The second factor was not accepted: it is incorrect, expired or already used. Try again with a new one."


@dataclass(frozen=True, slots=True)
class Answer:
    """A second factor as it was given: exactly one field is set."""

    totp_code: str | None = None
    recovery_code: str | None = None
    #: AuthenticationResponseJSON of WebAuthn Level 3.
    passkey: Mapping[str, Any] | None = None

    @property
    def kind(self) -> SecondFactor:
        if self.passkey is not None:
            return SecondFactor.PASSKEY
        return SecondFactor.TOTP if self.totp_code is not None else SecondFactor.RECOVERY_CODE


@dataclass(frozen=True, slots=True)
class VerifiedFactor:
    """A correct answer that has not been used yet: what has to be stored in the commit that relies on it.

    That commit holds the account's lock and checks again that the challenge and the recovery code are
    unused, that the step is later than the last one, and that the counter has increased.
    """

    user_id: UUID
    kind: SecondFactor
    #: None where the answer needs no challenge.
    challenge_id: UUID | None = None
    totp_id: UUID | None = None
    #: The number of the 30 seconds that the TOTP code was for.
    totp_step: int | None = None
    passkey_id: UUID | None = None
    passkey_counter: int | None = None
    recovery_code_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Totp:
    """An authenticator app. Its secret is stored apart, encrypted."""

    user_id: UUID
    totp_id: UUID
    created_at: datetime
    last_used_at: datetime | None
    last_step: int


@dataclass(frozen=True, slots=True)
class Passkey:
    """A public key of an authenticator of the user."""

    user_id: UUID
    passkey_id: UUID
    credential_id: bytes
    public_key: bytes
    counter: int
    transports: tuple[str, ...]
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What an authenticator answered when it created a passkey."""

    credential_id: bytes
    public_key: bytes
    counter: int
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """The second factors of a user."""

    totp: Totp | None
    passkeys: Sequence[Passkey]
    recovery_codes_left: int
    #: Minor units; None exactly while no second factor is enabled.
    confirm_above_minor: int | None

    @property
    def methods(self) -> list[SecondFactor]:
        """The kinds of answer that the user can give."""
        usable = {
            SecondFactor.TOTP: self.totp is not None,
            SecondFactor.PASSKEY: bool(self.passkeys),
            SecondFactor.RECOVERY_CODE: self.recovery_codes_left > 0,
        }
        return [kind for kind, is_usable in usable.items() if is_usable]


def default_confirm_above_minor(limits: Limits) -> int:
    """The amount above which a transfer takes a second factor, until the user chooses another."""
    return max(limits.maximum_transfer_minor // _CONFIRM_ABOVE_DIVISOR, limits.minimum_minor)


def binding(*parts: object) -> bytes:
    """A digest of what a challenge is bound to: an answer is accepted for the same parts only."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = str(part).encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.digest()


def webauthn_challenge(challenge: str) -> bytes:
    """The challenge that an authenticator signs."""
    return hashlib.sha256(b"webauthn challenge\0" + challenge.encode()).digest()


# ------------------------------------------------ recovery codes


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 random bits, such as "b3kq-72xa-m5pd-vw6t": shown once, stored as hashes."""
    return [_written(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]


def _written(raw: bytes) -> str:
    text = base64.b32encode(raw).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def hash_recovery_code(user_id: UUID, code: str) -> bytes:
    """The stored hash. Case, spaces and hyphens do not matter. With 80 random bits it need not be slow."""
    plain = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(
        b"recovery code\0" + user_id.bytes + plain.encode("utf-8", "surrogatepass")
    ).digest()


# ------------------------------------------------ challenges that belong to no user yet


def new_open_challenge(*, secret: str, now: datetime) -> str:
    """A challenge for a sign-in by passkey alone: signed instead of stored, so that asking costs nothing."""
    body = ids.new_id().bytes + int((now + CHALLENGE_LIFETIME).timestamp()).to_bytes(8, "big")
    return base64.urlsafe_b64encode(body + _tag(secret, body)).rstrip(b"=").decode()


def read_open_challenge(
    text: str, *, jwt_secrets: Sequence[str], now: datetime
) -> tuple[UUID, datetime]:
    """Its id, under which the user who answers it stores it as used, and when it expires.

    Raises InvalidSecondFactor unless it is one of this service and has not expired.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSecondFactor from None
    body, tag = raw[:24], raw[24:]
    if len(body) != 24 or not any(
        hmac.compare_digest(tag, _tag(secret, body)) for secret in jwt_secrets
    ):
        raise InvalidSecondFactor
    expires_at = datetime.fromtimestamp(int.from_bytes(body[16:], "big"), UTC)
    if expires_at <= now:
        raise InvalidSecondFactor
    return UUID(bytes=body[:16]), expires_at


def _tag(secret: str, body: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"passkey sign-in\0" + body, "sha256")
