"""Second factors of users: stored, read, used and removed. Everything is written under the user's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import errors, ids
from domain.encryption import Keyring
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind, SecurityChange
from domain.people import second_factors as rules
from domain.people.second_factors import (
    InvalidSecondFactor,
    NewPasskey,
    Passkey,
    SecondFactor,
    SecuritySettings,
    Totp,
    VerifiedFactor,
)
from domain.people.sessions import Principal
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import factor_secrets

_TOTP = text("SELECT * FROM totp_factors WHERE user_id = :user_id")
_PASSKEYS = text("SELECT * FROM passkeys WHERE user_id = :user_id ORDER BY id")
_CODES = text(
    "SELECT id, code_hash FROM recovery_codes WHERE user_id = :user_id AND used_at IS NULL"
)
_CONFIRM_ABOVE = text("SELECT confirm_above FROM users WHERE id = :user_id")
_SET_CONFIRM_ABOVE = text("UPDATE users SET confirm_above = :amount WHERE id = :user_id")
_INSERT_TOTP = text(
    "INSERT INTO totp_factors (user_id, id, key_id, encrypted, last_step, created_at) "
    "VALUES (:user_id, :id, :key_id, :encrypted, :step, :now)"
)
_DELETE_TOTP = text("DELETE FROM totp_factors WHERE user_id = :user_id RETURNING id")
_INSERT_PASSKEY = text(
    "INSERT INTO passkeys (user_id, id, credential_id, public_key, counter, transports, name, "
    "created_at) VALUES (:user_id, :id, :credential_id, :public_key, :counter, :transports, :name, :now)"
)
_INSERT_CODE = text(
    "INSERT INTO recovery_codes (user_id, id, code_hash, created_at) "
    "VALUES (:user_id, :id, :code_hash, :now)"
)
_DELETE_CODES = text("DELETE FROM recovery_codes WHERE user_id = :user_id")
_CONFIRM = text(
    "UPDATE sessions SET confirmed_at = :now, confirmed_by_factor = true "
    "WHERE user_id = :user_id AND id = :session_id"
)
_USE_TOTP = text(
    "UPDATE totp_factors SET last_step = :step, last_used_at = :now "
    "WHERE user_id = :user_id AND id = :id AND last_step < :step"
)
_USE_PASSKEY = text(
    "UPDATE passkeys SET counter = :counter, last_used_at = :now "
    "WHERE user_id = :user_id AND id = :id AND (counter < :counter OR (counter = 0 AND :counter = 0))"
)
_USE_CODE = text(
    "UPDATE recovery_codes SET used_at = :now "
    "WHERE user_id = :user_id AND id = :id AND used_at IS NULL"
)
_USE_CHALLENGE = text(
    "UPDATE second_factor_challenges SET used_at = :now "
    "WHERE user_id = :user_id AND id = :id AND used_at IS NULL"
)


# ================================================================ reading


@dataclass(frozen=True, slots=True)
class Stored:
    """What the answers of a user are verified against."""

    settings: SecuritySettings
    totp_secret: str | None
    #: Hashes of recovery codes that were not used, with their ids.
    recovery_codes: Sequence[tuple[UUID, bytes]]


async def within(connection: AsyncConnection, user_id: UUID, keys: Keyring | None = None) -> Stored:
    """The user's second factors; the secret only with the keys."""
    parameters = {"user_id": user_id}
    totp = (await connection.execute(_TOTP, parameters)).one_or_none()
    passkeys = [_passkey(row) for row in await connection.execute(_PASSKEYS, parameters)]
    codes = [(row.id, bytes(row.code_hash)) for row in await connection.execute(_CODES, parameters)]
    settings = SecuritySettings(
        totp=None
        if totp is None
        else Totp(totp.user_id, totp.id, totp.created_at, totp.last_used_at, totp.last_step),
        passkeys=passkeys,
        recovery_codes_left=len(codes),
        confirm_above_minor=await connection.scalar(_CONFIRM_ABOVE, parameters),
    )
    secret = None if totp is None or keys is None else factor_secrets.decrypt(keys, totp)
    return Stored(settings, secret, codes)


async def settings_of(db: Database, user_id: UUID) -> SecuritySettings:
    """The user's second factors, without their secrets. Raises Unavailable."""
    return (await db.read(lambda connection: within(connection, user_id))).settings


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(
        user_id=row.user_id,
        passkey_id=row.id,
        credential_id=bytes(row.credential_id),
        public_key=bytes(row.public_key),
        counter=row.counter,
        transports=tuple(row.transports),
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )


# ================================================================ using, under the user's lock


async def consume(unit: Unit, verified: VerifiedFactor, now: datetime) -> None:
    """Use a correct answer and its challenge: once, whatever else has verified them meanwhile.

    The user is locked. A used recovery code is notified. Raises InvalidSecondFactor.
    """
    own = {"user_id": verified.user_id, "now": now}
    if verified.challenge_id is not None:
        await use_challenge(unit, verified.user_id, verified.challenge_id, now)
    statement, parameters = _use_of(verified)
    if (await unit.connection.execute(statement, {**own, **parameters})).rowcount != 1:
        raise InvalidSecondFactor
    if verified.kind is SecondFactor.RECOVERY_CODE:
        await tell(unit, verified.user_id, SecurityChange.RECOVERY_CODE_USED)


def _use_of(verified: VerifiedFactor) -> tuple[Any, dict[str, Any]]:
    match verified.kind:
        case SecondFactor.TOTP:
            return _USE_TOTP, {"id": verified.totp_id, "step": verified.totp_step}
        case SecondFactor.PASSKEY:
            return _USE_PASSKEY, {"id": verified.passkey_id, "counter": verified.passkey_counter}
        case SecondFactor.RECOVERY_CODE:
            return _USE_CODE, {"id": verified.recovery_code_id}


async def use_challenge(unit: Unit, user_id: UUID, challenge_id: UUID, now: datetime) -> None:
    """Use a challenge of the locked user. Raises InvalidSecondFactor if it was used before."""
    parameters = {"user_id": user_id, "id": challenge_id, "now": now}
    if (await unit.connection.execute(_USE_CHALLENGE, parameters)).rowcount != 1:
        raise InvalidSecondFactor


async def tell(unit: Unit, user_id: UUID, change: SecurityChange, name: str | None = None) -> None:
    """Notify the user of a change of the second factors, also by mail."""
    details = {"change": change.value} | ({} if name is None else {"name": name})
    await notifying.notify(
        unit, [Notice(user_id, NotificationKind.SECURITY_CHANGED, details=details)]
    )


# ================================================================ enabling, under the user's lock


async def enable_totp(
    unit: Unit, keys: Keyring, user_id: UUID, secret: str, *, step: int, now: datetime
) -> None:
    """Store an authenticator app, in place of one that the user had; `step` is that of its first code."""
    totp_id = ids.new_id()
    await unit.connection.execute(_DELETE_TOTP, {"user_id": user_id})
    stored = factor_secrets.encrypt(keys, user_id, totp_id, secret)
    await unit.connection.execute(
        _INSERT_TOTP,
        {
            "user_id": user_id,
            "id": totp_id,
            "key_id": stored.key_id,
            "encrypted": stored.content,
            "step": step,
            "now": now,
        },
    )


async def add_passkey(
    unit: Unit, user_id: UUID, created: NewPasskey, *, name: str, now: datetime
) -> None:
    """Store a passkey. Raises InvalidInput past the maximum, InvalidSecondFactor for one that is known."""
    rows = (await unit.connection.execute(_PASSKEYS, {"user_id": user_id})).all()
    if any(bytes(row.credential_id) == created.credential_id for row in rows):
        raise InvalidSecondFactor
    if len(rows) >= rules.MAXIMUM_PASSKEYS:
        raise errors.invalid(
            "name", f"You have {rules.MAXIMUM_PASSKEYS} passkeys, the maximum. Remove one first."
        )
    await unit.connection.execute(
        _INSERT_PASSKEY,
        {
            "user_id": user_id,
            "id": ids.new_id(),
            "credential_id": created.credential_id,
            "public_key": created.public_key,
            "counter": created.counter,
            "transports": list(created.transports),
            "name": name,
            "now": now,
        },
    )


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who enables a factor, and what the account gets with the first one."""

    caller: Principal
    change: SecurityChange
    #: Of the passkey.
    name: str | None
    confirm_above_minor: int


async def enabled(
    unit: Unit, person: Row[Any], enrolment: Enrolment, now: datetime
) -> list[str] | None:
    """After a factor of a locked user was stored: recovery codes if it is the first.

    Only the session that enabled it counts as confirmed, by it. The user is told.
    """
    caller = enrolment.caller
    own = {"user_id": caller.user_id}
    await unit.connection.execute(_CONFIRM, {**own, "session_id": caller.session_id, "now": now})
    codes = None
    if person.confirm_above is None:
        amount = {"amount": enrolment.confirm_above_minor}
        await unit.connection.execute(_SET_CONFIRM_ABOVE, {**own, **amount})
        codes = await replace_codes(unit, caller.user_id, now)
    await tell(unit, caller.user_id, enrolment.change, enrolment.name)
    return codes


async def replace_codes(unit: Unit, user_id: UUID, now: datetime) -> list[str]:
    """New recovery codes in place of all earlier ones."""
    codes = rules.new_recovery_codes()
    await unit.connection.execute(_DELETE_CODES, {"user_id": user_id})
    await unit.connection.execute(
        _INSERT_CODE,
        [
            {
                "user_id": user_id,
                "id": ids.new_id(),
                "code_hash": rules.hash_recovery_code(user_id, code),
                "now": now,
            }
            for code in codes
        ],
    )
    return codes
