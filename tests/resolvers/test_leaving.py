"""Closing an account: what it requires, what its credentials see afterwards, and signing in again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.resolvers import endings
from tests.resolvers.world import PASSWORD, Answer, Someone, World

pytestmark = pytest.mark.anyio

CLOSE = """
mutation($input: CloseAccountInput!) {
  closeAccount(input: $input) {
    __typename
    ... on AccountClosed { erasedAt }
    ... on BalanceNotZero { balance { amount } }
    ... on UserError { message }
  }
}
"""
SEEN = """
query($id: ID!) {
  viewer {
    transactions { nodes { counterparty { name handle emailHint } } }
    contacts { name emailHint }
    notifications { nodes { message } }
  }
  node(id: $id) { ... on User { name handle emailHint } }
  searchUsers(query: "Departing") { nodes { name } }
}
"""


async def close(someone: Someone, password: str = PASSWORD) -> Answer:
    return await someone.ask(CLOSE, input={"password": password})


def state(world: World, someone: Someone) -> list[Any]:
    return [
        world.sql("SELECT * FROM users WHERE id = %s", someone.user_id),
        world.sql("SELECT * FROM sessions WHERE user_id = %s", someone.user_id),
        world.sql("SELECT * FROM mails WHERE user_id = %s", someone.user_id),
    ]


async def test_an_account_is_closed_only_by_its_user_and_only_when_it_is_empty(
    world: World,
) -> None:
    leaver = await world.join("Leaver", balance="0.01")
    token = await leaver.token("SEND_MONEY")
    before = state(world, leaver)
    assert (await close(leaver, "wrong password")).one["__typename"] == "InvalidCredentials"
    refused = (await close(leaver)).one
    assert (refused["__typename"], refused["balance"]["amount"]) == ("BalanceNotZero", "0.01")
    assert (await world.ask(CLOSE, token, input={"password": PASSWORD})).code == "FORBIDDEN"
    assert (await world.ask(CLOSE, input={"password": PASSWORD})).code == "UNAUTHENTICATED"
    assert state(world, leaver) == before
    world.sql(
        "UPDATE sessions SET created_at = created_at - interval '1 hour' WHERE user_id = %s",
        leaver.user_id,
    )
    before = state(world, leaver)
    # Not even whether the password is right.
    for password in (PASSWORD, "wrong password"):
        unconfirmed = await close(leaver, password)
        assert (unconfirmed.code, unconfirmed.reason) == ("FORBIDDEN", "CONFIRM_SESSION")
    assert state(world, leaver) == before


async def test_a_closed_account_has_no_name_and_signing_in_reopens_it(
    world: World, alpha: Someone
) -> None:
    leaver = await world.join("Departing")
    await alpha.send(leaver, "5")
    await leaver.send(alpha, "5")
    token = await leaver.token("READ_TRANSACTIONS", "SEND_MONEY")
    principals = [await world.principal(bearer) for bearer in (leaver.bearer, token)]
    assert (await close(leaver)).one["__typename"] == "AccountClosed"

    for principal in principals:
        assert principal is not None
        await endings.wait_until_ended(world.services.live, principal)
    for bearer in (leaver.bearer, token):
        assert await world.is_refused(bearer)
    for to in (leaver, leaver.email):
        assert (await alpha.send(to, "1"))["__typename"] == "RecipientNotFound"
    seen = await alpha.ask(SEEN, id=leaver.id)
    assert seen.data is not None
    closed = {"name": "Closed account", "handle": None, "emailHint": ""}
    nodes = seen.data["viewer"]["transactions"]["nodes"]
    assert [node["counterparty"] for node in nodes[:2]] == [closed, closed]
    assert seen.data["viewer"]["contacts"] == [{"name": "Closed account", "emailHint": ""}]
    [message] = [each["message"] for each in seen.data["viewer"]["notifications"]["nodes"]]
    assert message == "Closed account sent you 5.00 USD."
    assert seen.data["node"] == closed
    assert seen.data["searchUsers"]["nodes"] == []

    # Registering and wrong passwords are answered as for an open account.
    registered = (await world.register(leaver.email, "Another")).one
    assert registered["__typename"] == "RegistrationReceived"
    assert (await world.login(leaver.email, "wrong"))["__typename"] == "InvalidCredentials"
    again = await world.login(leaver.email)
    assert again["__typename"] == "SignedIn"
    assert again["viewer"]["email"] == leaver.email
    assert world.mails(leaver.email)[-3:] == ["account_closed", "address_taken", "notification"]
    assert await world.is_refused(leaver.bearer)
    assert (await alpha.send(leaver, "1"))["__typename"] == "MoneySent"
    found = (await alpha.ask(SEEN, id=leaver.id)).data
    assert found is not None
    assert found["node"]["name"] == "Departing"


EXPORT = "mutation { exportData { email } }"
EXPORTS = "{ viewer { dataExports { status requestedAt expiresAt size download } } }"


async def test_an_export_is_downloaded_with_a_confirmed_session_of_its_owner(
    world: World, alpha: Someone
) -> None:
    assert (await alpha.ask(EXPORT)).one == {"email": alpha.email}
    [pending] = (await alpha.ask(EXPORTS)).one["dataExports"]
    assert (pending["status"], pending["download"]) == ("PENDING", None)
    world.sql(
        "UPDATE data_exports SET status = 'READY', attempt_at = NULL, ended_at = now(), "
        "expires_at = now() + interval '7 days', size = 1 WHERE user_id = %s",
        alpha.user_id,
    )
    [ready] = (await alpha.ask(EXPORTS)).one["dataExports"]
    assert ready["status"] == "READY"
    assert "/exports/" in ready["download"]
    for bearer, code in (
        (await alpha.token("READ_PROFILE"), "FORBIDDEN"),
        (None, "UNAUTHENTICATED"),
    ):
        assert (await world.ask(EXPORT, bearer)).code == code
    refused = await world.ask(EXPORTS, await alpha.token("READ_PROFILE"))
    assert refused.code == "FORBIDDEN"
    world.sql(
        "UPDATE sessions SET created_at = created_at - interval '1 hour' WHERE user_id = %s",
        alpha.user_id,
    )
    for asked in (EXPORT, EXPORTS):
        unconfirmed = await alpha.ask(asked)
        assert (unconfirmed.code, unconfirmed.reason) == ("FORBIDDEN", "CONFIRM_SESSION")
    unverified = await world.join("Unverified", verified=False)
    assert (await unverified.ask(EXPORT)).code == "FORBIDDEN"
