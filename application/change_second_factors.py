"""Change second factors that are enabled: remove them, renew recovery codes, set the amount to confirm."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from application.services import Services
from domain import errors
from domain.ledger import transfers
from domain.people.second_factors import SecuritySettings
from domain.people.sessions import Principal
from persistence.people import factor_changes, second_factors


async def settings(services: Services, user_id: UUID) -> SecuritySettings:
    """The user's second factors."""
    return await second_factors.settings_of(services.database, user_id)


async def disable_totp(services: Services, caller: Principal) -> None:
    """Remove the authenticator app, if there is one. Raises SessionNotConfirmed."""
    await factor_changes.disable_totp(services.database, caller)
    services.wake_relay()


async def remove_passkey(services: Services, caller: Principal, passkey_id: UUID | None) -> None:
    """Remove a passkey. Raises NotFound, also for None, and SessionNotConfirmed."""
    if passkey_id is None:
        raise errors.NotFound
    await factor_changes.remove_passkey(services.database, caller, passkey_id)
    services.wake_relay()


async def renew_recovery_codes(services: Services, caller: Principal) -> list[str]:
    """New codes in place of all earlier ones; none without a second factor. Raises SessionNotConfirmed."""
    codes = await factor_changes.renew_codes(services.database, caller)
    services.wake_relay()
    return codes


async def set_confirm_above(services: Services, caller: Principal, amount: Decimal) -> None:
    """Choose the amount, in whole units, above which transfers take a second factor.

    Raises InvalidAmount, Forbidden without a second factor, and SessionNotConfirmed.
    """
    amount_minor = transfers.check_amount(
        amount,
        services.limits,
        maximum_minor=services.limits.maximum_transfer_minor,
        what="The amount",
    )
    await factor_changes.set_confirm_above(services.database, caller, amount_minor)
    services.wake_relay()
