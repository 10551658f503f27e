"""Authenticator apps of users in tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp

from application import enrol_second_factor
from domain.people.sessions import Principal
from tests.resolvers.world import Someone


@dataclass
class AuthenticatorApp:
    """The app of that user, with the recovery codes that it came with."""

    owner: Someone
    secret: str
    recovery_codes: Sequence[str]

    def code(self) -> str:
        """The code of now, as if none had been used before."""
        self.owner.world.sql(
            "UPDATE totp_factors SET last_step = 0 WHERE user_id = %s", self.owner.user_id
        )
        return pyotp.TOTP(self.secret).now()

    def wrong_code(self) -> str:
        """A code that is not accepted."""
        app, now = pyotp.TOTP(self.secret), datetime.now(UTC)
        accepted = {app.at(now + timedelta(seconds=30 * step)) for step in range(-3, 4)}
        return next(code for code in ("000000", "111111", "222222") if code not in accepted)

    def answer(self, refused: dict[str, Any], code: str | None = None) -> dict[str, Any]:
        """The `confirmation` for a request that was refused with that ConfirmationRequired."""
        return {
            "challenge": refused["challenge"],
            "secondFactor": {"totpCode": code or self.code()},
        }


async def enable(owner: Someone, confirm_above: int | None = None) -> AuthenticatorApp:
    """Enable an authenticator app; transfers above that amount, in minor units, need it."""
    services = owner.world.services
    caller: Principal | None = await owner.world.principal(owner.bearer)
    assert caller is not None
    begun = await enrol_second_factor.begin_totp(services, caller)
    codes = await enrol_second_factor.enable_totp(
        services, caller, challenge=begun.challenge, code=pyotp.TOTP(begun.secret).now()
    )
    if confirm_above is not None:
        owner.world.sql(
            "UPDATE users SET confirm_above = %s WHERE id = %s", confirm_above, owner.user_id
        )
    assert codes is not None
    return AuthenticatorApp(owner, begun.secret, codes)
