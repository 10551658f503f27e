"""Users with second factors: enabling them, and signing in and confirming with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from tests import authenticators
from tests.authenticators import Authenticator
from tests.resolvers.world import PASSWORD, Someone, World

LOGIN = """
mutation($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on SignedIn { credentials { accessToken refreshToken } viewer { id } }
    ... on SecondFactorRequired { challenge methods passkeyOptions }
    ... on UserError { message }
  }
}
"""
_SIGNED_IN = """
    __typename
    ... on SignedIn { credentials { accessToken refreshToken } viewer { id } }
    ... on UserError { message }
"""
COMPLETE = (
    f"mutation($input: CompleteLoginInput!) {{ completeLogin(input: $input) {{{_SIGNED_IN}}} }}"
)
BEGIN_PASSKEY_LOGIN = "mutation { beginPasskeyLogin { challenge options } }"
COMPLETE_PASSKEY_LOGIN = (
    "mutation($input: CompletePasskeyLoginInput!) "
    f"{{ completePasskeyLogin(input: $input) {{{_SIGNED_IN}}} }}"
)
CONFIRM = """
mutation($input: ConfirmSessionInput!) {
  confirmSession(input: $input) { __typename ... on SessionConfirmed { until } ... on UserError { message } }
}
"""
BEGIN_CONFIRMATION = "mutation { beginSessionConfirmation { challenge options } }"
BEGIN_TOTP = "mutation { beginTotp { challenge uri secret qrCode } }"
_ENABLED = """
    __typename
    ... on SecondFactorEnabled { recoveryCodes viewer { id } }
    ... on UserError { message }
"""
ENABLE_TOTP = f"mutation($input: EnableTotpInput!) {{ enableTotp(input: $input) {{{_ENABLED}}} }}"
BEGIN_PASSKEY = "mutation { beginPasskey { challenge options } }"
ADD_PASSKEY = f"mutation($input: AddPasskeyInput!) {{ addPasskey(input: $input) {{{_ENABLED}}} }}"
DISABLE_TOTP = "mutation { disableTotp { viewer { security { totp confirmAbove { amount } } } } }"
REMOVE_PASSKEY = """
mutation($input: RemovePasskeyInput!) { removePasskey(input: $input) { __typename } }
"""
RENEW = "mutation { renewRecoveryCodes { codes } }"
SET_CONFIRM_ABOVE = """
mutation($input: SetConfirmAboveInput!) {
  setConfirmAbove(input: $input) {
    __typename
    ... on SecurityChanged { viewer { security { confirmAbove { amount } } } }
    ... on InvalidAmount { minimum { amount } maximum { amount } }
  }
}
"""
SECURITY = """
{ viewer { security { totp totpEnabledAt totpLastUsedAt passkeys { id name createdAt lastUsedAt }
  recoveryCodesLeft confirmAbove { amount currency } } } }
"""
#: What takes a confirmed session, with an input that is good.
GUARDED: dict[str, tuple[str, dict[str, Any] | None]] = {
    "beginTotp": (BEGIN_TOTP, None),
    "disableTotp": (DISABLE_TOTP, None),
    "beginPasskey": (BEGIN_PASSKEY, None),
    "renewRecoveryCodes": (RENEW, None),
    "setConfirmAbove": (SET_CONFIRM_ABOVE, {"amount": "5000"}),
    "createApiToken": (
        "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) { __typename } }",
        {"name": "till", "scopes": ["SEND_MONEY"], "dailyLimit": "10"},
    ),
    "createWebhook": (
        "mutation($input: CreateWebhookInput!) { createWebhook(input: $input) { __typename } }",
        {"url": "https://127.0.0.1/hook", "stream": "WALLET_EVENTS"},
    ),
    "changePassword": (
        "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }",
        {"currentPassword": PASSWORD, "newPassword": "a new long password"},
    ),
}


@dataclass
class Secured:
    """A user with second factors."""

    someone: Someone
    secret: str = ""
    codes: list[str] = field(default_factory=list)
    authenticator: Authenticator | None = None

    @property
    def world(self) -> World:
        return self.someone.world

    def now(self) -> datetime:
        """The database's time, which codes are verified with."""
        ((now,),) = self.world.sql("SELECT clock_timestamp()")
        assert isinstance(now, datetime)
        return now

    def code(self, steps: int = 0) -> str:
        """The code of the app, or so many steps later."""
        return authenticators.code(self.secret, self.now(), steps=steps)

    def used_code(self) -> str:
        """The code that was accepted last, however long ago."""
        ((step,),) = self.world.sql(
            "SELECT last_step FROM totp_factors WHERE user_id = %s", self.someone.user_id
        )
        return authenticators.code(self.secret, datetime.fromtimestamp(0, UTC), steps=step)

    def fresh_code(self) -> str:
        """A code that is accepted, whatever was used before."""
        self.world.sql(
            "UPDATE totp_factors SET last_step = 0 WHERE user_id = %s", self.someone.user_id
        )
        return self.code()

    async def challenge(self) -> dict[str, Any]:
        """What `login` returns after the correct password."""
        asked: dict[str, Any] = await login(self.world, self.someone.email)
        assert asked["__typename"] == "SecondFactorRequired", asked
        return asked

    async def complete(self, challenge: str, **factor: Any) -> Any:
        return (await self.world.ask(COMPLETE, input=completing(challenge, **factor))).one

    async def confirm(self, **given: Any) -> Any:
        return (await self.someone.ask(CONFIRM, input=given)).one

    async def settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = (await self.someone.ask(SECURITY)).one["security"]
        return settings

    def facts(self) -> list[tuple[Any, ...]]:
        """What a refusal must leave as it is, apart from the count of wrong answers."""
        return [
            row
            for query in (
                "SELECT id, confirm_above, password_hash FROM users WHERE id = %s",
                "SELECT id, ended_at, confirmed_at, confirmed_by_factor FROM sessions "
                "WHERE user_id = %s ORDER BY id",
                "SELECT id, last_step FROM totp_factors WHERE user_id = %s",
                "SELECT id, counter, last_used_at FROM passkeys WHERE user_id = %s ORDER BY id",
                "SELECT id, used_at FROM recovery_codes WHERE user_id = %s ORDER BY id",
                "SELECT id, used_at FROM second_factor_challenges WHERE user_id = %s ORDER BY id",
            )
            for row in self.world.sql(query, self.someone.user_id)
        ]


async def login(world: World, email: str, password: str = PASSWORD, **asked: Any) -> Any:
    return (await world.ask(LOGIN, **asked, input={"email": email, "password": password})).one


def completing(challenge: str, **factor: Any) -> dict[str, Any]:
    return {"challenge": challenge, "secondFactor": factor}


async def with_totp(someone: Someone) -> Secured:
    """Enable an authenticator app for them; its present code was used."""
    begun = (await someone.ask(BEGIN_TOTP)).one
    secured = Secured(someone, begun["secret"])
    answer = (
        await someone.ask(
            ENABLE_TOTP, input={"challenge": begun["challenge"], "code": secured.code()}
        )
    ).one
    assert answer["__typename"] == "SecondFactorEnabled", answer
    secured.codes = answer["recoveryCodes"] or []
    return secured


def authenticator_of(world: World, **changed: Any) -> Authenticator:
    app_url = world.services.settings.app_url
    return Authenticator(app_url, urlsplit(app_url).hostname or "", **changed)


async def with_passkey(secured: Someone | Secured, name: str = "Laptop", **changed: Any) -> Secured:
    """Add a passkey for them."""
    if isinstance(secured, Someone):
        secured = Secured(secured)
    authenticator = authenticator_of(secured.world, **changed)
    begun = (await secured.someone.ask(BEGIN_PASSKEY)).one
    answer = (
        await secured.someone.ask(
            ADD_PASSKEY,
            input={
                "challenge": begun["challenge"],
                "name": name,
                "passkey": authenticator.create(begun["options"]),
            },
        )
    ).one
    assert answer["__typename"] == "SecondFactorEnabled", answer
    secured.codes = answer["recoveryCodes"] or secured.codes
    secured.authenticator = authenticator
    return secured


def grow_old(someone: Someone) -> None:
    """Let the confirmations of all their sessions be of an hour ago."""
    someone.world.sql(
        "UPDATE sessions SET created_at = created_at - interval '1 hour', "
        "confirmed_at = confirmed_at - interval '1 hour' WHERE user_id = %s",
        someone.user_id,
    )
