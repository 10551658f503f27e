"""What users change of their second factors: remove them, renew recovery codes, set the amount to confirm."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from domain import errors
from domain.notifications.notification_kinds import SecurityChange
from domain.people.sessions import Principal
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import persons, second_factors

_DELETE_TOTP = text("DELETE FROM totp_factors WHERE user_id = :user_id RETURNING id")
_DELETE_PASSKEY = text("DELETE FROM passkeys WHERE user_id = :user_id AND id = :id RETURNING name")
_FORGET_CONFIRMATIONS = text(
    "UPDATE sessions SET confirmed_by_factor = false "
    "WHERE user_id = :user_id AND confirmed_by_factor"
)
_DELETE_CODES = text("DELETE FROM recovery_codes WHERE user_id = :user_id")
_SET_CONFIRM_ABOVE = text("UPDATE users SET confirm_above = :amount WHERE id = :user_id")


async def disable_totp(db: Database, caller: Principal) -> None:
    """Remove the caller's authenticator app; nothing changes without one.

    Raises Unauthenticated if the session has ended, or SessionNotConfirmed.
    """

    async def work(unit: Unit) -> None:
        await persons.lock_caller(unit, caller, confirmed=True)
        own = {"user_id": caller.user_id}
        if (await unit.connection.scalar(_DELETE_TOTP, own)) is not None:
            await _removed(unit, caller.user_id)
            await second_factors.tell(unit, caller.user_id, SecurityChange.TOTP_DISABLED)

    await unit_of_work.run(db, work)


async def remove_passkey(db: Database, caller: Principal, passkey_id: UUID) -> None:
    """Remove a passkey of the caller's. Raises NotFound, and as `disable_totp`."""

    async def work(unit: Unit) -> None:
        await persons.lock_caller(unit, caller, confirmed=True)
        parameters = {"user_id": caller.user_id, "id": passkey_id}
        name: str | None = await unit.connection.scalar(_DELETE_PASSKEY, parameters)
        if name is None:
            raise errors.NotFound
        await _removed(unit, caller.user_id)
        await second_factors.tell(unit, caller.user_id, SecurityChange.PASSKEY_REMOVED, name)

    await unit_of_work.run(db, work)


async def _removed(unit: Unit, user_id: UUID) -> None:
    """Without any factor left, delete the recovery codes and the amount, and end confirmations of sessions.

    Raises Forbidden for the last factor of an operator.
    """
    left = (await second_factors.within(unit.connection, user_id)).settings
    if left.totp is None and not left.passkeys:
        if await persons.is_operator(unit, user_id):
            raise errors.Forbidden(
                "Operators must keep a second factor. Add another one before you remove this one."
            )
        await unit.connection.execute(_DELETE_CODES, {"user_id": user_id})
        await unit.connection.execute(_SET_CONFIRM_ABOVE, {"user_id": user_id, "amount": None})
        await unit.connection.execute(_FORGET_CONFIRMATIONS, {"user_id": user_id})


async def renew_codes(db: Database, caller: Principal) -> list[str]:
    """New recovery codes of the caller's; none without a second factor. Raises as `disable_totp`."""

    async def work(unit: Unit) -> list[str]:
        person = await persons.lock_caller(unit, caller, confirmed=True)
        if person.confirm_above is None:
            return []
        codes = await second_factors.replace_codes(unit, caller.user_id, await unit.clock())
        await second_factors.tell(unit, caller.user_id, SecurityChange.RECOVERY_CODES_RENEWED)
        return codes

    return await unit_of_work.run(db, work)


async def set_confirm_above(db: Database, caller: Principal, amount_minor: int) -> None:
    """Choose the amount above which transfers take a second factor.

    Raises Forbidden without a second factor, and as `disable_totp`.
    """

    async def work(unit: Unit) -> None:
        person = await persons.lock_caller(unit, caller, confirmed=True)
        if person.confirm_above is None:
            raise errors.Forbidden("Enable an authenticator app or a passkey first.")
        await unit.connection.execute(
            _SET_CONFIRM_ABOVE, {"user_id": caller.user_id, "amount": amount_minor}
        )
        await second_factors.tell(unit, caller.user_id, SecurityChange.CONFIRM_ABOVE_CHANGED)

    await unit_of_work.run(db, work)
