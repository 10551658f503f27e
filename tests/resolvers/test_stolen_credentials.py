"""What a thief gains with a stolen password, and with a stolen session: nothing, step by step."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.places import Places
from tests.adapters import test_places
from tests.resolvers import securing
from tests.resolvers.securing import GUARDED, Secured
from tests.resolvers.world import PASSWORD, Someone, World

pytestmark = pytest.mark.anyio

REFUSED = "InvalidSecondFactor"
RESET = """
mutation($input: ResetPasswordInput!) {
  resetPassword(input: $input) {
    __typename
    ... on PasswordChanged { sessions apiTokens }
    ... on SecondFactorRequired { challenge methods }
  }
}
"""
REPORT = """
mutation($input: ReportSignInInput!) {
  reportSignIn(input: $input) { __typename ... on SignInReported { emailHint } }
}
"""


def kind(answer: Any) -> str:
    return str(answer["__typename"])


async def secured(world: World, name: str = "Owner") -> Secured:
    return await securing.with_passkey(await securing.with_totp(await world.join(name)))


async def test_a_stolen_password_gains_nothing(world: World) -> None:
    owner = await secured(world)
    thief = await securing.with_passkey(await securing.with_totp(await world.join("Thief")))
    assert owner.authenticator
    assert thief.authenticator
    asked, own = await owner.challenge(), await thief.challenge()
    options, challenge = asked["passkeyOptions"], asked["challenge"]
    before = owner.facts()
    used = owner.used_code()
    ours = owner.authenticator
    answers: list[tuple[str, dict[str, Any]]] = [
        (challenge, {"totpCode": used}),
        (challenge, {"totpCode": owner.code(-2)}),
        (challenge, {"totpCode": owner.code(3)}),
        (challenge, {"totpCode": ""}),
        (challenge, {"totpCode": "１２３４５６"}),
        (challenge, {"recoveryCode": thief.codes[0]}),
        (challenge, {"passkey": {}}),
        (challenge, {"passkey": thief.authenticator.get(options)}),
        (challenge, {"passkey": ours.get(own["passkeyOptions"])}),
        # The owner's answers to challenges that were altered, malformed, or made for others.
        (challenge[:-1] + ("A" if challenge[-1] != "A" else "B"), {"totpCode": owner.code(1)}),
        ("not a challenge", {"totpCode": owner.code(1)}),
        ("", {"totpCode": owner.code(1)}),
        (own["challenge"], {"recoveryCode": owner.codes[0]}),
    ]
    for text, factor in answers:
        assert kind(await owner.complete(text, **factor)) == REFUSED, factor
    ours.verifies_user = False
    assert kind(await owner.complete(challenge, passkey=ours.get(options))) == REFUSED
    # After ten wrong answers the challenge has ended, for the right answer too.
    assert kind(await owner.complete(challenge, totpCode=owner.code(1))) == REFUSED
    assert owner.facts() == before
    expired = (await owner.challenge())["challenge"]
    world.sql(
        "UPDATE second_factor_challenges SET expires_at = now() WHERE user_id = %s AND used_at IS NULL",
        owner.someone.user_id,
    )
    assert kind(await owner.complete(expired, totpCode=owner.code(1))) == REFUSED
    assert (
        kind(await owner.complete((await owner.challenge())["challenge"], totpCode=owner.code(1)))
        == "SignedIn"
    )


async def test_passkeys_of_another_site_and_those_that_count_backwards_are_refused(
    world: World, alpha: Someone
) -> None:
    owner = await securing.with_passkey(alpha, counter=7)
    key = owner.authenticator
    assert key
    right = (key.origin, key.rp_id, key.verifies_user, key.counter)
    wrong = [
        ("https://evil.example", right[1], True, 7),
        (right[0], "evil.example", True, 7),
        (right[0], right[1], False, 7),
        # The answer counts on: to 7, where it was.
        (right[0], right[1], True, 6),
        (right[0], right[1], True, 0),
    ]
    before = owner.facts()
    for each in wrong:
        key.origin, key.rp_id, key.verifies_user, key.counter = each
        asked = (await world.ask(securing.BEGIN_PASSKEY_LOGIN)).one
        given = {"challenge": asked["challenge"], "passkey": key.get(asked["options"])}
        refused = await world.ask(securing.COMPLETE_PASSKEY_LOGIN, input=given)
        assert kind(refused.one) == REFUSED, each
        begun = (await alpha.ask(securing.BEGIN_PASSKEY)).one
        if each[3] == 7:
            created = key.create(begun["options"])
            added = {"challenge": begun["challenge"], "name": "Second", "passkey": created}
            assert kind((await alpha.ask(securing.ADD_PASSKEY, input=added)).one) == REFUSED
    key.origin, key.rp_id, key.verifies_user, key.counter = right
    asked = (await world.ask(securing.BEGIN_PASSKEY_LOGIN)).one
    altered = asked["challenge"][:-2] + "AA"
    given = {"challenge": altered, "passkey": key.get(asked["options"])}
    assert kind((await world.ask(securing.COMPLETE_PASSKEY_LOGIN, input=given)).one) == REFUSED
    challenges = ("add_passkey", "passkey_sign_in")
    assert [row for row in owner.facts() if row in before] == before, challenges
    assert len((await owner.settings())["passkeys"]) == 1


async def test_an_account_accepts_twenty_wrong_codes_an_hour_and_strangers_count_none(
    world: World, alpha: Someone
) -> None:
    owner = await securing.with_totp(alpha)
    for number in range(20):
        if number % 10 == 0:
            challenge = (await owner.challenge())["challenge"]
        assert kind(await owner.complete(challenge, totpCode="000 000")) == REFUSED
    challenge = (await owner.challenge())["challenge"]
    given = securing.completing(challenge, totpCode=owner.code(1))
    assert (await world.ask(securing.COMPLETE, input=given)).code == "RATE_LIMITED"
    # Passwords have their own limits, and nobody else is affected.
    assert kind(await securing.login(world, alpha.email, "wrong")) == "InvalidCredentials"
    world.sql(
        "UPDATE second_factor_failures SET failed_at = failed_at - interval '1 hour' WHERE user_id = %s",
        alpha.user_id,
    )
    assert kind((await world.ask(securing.COMPLETE, input=given)).one) == "SignedIn"


async def test_of_answers_at_the_same_moment_one_counts(world: World, alpha: Someone) -> None:
    owner = await securing.with_totp(alpha)
    challenges = [(await owner.challenge())["challenge"] for _ in range(4)]
    for factor in ({"totpCode": owner.code(1)}, {"recoveryCode": owner.codes[3]}):
        answers = await asyncio.gather(*(owner.complete(each, **factor) for each in challenges))
        counted = Counter(kind(each) for each in answers)
        assert counted == {"SignedIn": 1, REFUSED: 3}
        challenges = [(await owner.challenge())["challenge"] for _ in range(4)]


async def test_a_stolen_session_gains_nothing(world: World) -> None:
    owner = await secured(world)
    someone = owner.someone
    securing.grow_old(someone)
    before = owner.facts()
    for name, (query, given) in GUARDED.items():
        answer = await (someone.ask(query) if given is None else someone.ask(query, input=given))
        assert (answer.code, answer.reason) == ("FORBIDDEN", "CONFIRM_SESSION"), name
    (passkey,) = (await owner.settings())["passkeys"]
    removed = await someone.ask(securing.REMOVE_PASSKEY, input={"passkeyId": passkey["id"]})
    assert removed.reason == "CONFIRM_SESSION"
    # Not even the password confirms a session of an account with a second factor.
    for given in (
        {"password": PASSWORD},
        {},
        {"secondFactor": {"totpCode": "000000"}, "password": PASSWORD},
        {"secondFactor": {"passkey": {}}},
    ):
        assert kind(await owner.confirm(**given)) == REFUSED
    begun = (await someone.ask(securing.BEGIN_CONFIRMATION)).one
    assert owner.authenticator
    response = owner.authenticator.get(begun["options"])
    assert kind(await owner.confirm(secondFactor={"passkey": response})) == REFUSED
    assert [row for row in owner.facts() if row in before] == before
    confirmed = await owner.confirm(
        secondFactor={"passkey": response}, challenge=begun["challenge"]
    )
    assert kind(confirmed) == "SessionConfirmed"
    query, given_input = GUARDED["setConfirmAbove"]
    assert kind((await someone.ask(query, input=given_input)).one) == "SecurityChanged"


async def test_a_session_of_before_a_factor_was_enabled_elsewhere_is_not_confirmed_any_more(
    world: World, alpha: Someone
) -> None:
    other = (await world.login(alpha.email))["credentials"]["accessToken"]
    await securing.with_totp(alpha)
    query, given = GUARDED["createApiToken"]
    assert (await world.ask(query, other, input=given)).reason == "CONFIRM_SESSION"
    assert kind((await alpha.ask(query, input=given)).one) == "ApiTokenCreated"


async def test_a_reset_takes_the_second_factor_and_ends_everything(
    world: World, alpha: Someone
) -> None:
    owner = await securing.with_totp(alpha)
    await alpha.token("READ_PROFILE")
    pending = (await owner.challenge())["challenge"]
    given = {"token": world.link(alpha.email, "reset_password"), "password": "a new long password"}
    assert kind((await world.ask(RESET, input={**given, "token": "x"})).one) == "InvalidToken"
    before = owner.facts()
    asked = (await world.ask(RESET, input=given)).one
    assert (kind(asked), asked["methods"]) == ("SecondFactorRequired", ["TOTP", "RECOVERY_CODE"])
    for wrong in (
        {"challenge": pending, "secondFactor": {"totpCode": owner.code(1)}},
        {"challenge": asked["challenge"], "secondFactor": {"totpCode": "000000"}},
        {"secondFactor": {"totpCode": owner.code(1)}},
    ):
        assert kind((await world.ask(RESET, input={**given, **wrong})).one) == REFUSED
    assert [row for row in owner.facts() if row in before] == before
    right = {"challenge": asked["challenge"], "secondFactor": {"totpCode": owner.code(1)}}
    done = (await world.ask(RESET, input={**given, **right})).one
    assert done == {"__typename": "PasswordChanged", "sessions": 1, "apiTokens": 1}
    # Neither the challenge of the old password nor the link is worth anything now.
    assert kind(await owner.complete(pending, recoveryCode=owner.codes[0])) == REFUSED
    assert kind((await world.ask(RESET, input={**given, **right})).one) == "InvalidToken"


async def test_a_report_of_a_sign_in_says_where_the_address_is(
    world: World, alpha: Someone, tmp_path: Path
) -> None:
    with closing(Places.open(test_places.write(tmp_path / "places.mmdb"))) as places:
        found = replace(world, services=replace(world.services, places=places))
        await found.login(alpha.email, client_ip="203.0.113.9")
    notices = (await alpha.ask("{ viewer { notifications { nodes { message } } } }")).one
    assert notices["notifications"]["nodes"][0]["message"] == (
        "A new device signed in to your account near Berlin, Germany from the IP address 203.0.113.9 "
        "(Tests/1.0)."
    )
    ((place,),) = world.sql(
        "SELECT details ->> 'place' FROM mails WHERE user_id = %s AND purpose = 'new_sign_in'",
        alpha.user_id,
    )
    assert place == "Berlin, Germany"


async def test_a_sign_in_from_an_unknown_device_is_told_and_can_be_reported(
    world: World, alpha: Someone
) -> None:
    assert "new_sign_in" not in world.mails(alpha.email)
    thief = await world.login(alpha.email, client_ip="203.0.113.9")
    assert world.mails(alpha.email)[-1] == "new_sign_in"
    notices = (await alpha.ask("{ viewer { notifications { nodes { kind message } } } }")).one
    assert notices["notifications"]["nodes"][0] == {
        "kind": "NEW_SIGN_IN",
        "message": "A new device signed in to your account from the IP address 203.0.113.9 (Tests/1.0).",
    }
    await world.login(alpha.email, client_ip="203.0.113.9")
    assert world.mails(alpha.email).count("new_sign_in") == 1
    ((session_id,),) = world.sql(
        "SELECT details ->> 'session_id' FROM mails WHERE user_id = %s AND purpose = 'new_sign_in'",
        alpha.user_id,
    )
    token = world.link(alpha.email, "new_sign_in", subject_id=session_id)
    assert kind((await world.ask(REPORT, input={"token": "x"})).one) == "InvalidToken"
    reported = (await world.ask(REPORT, input={"token": token})).one
    assert kind(reported) == "SignInReported"
    assert alpha.email not in reported["emailHint"]
    assert await world.is_refused(thief["credentials"]["accessToken"])
    assert not await world.is_refused(alpha.bearer)
    assert world.mails(alpha.email)[-1] == "reset_password"
    assert kind((await world.ask(REPORT, input={"token": token})).one) == "InvalidToken"
