"""Second factors as strangers try them: malformed, misdirected, at the same moment, and in closed accounts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests import authenticator_apps
from tests.resolvers import securing
from tests.resolvers import test_step_up as step_up
from tests.resolvers.securing import Secured
from tests.resolvers.test_leaving import close
from tests.resolvers.world import Someone, World

pytestmark = pytest.mark.anyio

REFUSED = "InvalidSecondFactor"
NESTED: Any = "deep"
for _ in range(200):
    NESTED = {"response": [NESTED]}


def kind(answer: Any) -> str:
    return str(answer["__typename"])


def malformed(right: dict[str, Any]) -> list[Any]:
    """Passkeys that are not AuthenticationResponseJSON, or not quite."""
    response = right["response"]
    changed = [
        {"authenticatorData": "AAAA"},
        {"authenticatorData": None},
        {"clientDataJSON": "bnVsbA"},
        {"clientDataJSON": "gA"},
        {"signature": 5},
        {"signature": ""},
        {"userHandle": "x" * 100_000},
        {"userHandle": ["AAAA"]},
    ]
    return [
        {}, {"rawId": 5}, {"rawId": "\ud800"},
        {"rawId": right["rawId"]}, {**right, "response": "text"}, {**right, "response": None},
        {**right, "rawId": right["rawId"][:-2]}, {**right, "id": "other"}, {**right, "type": "password"},
        {**right, "rawId": "A" * 1_000_000}, {**right, "response": NESTED},
        *({**right, "response": {**response, **each}} for each in changed),
    ]  # fmt: skip


async def test_malformed_answers_are_refused_and_change_nothing(
    world: World, alpha: Someone
) -> None:
    owner = await securing.with_passkey(await securing.with_totp(alpha))
    assert owner.authenticator
    open_challenge = (await world.ask(securing.BEGIN_PASSKEY_LOGIN)).one
    asked = await owner.challenge()
    begun = (await alpha.ask(securing.BEGIN_PASSKEY)).one
    before = owner.facts()
    right = owner.authenticator.get(asked["passkeyOptions"])
    for passkey in malformed(right):
        world.sql("UPDATE second_factor_challenges SET attempts = 0")
        world.sql("DELETE FROM second_factor_failures")
        if passkey != {**right, "id": "other"}:
            answer = await owner.complete(asked["challenge"], passkey=passkey)
            assert kind(answer) == REFUSED, passkey
        alone = {"challenge": open_challenge["challenge"], "passkey": passkey}
        answer = (await world.ask(securing.COMPLETE_PASSKEY_LOGIN, input=alone)).one
        assert kind(answer) == REFUSED, passkey
        added = {"challenge": begun["challenge"], "name": "Second", "passkey": passkey}
        answer = (await alpha.ask(securing.ADD_PASSKEY, input=added)).one
        assert kind(answer) == REFUSED, passkey
    for passkey in ([], [1, [2]], "passkey", 7, True):
        given = securing.completing(asked["challenge"], passkey=passkey)
        assert (await world.ask(securing.COMPLETE, input=given)).code == "REFUSED_BY_SCHEMA", (
            passkey
        )
    code = owner.code(1)
    for wrong in (
        code + "0", code[:5], "".join(chr(0x660 + int(digit)) for digit in code), " ", "-" + code[1:],
        code + "\0", "1" * 100_000,
    ):  # fmt: skip
        world.sql("UPDATE second_factor_challenges SET attempts = 0")
        world.sql("DELETE FROM second_factor_failures")
        assert kind(await owner.complete(asked["challenge"], totpCode=wrong)) == REFUSED, wrong
    for challenge in (
        "",
        "é",
        "\ud800",
        "A" * 100_000,
        asked["challenge"] + "=",
        open_challenge["challenge"],
    ):
        assert kind(await owner.complete(challenge, totpCode=code)) == REFUSED, challenge
    for factor in (
        {},
        {"totpCode": None},
        {"totpCode": code, "recoveryCode": owner.codes[0]},
        {"totpCode": code, "passkey": None},
    ):
        given = securing.completing(asked["challenge"], **factor)
        assert (await world.ask(securing.COMPLETE, input=given)).code == "REFUSED_BY_SCHEMA", factor
    assert owner.facts() == before
    spaced = f" {code[:3]} {code[3:]} "
    assert kind(await owner.complete(asked["challenge"], totpCode=spaced)) == "SignedIn"
    written = owner.codes[0].upper().replace("-", "")
    challenge = (await owner.challenge())["challenge"]
    assert kind(await owner.complete(challenge, recoveryCode=written)) == "SignedIn"


async def test_a_challenge_of_one_purpose_is_worth_nothing_for_another(
    world: World, alpha: Someone
) -> None:
    owner = await securing.with_passkey(await securing.with_totp(alpha))
    signing_in = (await owner.challenge())["challenge"]
    confirming = (await alpha.ask(securing.BEGIN_CONFIRMATION)).one["challenge"]
    enrolling = (await alpha.ask(securing.BEGIN_TOTP)).one
    adding = (await alpha.ask(securing.BEGIN_PASSKEY)).one["challenge"]
    other = await securing.with_totp(await world.join("Other"))
    foreign = (await other.challenge())["challenge"]
    before, code = owner.facts(), owner.code(1)
    for challenge in (confirming, enrolling["challenge"], adding, foreign):
        assert kind(await owner.complete(challenge, totpCode=code)) == REFUSED
    for challenge in (signing_in, enrolling["challenge"], adding, foreign):
        refused = await owner.confirm(challenge=challenge, secondFactor={"totpCode": code})
        assert kind(refused) == REFUSED
    new_code = Secured(alpha, enrolling["secret"]).code()
    for challenge in (signing_in, confirming, adding, foreign):
        given = {"challenge": challenge, "code": new_code}
        assert kind((await alpha.ask(securing.ENABLE_TOTP, input=given)).one) == REFUSED
    # Not even another session of the same user finishes what one has begun.
    second = await owner.complete(signing_in, totpCode=code)
    bearer = second["credentials"]["accessToken"]
    given = {"challenge": enrolling["challenge"], "code": new_code}
    assert kind((await world.ask(securing.ENABLE_TOTP, bearer, input=given)).one) == REFUSED
    factors = [row for row in owner.facts() if row in before]
    assert len(factors) >= len(before) - 3
    assert world.sql("SELECT count(*) FROM totp_factors WHERE user_id = %s", alpha.user_id) == [
        (1,)
    ]


async def test_factors_enabled_at_the_same_moment_give_recovery_codes_once(
    world: World, alpha: Someone
) -> None:
    first = (await alpha.ask(securing.BEGIN_TOTP)).one
    key = securing.authenticator_of(world)
    second = (await alpha.ask(securing.BEGIN_PASSKEY)).one
    code = Secured(alpha, first["secret"]).code()
    answers = await asyncio.gather(
        alpha.ask(securing.ENABLE_TOTP, input={"challenge": first["challenge"], "code": code}),
        alpha.ask(
            securing.ADD_PASSKEY,
            input={
                "challenge": second["challenge"],
                "name": "Laptop",
                "passkey": key.create(second["options"]),
            },
        ),
    )
    assert {kind(each.one) for each in answers} == {"SecondFactorEnabled"}
    given = [each.one["recoveryCodes"] for each in answers if each.one["recoveryCodes"]]
    assert [len(codes) for codes in given] == [10]
    assert (await Secured(alpha).settings())["recoveryCodesLeft"] == 10


async def test_a_closed_account_is_reopened_by_the_second_factor_and_not_by_the_password(
    world: World,
) -> None:
    owner = await securing.with_passkey(await securing.with_totp(await world.join("Leaver")))
    assert owner.authenticator
    earlier = (await owner.challenge())["challenge"]
    securing.grow_old(owner.someone)
    assert (await close(owner.someone)).reason == "CONFIRM_SESSION"
    await owner.confirm(secondFactor={"totpCode": owner.code(1)})
    assert kind((await close(owner.someone)).one) == "AccountClosed"

    def is_closed() -> bool:
        ((closed,),) = world.sql(
            "SELECT closed_at IS NOT NULL FROM users WHERE id = %s", owner.someone.user_id
        )
        return bool(closed)

    assert kind(await owner.complete(earlier, recoveryCode=owner.codes[0])) == REFUSED
    wrong = await securing.login(world, owner.someone.email, "not the password")
    assert kind(wrong) == "InvalidCredentials"
    challenge = (await owner.challenge())["challenge"]
    assert kind(await owner.complete(challenge, totpCode="000000")) == REFUSED
    assert is_closed()
    assert kind(await owner.complete(challenge, recoveryCode=owner.codes[0])) == "SignedIn"
    assert not is_closed()
    asked = (await world.ask(securing.BEGIN_PASSKEY_LOGIN)).one
    given = {
        "challenge": asked["challenge"],
        "passkey": owner.authenticator.get(asked["options"]),
    }
    again = (await world.ask(securing.COMPLETE_PASSKEY_LOGIN, input=given)).one
    assert kind(again) == "SignedIn"


async def test_a_confirmed_transfer_and_the_removal_of_its_factor_both_happen_once(
    world: World, alpha: Someone, beta: Someone
) -> None:
    app = await authenticator_apps.enable(alpha, confirm_above=1_000)
    asked = step_up.sending(beta)
    refused = await step_up.ask(alpha, step_up.SEND, asked)
    confirmation = app.answer(refused)
    sent, again, disabled = await asyncio.gather(
        step_up.ask(alpha, step_up.SEND, asked, confirmation=confirmation),
        step_up.ask(alpha, step_up.SEND, asked, confirmation=confirmation),
        alpha.ask(securing.DISABLE_TOTP),
    )
    # Without a factor the transfer needs no confirmation; with it, the answer is good.
    assert {kind(sent), kind(again)} == {"MoneySent"}
    assert sorted([sent["replayed"], again["replayed"]]) == [False, True]
    assert disabled.one["viewer"]["security"]["confirmAbove"] is None
    assert (await beta.balance()) == "10.01"
