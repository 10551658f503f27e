"""Signing in, refreshing and signing out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import bcrypt
import pytest

from domain import ids
from resolvers.request import RequestContext
from tests.resolvers.world import LOGIN, PASSWORD, Answer, Someone, World

pytestmark = pytest.mark.anyio

REFRESH = """
mutation($input: RefreshSessionInput!) {
  refreshSession(input: $input) {
    __typename
    ... on SignedIn { credentials { accessToken refreshToken } viewer { id balance { amount } } }
    ... on UserError { message }
  }
}
"""
LOGOUT = (
    "mutation($input: LogoutInput!) { logout(input: $input) { ... on SignedOut { sessions } } }"
)
REVOKE = """
mutation($input: RevokeSessionInput!) {
  revokeSession(input: $input) { __typename ... on SignedOut { sessions } }
}
"""
SESSIONS = "{ viewer { sessions { id userAgent ipAddress isCurrent createdAt lastUsedAt } } }"


async def _refresh(world: World, token: str | None, **asked: Any) -> Answer:
    given = {} if token is None else {"refreshToken": token}
    return await world.ask(REFRESH, input=given, **asked)


async def _sessions(someone: Someone) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = (await someone.ask(SESSIONS)).one["sessions"]
    return sessions


async def test_signing_in_gives_a_token_that_says_who_one_is(world: World, alpha: Someone) -> None:
    signed_in = await world.login(alpha.email.upper())
    assert signed_in["__typename"] == "SignedIn"
    assert signed_in["viewer"]["email"] == alpha.email
    assert signed_in["viewer"]["id"] == ids.global_id("Viewer", alpha.user_id)
    answer = await world.ask("{ viewer { id } }", signed_in["credentials"]["accessToken"])
    assert answer.one == {"id": signed_in["viewer"]["id"]}


async def test_a_wrong_password_and_an_unknown_address_are_the_same_answer(
    world: World, alpha: Someone
) -> None:
    wrong = await world.login(alpha.email, "not the password")
    unknown = await world.login("nobody@example.com", "not the password")
    assert wrong == unknown
    assert wrong["__typename"] == "InvalidCredentials"


async def test_a_malformed_address_is_named(world: World) -> None:
    refused = await world.login("nobody")
    assert refused["__typename"] == "InvalidInput"
    assert refused["fields"][0]["path"] == ["email"]


@pytest.mark.parametrize("password", ["", "\x00", "\ud800", "x" * 50_000])
async def test_no_password_is_too_strange_to_be_wrong(
    world: World, alpha: Someone, password: str
) -> None:
    assert (await world.login(alpha.email, password))["__typename"] == "InvalidCredentials"


async def test_the_unverified_may_sign_in(world: World) -> None:
    carol = await world.join("Carol", verified=False)
    viewer = (await carol.ask("{ viewer { emailVerifiedAt balance { amount } sequence } }")).one
    assert viewer == {"emailVerifiedAt": None, "balance": {"amount": "0.00"}, "sequence": 0}


async def test_a_browser_has_its_refresh_token_in_the_cookie_alone(
    world: World, alpha: Someone
) -> None:
    asked = {"email": alpha.email, "password": PASSWORD, "useCookie": True}
    answer = await world.ask(LOGIN, input=asked)
    assert answer.one["credentials"]["refreshToken"] is None
    cookie = answer.context.cookie_to_set
    assert cookie
    refreshed = await _refresh(world, None, cookie=cookie)
    assert refreshed.one["credentials"]["refreshToken"] is None
    assert refreshed.one["viewer"]["balance"] == {"amount": "1000.00"}
    assert refreshed.context.cookie_to_set not in (None, "", cookie)


async def test_without_useCookie_no_cookie_is_set(world: World, alpha: Someone) -> None:
    asked = {"email": alpha.email, "password": PASSWORD}
    assert (await world.ask(LOGIN, input=asked)).context.cookie_to_set is None


async def test_the_cookie_lives_no_longer_than_its_session(world: World, alpha: Someone) -> None:
    asked = {"email": alpha.email, "password": PASSWORD, "useCookie": True}
    login = (await world.ask(LOGIN, input=asked)).context
    assert login.cookie_seconds == 30 * 86_400
    refreshed = (await _refresh(world, None, cookie=login.cookie_to_set)).context
    assert refreshed.cookie_seconds == 30 * 86_400
    world.sql(
        "UPDATE sessions SET created_at = now() - interval '179 days' WHERE user_id = %s",
        alpha.user_id,
    )
    last = (await _refresh(world, None, cookie=refreshed.cookie_to_set)).context
    assert 86_400 - 60 < last.cookie_seconds <= 86_400


async def test_a_refresh_token_is_replaced_at_each_use(world: World, alpha: Someone) -> None:
    first = (await _refresh(world, alpha.refresh_token)).one["credentials"]
    second = (await _refresh(world, first["refreshToken"])).one["credentials"]
    assert len({alpha.refresh_token, first["refreshToken"], second["refreshToken"]}) == 3
    assert (await world.ask("{ viewer { id } }", second["accessToken"])).one is not None


async def test_the_one_before_the_newest_answers_with_the_same_successor_for_a_while(
    world: World, alpha: Someone
) -> None:
    first = (await _refresh(world, alpha.refresh_token)).one["credentials"]
    again = (await _refresh(world, alpha.refresh_token)).one["credentials"]
    assert again["refreshToken"] == first["refreshToken"]


async def test_the_one_before_the_newest_ends_the_session_later(
    world: World, alpha: Someone
) -> None:
    newest = (await _refresh(world, alpha.refresh_token)).one["credentials"]["refreshToken"]
    late = timedelta(seconds=31)
    world.sql(
        "UPDATE sessions SET rotated_at = rotated_at - %s WHERE user_id = %s", late, alpha.user_id
    )
    assert (await _refresh(world, alpha.refresh_token)).one["__typename"] == "InvalidToken"
    assert (await _refresh(world, newest)).one["__typename"] == "InvalidToken"


async def test_an_older_one_ends_the_session_at_once(world: World, alpha: Someone) -> None:
    first = (await _refresh(world, alpha.refresh_token)).one["credentials"]["refreshToken"]
    newest = (await _refresh(world, first)).one["credentials"]["refreshToken"]
    assert (await _refresh(world, alpha.refresh_token)).one["__typename"] == "InvalidToken"
    assert (await _refresh(world, newest)).one["__typename"] == "InvalidToken"


@pytest.mark.parametrize("token", [None, "", "x", "\x00", "é", "A" * 139, "A" * 9000])
async def test_a_refresh_token_that_we_never_made_is_invalid(
    world: World, token: str | None
) -> None:
    assert (await _refresh(world, token)).one["__typename"] == "InvalidToken"


async def test_a_cookie_that_is_no_good_is_cleared(world: World, alpha: Someone) -> None:
    bad = await _refresh(world, None, cookie="nonsense")
    assert (bad.one["__typename"], bad.context.cookie_to_set) == ("InvalidToken", "")
    by_argument = await _refresh(world, "nonsense", cookie="nonsense")
    assert by_argument.context.cookie_to_set is None


async def test_signing_out_of_an_ended_session_clears_the_cookie(
    world: World, alpha: Someone
) -> None:
    principal = await world.principal(alpha.bearer)
    world.sql("UPDATE sessions SET ended_at = now() WHERE user_id = %s", alpha.user_id)
    answer = await world.ask_as(principal, LOGOUT, cookie="something", input={})
    assert (answer.code, answer.context.cookie_to_set) == ("UNAUTHENTICATED", "")


async def test_signing_out_ends_this_session(world: World, alpha: Someone) -> None:
    other = await world.login(alpha.email)
    answer = await alpha.world.ask(LOGOUT, alpha.bearer, cookie="something", input={})
    assert answer.one == {"sessions": 1}
    assert answer.context.cookie_to_set == ""
    assert (await _refresh(world, alpha.refresh_token)).one["__typename"] == "InvalidToken"
    kept = await _refresh(world, other["credentials"]["refreshToken"])
    assert kept.one["__typename"] == "SignedIn"


async def test_signing_out_everywhere_ends_every_session(world: World, alpha: Someone) -> None:
    other = await world.login(alpha.email)
    assert (await alpha.ask(LOGOUT, input={"everywhere": True})).one == {"sessions": 2}
    for token in (alpha.refresh_token, other["credentials"]["refreshToken"]):
        assert (await _refresh(world, token)).one["__typename"] == "InvalidToken"


async def test_signing_out_takes_a_session(world: World) -> None:
    assert (await world.ask(LOGOUT, input={})).code == "UNAUTHENTICATED"


async def test_sessions_are_listed_with_the_one_that_asks(world: World, alpha: Someone) -> None:
    await world.ask(
        LOGIN, client_ip="198.51.100.7", input={"email": alpha.email, "password": PASSWORD}
    )
    listed = await _sessions(alpha)
    assert sorted((one["ipAddress"], one["isCurrent"]) for one in listed) == [
        ("192.0.2.1", True),
        ("198.51.100.7", False),
    ]
    assert {one["userAgent"] for one in listed} == {"Tests/1.0"}


async def test_a_session_of_ones_own_can_be_revoked_once(world: World, alpha: Someone) -> None:
    other = await world.login(alpha.email)
    (session,) = [one for one in await _sessions(alpha) if not one["isCurrent"]]
    asked = {"sessionId": session["id"]}
    assert (await alpha.ask(REVOKE, input=asked)).one["sessions"] == 1
    assert (await alpha.ask(REVOKE, input=asked)).one["__typename"] == "NotFound"
    assert [one["isCurrent"] for one in await _sessions(alpha)] == [True]
    ended = await _refresh(world, other["credentials"]["refreshToken"])
    assert ended.one["__typename"] == "InvalidToken"


async def test_the_current_session_can_be_revoked_too(alpha: Someone) -> None:
    (session,) = await _sessions(alpha)
    assert (await alpha.ask(REVOKE, input={"sessionId": session["id"]})).one["sessions"] == 1


async def test_foreign_and_malformed_sessions_are_not_found(alpha: Someone, beta: Someone) -> None:
    (foreign,) = await _sessions(beta)
    for session_id in (foreign["id"], alpha.id, "", "\x00", "nonsense", "é" * 300):
        answer = await alpha.ask(REVOKE, input={"sessionId": session_id})
        assert answer.one["__typename"] == "NotFound"
    assert await beta.balance() == "0.00"


async def test_signing_in_costs_one_hash_however_many_registrations_an_address_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell from the work, and nobody's registration keeps another from signing in."""
    email = "popular@example.com"
    # At once: none of them can see the others.
    await asyncio.gather(
        *(
            world.register(email, f"Number {number}", f"a long password {number}")
            for number in range(5)
        )
    )
    someone = await world.join("Someone")
    hashed: list[bytes] = []
    hashpw = bcrypt.hashpw

    def counted(password: bytes, salt: bytes) -> bytes:
        hashed.append(salt)
        return hashpw(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", counted)
    for address, password, outcome in (
        (email, "a long password 0", "SignedIn"),
        (email, "a long password 4", "SignedIn"),
        (email, "nobody's password", "InvalidCredentials"),
        (someone.email, "nobody's password", "InvalidCredentials"),
        ("nobody@example.com", "nobody's password", "InvalidCredentials"),
    ):
        hashed.clear()
        assert (await world.login(address, password))["__typename"] == outcome
        assert len(hashed) == 1


async def test_an_unverified_account_keeps_its_salt_as_its_password_changes(world: World) -> None:
    carol = await world.join("Carol", verified=False)
    await world.register(carol.email, "Other", "another long one")
    changed = await carol.ask(
        "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }",
        input={"currentPassword": PASSWORD, "newPassword": "a new long password"},
    )
    assert changed.one["__typename"] == "PasswordChanged"
    salts = world.sql(
        "SELECT DISTINCT left(password_hash, 29) FROM users WHERE email = %s", carol.email
    )
    assert len(salts) == 1


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Tests\u00ad/1.0\t(of\x07it)\r\n", "Tests/1.0 (of it)"),
        ("x" * 301, "x" * 300),
        ("\u00ad \x00", None),
        (None, None),
    ],
)
async def test_a_device_is_shown_by_its_user_agent_in_printable_characters(
    world: World, sent: str | None, shown: str | None
) -> None:
    context = RequestContext(
        services=world.services, principal=None, client_ip="192.0.2.1", user_agent=sent
    )
    assert context.origin.device == shown
