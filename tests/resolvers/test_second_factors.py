"""Enabling and removing second factors, signing in with them, and confirming sessions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.resolvers import securing
from tests.resolvers.securing import Secured
from tests.resolvers.world import Someone, World

pytestmark = pytest.mark.anyio

REFUSED = "InvalidSecondFactor"


def kind(answer: Any) -> str:
    return str(answer["__typename"])


async def test_the_first_factor_gives_recovery_codes_and_an_amount_and_the_last_takes_them_away(
    world: World, alpha: Someone
) -> None:
    assert await Secured(alpha).settings() == {
        "totp": False, "totpEnabledAt": None, "totpLastUsedAt": None, "passkeys": [],
        "recoveryCodesLeft": 0, "confirmAbove": None,
    }  # fmt: skip
    secured = await securing.with_totp(alpha)
    assert len({*secured.codes}) == 10
    both = await securing.with_passkey(secured)
    settings = await both.settings()
    assert settings["totp"]
    assert settings["totpEnabledAt"]
    assert not settings["totpLastUsedAt"]
    assert settings["recoveryCodesLeft"] == 10
    assert settings["confirmAbove"] == {"amount": "100.00", "currency": "USD"}
    (passkey,) = settings["passkeys"]
    assert (passkey["name"], passkey["lastUsedAt"]) == ("Laptop", None)
    node = "query($id: ID!) { node(id: $id) { ... on Passkey { name } } }"
    assert (await alpha.ask(node, id=passkey["id"])).one == {"name": "Laptop"}
    await alpha.ask(securing.DISABLE_TOTP)
    assert (await both.settings())["recoveryCodesLeft"] == 10
    unknown = {"passkeyId": alpha.id}
    assert kind((await alpha.ask(securing.REMOVE_PASSKEY, input=unknown)).one) == "NotFound"
    removed = await alpha.ask(securing.REMOVE_PASSKEY, input={"passkeyId": passkey["id"]})
    assert kind(removed.one) == "SecurityChanged"
    settings = await both.settings()
    assert (settings["recoveryCodesLeft"], settings["confirmAbove"]) == (0, None)
    assert kind(await world.login(alpha.email)) == "SignedIn"
    messages = (await alpha.ask("{ viewer { notifications { nodes { kind message } } } }")).one
    assert [each["message"] for each in messages["notifications"]["nodes"]] == [
        "The passkey “Laptop” was removed from your account.",
        "The authenticator app of your account was disabled.",
        "The passkey “Laptop” was added to your account.",
        "An authenticator app was enabled for your account.",
    ]
    assert world.mails(alpha.email)[-4:] == ["notification"] * 4


async def test_a_password_and_each_kind_of_second_factor_sign_in(
    world: World, alpha: Someone
) -> None:
    secured = await securing.with_passkey(await securing.with_totp(alpha), counter=5)
    assert secured.authenticator is not None
    asked = await secured.challenge()
    assert asked["methods"] == ["TOTP", "PASSKEY", "RECOVERY_CODE"]
    wrong = await securing.login(world, alpha.email, "not the password")
    unknown = await securing.login(world, "nobody@example.com", "not the password")
    assert kind(wrong) == "InvalidCredentials"
    assert wrong == unknown
    for factor in (
        {"totpCode": secured.code(1)},
        {"passkey": secured.authenticator.get(asked["passkeyOptions"])},
        {"recoveryCode": secured.codes[0].upper().replace("-", " ")},
    ):
        challenge = (
            asked["challenge"] if "passkey" in factor else (await secured.challenge())["challenge"]
        )
        assert kind(await secured.complete(challenge, **factor)) == "SignedIn"
        # Neither the challenge nor the answer works again.
        assert kind(await secured.complete(challenge, **factor)) == REFUSED
        other = (await secured.challenge())["challenge"]
        assert kind(await secured.complete(other, **factor)) == REFUSED
    assert (await secured.settings())["recoveryCodesLeft"] == 9
    assert (await secured.settings())["totpLastUsedAt"] is not None


async def test_a_passkey_alone_signs_in_once_per_challenge(world: World, alpha: Someone) -> None:
    secured = await securing.with_passkey(alpha)
    assert secured.authenticator is not None
    asked = (await world.ask(securing.BEGIN_PASSKEY_LOGIN)).one
    assert asked["options"]["allowCredentials"] == []
    given = {
        "challenge": asked["challenge"],
        "passkey": secured.authenticator.get(asked["options"]),
        "useCookie": True,
    }
    answers = await asyncio.gather(
        *(world.ask(securing.COMPLETE_PASSKEY_LOGIN, input=given) for _ in range(3))
    )
    kinds = sorted(kind(each.one) for each in answers)
    assert kinds == [REFUSED, REFUSED, "SignedIn"]
    (signed_in,) = [each for each in answers if kind(each.one) == "SignedIn"]
    assert signed_in.context.cookie_to_set
    assert signed_in.context.device_token_to_set
    assert signed_in.one["credentials"]["refreshToken"] is None


async def test_an_operator_keeps_the_last_factor(world: World, alpha: Someone) -> None:
    secured = await securing.with_totp(alpha)
    world.sql("INSERT INTO operators (user_id, added_at) VALUES (%s, now())", alpha.user_id)
    before = secured.facts()
    assert (await alpha.ask(securing.DISABLE_TOTP)).code == "FORBIDDEN"
    assert secured.facts() == before
    await securing.with_passkey(secured)
    assert (await alpha.ask(securing.DISABLE_TOTP)).one["viewer"]["security"]["totp"] is False


async def test_the_amount_to_confirm_is_chosen_within_the_limits_and_codes_are_renewed(
    world: World, alpha: Someone
) -> None:
    given = {"amount": "50.00"}
    assert (await alpha.ask(securing.SET_CONFIRM_ABOVE, input=given)).code == "FORBIDDEN"
    assert (await alpha.ask(securing.RENEW)).one == {"codes": []}
    secured = await securing.with_totp(alpha)
    for wrong in ("0", "-1", "0.001", "10000.01"):
        answer = (await alpha.ask(securing.SET_CONFIRM_ABOVE, input={"amount": wrong})).one
        assert kind(answer) == "InvalidAmount"
        assert answer["maximum"]["amount"] == "10000.00"
    await alpha.ask(securing.SET_CONFIRM_ABOVE, input=given)
    assert (await secured.settings())["confirmAbove"]["amount"] == "50.00"
    renewed = (await alpha.ask(securing.RENEW)).one["codes"]
    assert len({*renewed}) == 10
    challenge = (await secured.challenge())["challenge"]
    assert kind(await secured.complete(challenge, recoveryCode=secured.codes[0])) == REFUSED
    assert kind(await secured.complete(challenge, recoveryCode=renewed[0])) == "SignedIn"
