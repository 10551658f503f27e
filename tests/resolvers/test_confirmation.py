"""Confirming a session, and which operations require it; new passwords and existing API tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.resolvers import test_webhooks as webhooks
from tests.resolvers.world import PASSWORD, Answer, Someone, World

pytestmark = pytest.mark.anyio

NewWorld = Callable[..., Awaitable[World]]

CONFIRM = """
mutation($input: ConfirmSessionInput!) {
  confirmSession(input: $input) {
    __typename
    ... on SessionConfirmed { until }
    ... on UserError { message }
  }
}
"""
CREATE = """
mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) { __typename } }
"""
REVOKE = """
mutation($input: RevokeApiTokenInput!) { revokeApiToken(input: $input) { __typename } }
"""
CHANGE = """
mutation($input: ChangePasswordInput!) {
  changePassword(input: $input) { __typename ... on PasswordChanged { sessions apiTokens } }
}
"""
RESET = """
mutation($input: ResetPasswordInput!) {
  resetPassword(input: $input) { __typename ... on PasswordChanged { sessions apiTokens } }
}
"""
REFRESH = """
mutation($input: RefreshSessionInput!) {
  refreshSession(input: $input) {
    __typename
    ... on SignedIn { credentials { accessToken refreshToken } }
  }
}
"""
NEW_PASSWORD = "a new long password"


async def create(someone: Someone) -> Answer:
    return await someone.ask(CREATE, input={"name": "till", "scopes": ["SEND_MONEY"]})


def sign_in_an_hour_ago(world: World, someone: Someone) -> None:
    world.sql(
        "UPDATE sessions SET created_at = created_at - interval '1 hour' WHERE user_id = %s",
        someone.user_id,
    )


def tokens(world: World, someone: Someone) -> int:
    ((count,),) = world.sql(
        "SELECT count(*) FROM api_tokens WHERE user_id = %s AND revoked_at IS NULL",
        someone.user_id,
    )
    return int(count)


async def test_an_api_token_takes_a_session_confirmed_within_the_hour(
    world: World, alpha: Someone
) -> None:
    assert (await create(alpha)).one["__typename"] == "ApiTokenCreated"
    sign_in_an_hour_ago(world, alpha)
    refused = await create(alpha)
    assert (refused.code, refused.reason) == ("FORBIDDEN", "CONFIRM_SESSION")
    for wrong in ({"password": "wrong"}, {"password": None}, {}):
        answer = (await alpha.ask(CONFIRM, input=wrong)).one
        assert answer == {"__typename": "InvalidCredentials", "message": "The password is wrong."}
    assert (await create(alpha)).code == "FORBIDDEN"
    assert tokens(world, alpha) == 1
    confirmed = (await alpha.ask(CONFIRM, input={"password": PASSWORD})).one
    left = datetime.fromisoformat(confirmed["until"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1, seconds=5)
    assert (await create(alpha)).one["__typename"] == "ApiTokenCreated"
    world.sql(
        "UPDATE sessions SET confirmed_at = confirmed_at - interval '1 hour' WHERE user_id = %s",
        alpha.user_id,
    )
    assert (await create(alpha)).reason == "CONFIRM_SESSION"


async def test_a_session_that_directs_deliveries_must_be_confirmed_too(
    world: World, alpha: Someone
) -> None:
    webhook = (await webhooks.create(alpha))["webhook"]
    token = await alpha.token("MANAGE_WEBHOOKS", "READ_TRANSACTIONS")
    sign_in_an_hour_ago(world, alpha)
    given: dict[str, object] = {"url": webhooks.URL, "stream": "WALLET_EVENTS"}
    named = {"webhookId": webhook["id"]}
    for query, wanted in (
        (webhooks.CREATE, given),
        (webhooks.UPDATE, {**named, "status": "PAUSED"}),
        (webhooks.REPLAY, {**named, "afterNumber": 0}),
        (webhooks.ROTATE, named),
        (webhooks.DELETE, named),
    ):
        assert (await alpha.ask(query, input=wanted)).reason == "CONFIRM_SESSION"
    assert await webhooks.listed(alpha) == [webhook]
    # A program has no password to confirm with.
    own = await webhooks.create(alpha, token)
    assert own["__typename"] == "WebhookCreated"
    given = {"webhookId": own["webhook"]["id"]}
    assert (await world.ask(webhooks.DELETE, token, input=given)).codes == []
    await alpha.ask(CONFIRM, input={"password": PASSWORD})
    deleted = (await alpha.ask(webhooks.DELETE, input=named)).one
    assert deleted["__typename"] == "WebhookDeleted"


async def test_an_api_token_is_revoked_by_a_confirmed_session_alone(
    world: World, alpha: Someone
) -> None:
    await create(alpha)
    [created] = (await alpha.ask("{ viewer { apiTokens { id } } }")).one["apiTokens"]
    sign_in_an_hour_ago(world, alpha)
    refused = await alpha.ask(REVOKE, input={"apiTokenId": created["id"]})
    assert (refused.code, refused.reason) == ("FORBIDDEN", "CONFIRM_SESSION")
    assert tokens(world, alpha) == 1
    await alpha.ask(CONFIRM, input={"password": PASSWORD})
    revoked = await alpha.ask(REVOKE, input={"apiTokenId": created["id"]})
    assert revoked.one["__typename"] == "ApiTokenRevoked"
    assert tokens(world, alpha) == 0


async def test_a_refresh_confirms_nothing(world: World, alpha: Someone) -> None:
    sign_in_an_hour_ago(world, alpha)
    refreshed = (await world.ask(REFRESH, input={"refreshToken": alpha.refresh_token})).one
    bearer = refreshed["credentials"]["accessToken"]
    answer = await world.ask(CREATE, bearer, input={"name": "till", "scopes": ["SEND_MONEY"]})
    assert answer.reason == "CONFIRM_SESSION"


async def test_a_session_confirms_itself_alone(world: World, alpha: Someone) -> None:
    other = (await world.login(alpha.email))["credentials"]["accessToken"]
    sign_in_an_hour_ago(world, alpha)
    await alpha.ask(CONFIRM, input={"password": PASSWORD})
    answer = await world.ask(CREATE, other, input={"name": "till", "scopes": ["SEND_MONEY"]})
    assert answer.reason == "CONFIRM_SESSION"


async def test_guesses_at_the_password_of_a_session_are_limited(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=1)
    alpha = await world.join("Alpha")
    guesses = [(await alpha.ask(CONFIRM, input={"password": "guess"})).codes for _ in range(11)]
    assert guesses == [[]] * 10 + [["RATE_LIMITED"]]


async def test_the_owner_is_told_of_a_new_api_token_by_mail(world: World, alpha: Someone) -> None:
    await alpha.token("SEND_MONEY", "READ_PROFILE", dailyLimit="12.50")
    assert world.mails(alpha.email)[-1] == "api_token_created"
    ((details,),) = world.sql(
        "SELECT details FROM mails WHERE user_id = %s AND purpose = 'api_token_created'",
        alpha.user_id,
    )
    assert details.pop("created_at").endswith("Z")
    assert details == {
        "name": "a program",
        "scopes": ["READ_PROFILE", "SEND_MONEY"],
        "daily_limit_minor": 1250,
        "expires_at": None,
        "user_agent": "Tests/1.0",
        "ip_address": "192.0.2.1",
    }


async def test_no_mail_is_sent_to_an_address_that_is_not_verified(world: World) -> None:
    carol = await world.join("Carol", verified=False)
    await carol.token("READ_PROFILE")
    assert world.mails(carol.email) == ["verify_email"]


async def test_a_reset_revokes_every_api_token(world: World, alpha: Someone) -> None:
    secrets = [await alpha.token("READ_PROFILE") for _ in range(2)]
    token = world.link(alpha.email, "reset_password")
    answer = await world.ask(RESET, input={"token": token, "password": NEW_PASSWORD})
    assert answer.one == {"__typename": "PasswordChanged", "sessions": 1, "apiTokens": 2}
    assert tokens(world, alpha) == 0
    fresh = World(world.services, world.metrics, world.connection)
    for secret in secrets:
        fresh.services.tokens.drop(secret)
        assert await fresh.is_refused(secret)


@pytest.mark.parametrize("revokes", [None, False, True])
async def test_a_change_of_password_revokes_api_tokens_where_that_is_asked_for(
    world: World, alpha: Someone, revokes: bool | None
) -> None:
    await alpha.token("READ_PROFILE")
    given: dict[str, Any] = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    if revokes is not None:
        given["revokeApiTokens"] = revokes
    ended = 1 if revokes else 0
    assert (await alpha.ask(CHANGE, input=given)).one == {
        "__typename": "PasswordChanged",
        "sessions": 0,
        "apiTokens": ended,
    }
    assert tokens(world, alpha) == 1 - ended
