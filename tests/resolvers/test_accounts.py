"""Registration, verification, passwords and profiles: the same answer whether or not an address is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.resolvers.world import PASSWORD, REFUSED_BY_SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

REGISTER = """
mutation($input: RegisterInput!) {
  register(input: $input) {
    __typename
    ... on RegistrationReceived { email }
    ... on UserError { message }
    ... on InvalidInput { fields { path message } }
  }
}
"""
VERIFY = """
mutation($input: VerifyEmailInput!) {
  verifyEmail(input: $input) { __typename ... on EmailVerified { email } }
}
"""
RESEND = """
mutation($input: ResendVerificationEmailInput!) {
  resendVerificationEmail(input: $input) {
    __typename
    ... on VerificationEmailRequested { email }
    ... on InvalidInput { fields { path } }
  }
}
"""
FORGOT = """
mutation($input: RequestPasswordResetInput!) {
  requestPasswordReset(input: $input) {
    __typename
    ... on PasswordResetRequested { email }
    ... on InvalidInput { fields { path } }
  }
}
"""
RESET = """
mutation($input: ResetPasswordInput!) {
  resetPassword(input: $input) { __typename ... on PasswordChanged { sessions } }
}
"""
CHANGE = """
mutation($input: ChangePasswordInput!) {
  changePassword(input: $input) {
    __typename
    ... on PasswordChanged { sessions }
    ... on UserError { message }
  }
}
"""
RENAME = """
mutation($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    __typename
    ... on ProfileUpdated { viewer { user { name emailHint } timeZone } }
    ... on InvalidInput { fields { path } }
  }
}
"""


async def _register(world: World, **given: object) -> Any:
    usual = {"name": "Zoë", "email": "zoe@example.com", "password": PASSWORD}
    return (await world.ask(REGISTER, input={**usual, **given})).one


async def test_registering_answers_with_the_address_as_it_is_kept(world: World) -> None:
    received = await _register(world, email="  New.Person@Example.COM ")
    assert received == {"__typename": "RegistrationReceived", "email": "new.person@example.com"}
    assert world.mails("new.person@example.com") == ["verify_email"]


async def test_what_was_pasted_with_a_name_and_an_address_is_dropped(world: World) -> None:
    pasted = "\u202a<Pasted.Person@example.com\u202c>"
    received = await _register(world, name="\u2067Pasted\n Per\u00adson\u2069", email=pasted)
    assert received["email"] == "pasted.person@example.com"
    signed_in = await world.login("mailto:pasted.person\uff20example.com,")
    assert signed_in["viewer"]["email"] == "pasted.person@example.com"
    [(name,)] = world.connection.execute(
        "SELECT name FROM users WHERE email = 'pasted.person@example.com'"
    ).fetchall()
    assert name == "Pasted Person"


async def test_registering_answers_alike_where_the_address_is_taken(
    world: World, alpha: Someone
) -> None:
    taken = await _register(world, name="Thief", email=alpha.email)
    assert taken == {"__typename": "RegistrationReceived", "email": alpha.email}
    assert world.mails(alpha.email) == ["verify_email", "address_taken"]
    assert (await world.login(alpha.email))["__typename"] == "SignedIn"


async def test_registering_again_leaves_the_first_registration_as_it_was(world: World) -> None:
    carol = await world.join("Carol", verified=False)
    first_link = world.link(carol.email, "verify_email")
    await _register(world, name="Thief", email=carol.email, password="another long one")
    for password, name in ((PASSWORD, "Carol"), ("another long one", "Thief")):
        signed_in = await world.login(carol.email, password)
        answer = await world.ask(
            "{ viewer { email user { name } } }", signed_in["credentials"]["accessToken"]
        )
        assert answer.one == {"email": carol.email, "user": {"name": name}}
    verified = (await carol.ask(VERIFY, input={"token": first_link})).one
    assert verified == {"__typename": "EmailVerified", "email": carol.email}
    assert (await world.login(carol.email))["__typename"] == "SignedIn"
    assert (await world.login(carol.email, "another long one"))[
        "__typename"
    ] == "InvalidCredentials"


async def test_the_link_of_another_registration_verifies_nothing_without_its_password(
    world: World,
) -> None:
    victim = await world.join("Victim", verified=False)
    await _register(world, name="Thief", email=victim.email, password="another long one")
    link = world.link(victim.email, "verify_email")
    for bearer, given in (
        (None, {}),
        (None, {"password": PASSWORD}),
        (None, {"password": None}),
        (victim.bearer, {}),
        (victim.bearer, {"password": PASSWORD}),
        (await victim.token("READ_PROFILE"), {}),
    ):
        refused = await world.ask(VERIFY, bearer, input={"token": link, **given})
        assert refused.one["__typename"] == "InvalidCredentials"
    own_link = world.link(victim.email, "verify_email", user_id=victim.user_id)
    assert (await victim.ask(VERIFY, input={"token": own_link})).one[
        "__typename"
    ] == "EmailVerified"
    late = await world.ask(VERIFY, input={"token": link, "password": "another long one"})
    assert late.one["__typename"] == "InvalidToken"
    assert world.user_id(victim.email) == victim.user_id


async def test_a_registration_is_verified_by_its_password_where_no_session_of_it_asks(
    world: World, alpha: Someone
) -> None:
    carol = await world.join("Carol", verified=False)
    token = world.link(carol.email, "verify_email")
    by_password = {"token": token, "password": PASSWORD}
    assert (await alpha.ask(VERIFY, input=by_password)).one["__typename"] == "EmailVerified"
    assert await world.is_refused(carol.bearer)


async def test_every_field_at_fault_is_named_at_once(world: World) -> None:
    refused = await _register(world, name=" ", email="nowhere")
    assert refused["__typename"] == "InvalidInput"
    assert [field["path"] for field in refused["fields"]] == [["name"], ["email"]]
    assert all(field["message"] in refused["message"] for field in refused["fields"])


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 81, "nul\x00", "\u202e", "blank\u3164", "\u200b\n", "\ud800"]
)
async def test_a_name_is_1_to_80_visible_characters(world: World, name: str) -> None:
    refused = await _register(world, name=name)
    assert [field["path"] for field in refused["fields"]] == [["name"]]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "a@",
        "@b.com",
        "a@b",
        "a b@c.com",
        "a@b@c.com",
        "a\x00@b.com",
        "é@b.com",
        "x" * 250 + "@b.com",
    ],
)
async def test_an_address_is_one_that_mail_can_be_sent_to(world: World, email: str) -> None:
    refused = await _register(world, email=email)
    assert [field["path"] for field in refused["fields"]] == [["email"]]


@pytest.mark.parametrize("password", ["", "short", "x" * 129, "password1", "aaaaaaaaaaaa"])
async def test_a_weak_password_is_refused_once_the_rest_is_right(
    world: World, password: str
) -> None:
    assert (await _register(world, password=password))["__typename"] == "WeakPassword"
    assert (await _register(world, password=password, name=""))["__typename"] == "InvalidInput"


async def test_nothing_of_a_password_is_lost(world: World) -> None:
    long = "é" * 100 + "\x00" + "🙂" * 26
    await _register(world, email="long@example.com", password=long + "a")
    assert (await world.login("long@example.com", long + "b"))["__typename"] == "InvalidCredentials"
    assert (await world.login("long@example.com", long + "a"))["__typename"] == "SignedIn"


async def test_a_verification_link_works_once(world: World) -> None:
    carol = await world.join("Carol", verified=False)
    token = world.link(carol.email, "verify_email")
    verified = (await carol.ask(VERIFY, input={"token": token})).one
    assert verified == {"__typename": "EmailVerified", "email": carol.email}
    assert (await carol.ask(VERIFY, input={"token": token})).one["__typename"] == "InvalidToken"
    assert (await carol.add("1"))["__typename"] == "BalanceAdded"


async def test_verifying_ends_the_sessions_begun_before_but_the_one_that_asks(
    world: World,
) -> None:
    carol = await world.join("Carol", verified=False)
    other = await world.login(carol.email)
    token = world.link(carol.email, "verify_email")
    await carol.ask(VERIFY, input={"token": token})
    ended = world.sql(
        "SELECT count(*) FILTER (WHERE ended_at IS NULL), count(*) FROM sessions WHERE user_id = %s",
        carol.user_id,
    )
    assert ended == [(1, 2)]
    refreshed = await world.ask(
        "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { __typename } }",
        input={"refreshToken": other["credentials"]["refreshToken"]},
    )
    assert refreshed.one["__typename"] == "InvalidToken"


@pytest.mark.parametrize(
    ("purpose", "age"),
    [("verify_email", timedelta(hours=24, seconds=1)), ("reset_password", timedelta(0))],
)
async def test_a_link_too_old_or_of_another_purpose_verifies_nothing(
    world: World, purpose: str, age: timedelta
) -> None:
    carol = await world.join("Carol", verified=False)
    token = world.link(carol.email, purpose, age=age)
    assert (await carol.ask(VERIFY, input={"token": token})).one["__typename"] == "InvalidToken"


@pytest.mark.parametrize("token", ["", "x", "\x00", "é", "a" * 86, "A" * 5000, "mw_" + "A" * 86])
async def test_a_link_that_we_never_made_is_invalid(world: World, token: str) -> None:
    for query, more in ((VERIFY, {}), (RESET, {"password": PASSWORD})):
        answer = await world.ask(query, input={"token": token, **more})
        assert answer.one["__typename"] == "InvalidToken"


async def test_another_verification_mail_is_sent_to_those_who_wait_for_one(world: World) -> None:
    carol = await world.join("Carol", verified=False)
    await _register(world, name="Thief", email=carol.email, password="another long one")
    world.sql("UPDATE mails SET state = 'sent', sent_at = now()")
    for ask, receivers in ((carol.ask, 1), (world.ask, 2)):
        requested = (await ask(RESEND, input={"email": carol.email.upper()})).one
        assert requested == {"__typename": "VerificationEmailRequested", "email": carol.email}
        waiting = world.sql("SELECT DISTINCT user_id FROM mails WHERE state = 'pending'")
        assert len(waiting) == receivers
        assert (carol.user_id,) in waiting


async def test_asking_for_mail_answers_alike_whether_or_not_the_address_is_known(
    world: World, alpha: Someone
) -> None:
    for query in (RESEND, FORGOT):
        known = (await world.ask(query, input={"email": alpha.email})).one
        unknown = (await world.ask(query, input={"email": "nobody@example.com"})).one
        assert known["__typename"] == unknown["__typename"]
        assert (known["email"], unknown["email"]) == (alpha.email, "nobody@example.com")
        refused = (await world.ask(query, input={"email": "nobody"})).one
        assert refused == {"__typename": "InvalidInput", "fields": [{"path": ["email"]}]}
    assert world.mails(alpha.email) == ["verify_email", "reset_password"]


async def test_a_reset_signs_every_device_out(world: World, alpha: Someone) -> None:
    await world.login(alpha.email)
    token = world.link(alpha.email, "reset_password")
    asked = {"token": token, "password": "a new long password"}
    assert (await world.ask(RESET, input=asked)).one == {
        "__typename": "PasswordChanged",
        "sessions": 2,
    }
    assert (await world.ask(RESET, input=asked)).one["__typename"] == "InvalidToken"
    assert (await world.login(alpha.email))["__typename"] == "InvalidCredentials"
    assert (await world.login(alpha.email, "a new long password"))["__typename"] == "SignedIn"
    assert world.mails(alpha.email)[-1] == "password_changed"


async def test_a_weak_password_leaves_the_reset_link_good(world: World, alpha: Someone) -> None:
    token = world.link(alpha.email, "reset_password")
    weak = await world.ask(RESET, input={"token": token, "password": "short"})
    assert weak.one["__typename"] == "WeakPassword"
    good = await world.ask(RESET, input={"token": token, "password": "a new long password"})
    assert good.one["__typename"] == "PasswordChanged"


async def test_a_bad_link_is_told_before_a_weak_password(world: World, alpha: Someone) -> None:
    old = world.link(alpha.email, "reset_password", age=timedelta(minutes=31))
    answer = await world.ask(RESET, input={"token": old, "password": "short"})
    assert answer.one["__typename"] == "InvalidToken"


async def test_changing_the_password_signs_every_other_device_out(
    world: World, alpha: Someone
) -> None:
    await world.login(alpha.email)
    changed = await alpha.ask(
        CHANGE, input={"currentPassword": PASSWORD, "newPassword": "a new long password"}
    )
    assert changed.one == {"__typename": "PasswordChanged", "sessions": 1}
    assert await alpha.balance() == "1000.00"
    assert (await world.login(alpha.email, "a new long password"))["__typename"] == "SignedIn"
    assert world.mails(alpha.email)[-1] == "password_changed"


async def test_the_current_password_is_asked_before_the_new_one_is_judged(
    world: World, alpha: Someone
) -> None:
    wrong = await alpha.ask(CHANGE, input={"currentPassword": "no", "newPassword": "short"})
    assert wrong.one["__typename"] == "InvalidCredentials"
    weak = await alpha.ask(CHANGE, input={"currentPassword": PASSWORD, "newPassword": "short"})
    assert weak.one["__typename"] == "WeakPassword"
    assert (await world.login(alpha.email))["__typename"] == "SignedIn"


async def test_a_name_can_be_changed(alpha: Someone) -> None:
    renamed = (await alpha.ask(RENAME, input={"name": "  Zoë   X "})).one
    assert renamed["viewer"]["user"] == {"name": "Zoë X", "emailHint": alpha.email}
    assert renamed["viewer"]["timeZone"] == "UTC"
    for given in ({"name": "\x00"}, {"name": None}):
        refused = (await alpha.ask(RENAME, input=given)).one
        assert refused == {"__typename": "InvalidInput", "fields": [{"path": ["name"]}]}


async def test_a_time_zone_can_be_chosen_at_registration_and_later(
    world: World, alpha: Someone
) -> None:
    changed = (await alpha.ask(RENAME, input={"timeZone": "asia/kolkata"})).one["viewer"]
    assert changed == {
        "user": {"name": "Alpha", "emailHint": alpha.email},
        "timeZone": "Asia/Kolkata",
    }
    for given in ({"timeZone": "Mars/Olympus"}, {"timeZone": None}):
        refused = (await alpha.ask(RENAME, input=given)).one
        assert refused == {"__typename": "InvalidInput", "fields": [{"path": ["timeZone"]}]}
    registered = await _register(world, timeZone="Europe/Berlin")
    assert registered["__typename"] == "RegistrationReceived"
    signed_in = await world.login("zoe@example.com")
    bearer = signed_in["credentials"]["accessToken"]
    assert (await world.ask("{ viewer { timeZone } }", bearer)).one == {"timeZone": "Europe/Berlin"}
    refused = await _register(world, email="other@example.com", timeZone="Berlin")
    assert [field["path"] for field in refused["fields"]] == [["timeZone"]]


async def test_changes_are_for_those_who_are_signed_in(world: World) -> None:
    for query, given in (
        (CHANGE, {"currentPassword": PASSWORD, "newPassword": PASSWORD}),
        (RENAME, {"name": "Nobody"}),
    ):
        assert (await world.ask(query, input=given)).code == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "given",
    [{"name": 1}, {"name": None}, {"email": ["a@b.com"]}, {"password": True}, {"admin": True}],
    ids=str,
)
async def test_wrong_types_and_unknown_fields_never_reach_a_resolver(
    world: World, given: dict[str, object]
) -> None:
    usual = {"name": "Zoë", "email": "zoe@example.com", "password": PASSWORD}
    answer = await world.ask(REGISTER, input={**usual, **given})
    assert (answer.data, answer.code) == (None, REFUSED_BY_SCHEMA)
