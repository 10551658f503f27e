"""API tokens: what each scope allows, and what none allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import text
from domain.people.sessions import Scope
from tests.resolvers.world import ADD, SEND, Someone, World, new_key

pytestmark = pytest.mark.anyio

CREATE = """
mutation($input: CreateApiTokenInput!) {
  createApiToken(input: $input) {
    __typename
    ... on ApiTokenCreated {
      secret
      apiToken { id name scopes dailyLimit { amount currency } createdAt expiresAt lastUsedAt }
    }
    ... on UserError { message }
    ... on InvalidInput { fields { path } }
    ... on InvalidAmount { minimum { amount } maximum { amount } }
  }
}
"""
REVOKE = """
mutation($input: RevokeApiTokenInput!) {
  revokeApiToken(input: $input) { __typename ... on ApiTokenRevoked { apiToken { id name } } }
}
"""
LIST = "{ viewer { apiTokens { id name scopes } } }"

#: Each thing that a scope guards, and the scope; None is what no API token may do.
GUARDED: dict[str, Scope | None] = {
    "{ viewer { user { name } } }": Scope.READ_PROFILE,
    "{ viewer { email } }": Scope.READ_PROFILE,
    "{ viewer { emailVerifiedAt } }": Scope.READ_PROFILE,
    "{ viewer { balance { amount } } }": Scope.READ_TRANSACTIONS,
    "{ viewer { sequence } }": Scope.READ_TRANSACTIONS,
    '{ viewer { balanceAt(time: "2026-01-01T00:00:00Z") { amount } } }': Scope.READ_TRANSACTIONS,
    "{ viewer { transactions { nodes { id } } } }": Scope.READ_TRANSACTIONS,
    '{ viewer { transactionByIdempotencyKey(kind: TOP_UP, idempotencyKey: "a key of 8") { id } } }': (
        Scope.READ_TRANSACTIONS
    ),
    "{ viewer { contacts { id } } }": Scope.READ_TRANSACTIONS,
    '{ searchUsers(query: "beta") { nodes { id } } }': Scope.SEARCH_USERS,
    '{ transferPreview(amount: "1") { __typename } }': Scope.SEND_MONEY,
    'mutation { addBalance(input: {amount: "1", idempotencyKey: "%s"}) { __typename } }': (
        Scope.ADD_BALANCE
    ),
    'mutation { sendMoney(input: {recipient: {email: "nobody@example.com"}, amount: "1",'
    ' idempotencyKey: "%s"}) { __typename } }': Scope.SEND_MONEY,
    "{ viewer { webhooks { id } } }": Scope.MANAGE_WEBHOOKS,
    'mutation { createWebhook(input: {url: "", stream: WALLET_EVENTS}) { __typename } }': (
        Scope.MANAGE_WEBHOOKS
    ),
    'mutation { updateWebhook(input: {webhookId: "x"}) { __typename } }': Scope.MANAGE_WEBHOOKS,
    'mutation { deleteWebhook(input: {webhookId: "x"}) { __typename } }': Scope.MANAGE_WEBHOOKS,
    'mutation { rotateWebhookSecret(input: {webhookId: "x"}) { __typename } }': (
        Scope.MANAGE_WEBHOOKS
    ),
    'mutation { replayWebhook(input: {webhookId: "x", afterNumber: 0}) { __typename } }': (
        Scope.MANAGE_WEBHOOKS
    ),
    'mutation { testWebhook(input: {webhookId: "x"}) { __typename } }': Scope.MANAGE_WEBHOOKS,
    "{ viewer { sessions { id } } }": None,
    "{ viewer { apiTokens { id } } }": None,
    "mutation { logout(input: {}) { __typename } }": None,
    'mutation { revokeSession(input: {sessionId: "x"}) { __typename } }': None,
    'mutation { changePassword(input: {currentPassword: "x", newPassword: "y"}) { __typename } }': None,
    'mutation { updateProfile(input: {name: "Zoë"}) { __typename } }': None,
    'mutation { createApiToken(input: {name: "x", scopes: [SEND_MONEY]}) { __typename } }': None,
    'mutation { revokeApiToken(input: {apiTokenId: "x"}) { __typename } }': None,
}


async def _create(someone: Someone, **given: object) -> Any:
    usual: dict[str, object] = {"name": "a program", "scopes": ["READ_PROFILE"]}
    return (await someone.ask(CREATE, input={**usual, **given})).one


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_scope_opens_what_it_guards_and_nothing_else(
    world: World, alpha: Someone, scope: Scope
) -> None:
    token = await alpha.token(scope)
    for query, needed in GUARDED.items():
        answer = await world.ask(query.replace("%s", new_key()), token)
        expected = [] if needed == scope else ["FORBIDDEN"]
        assert answer.codes == expected, query


async def test_any_token_says_whose_it_is_and_what_the_service_allows(
    world: World, alpha: Someone
) -> None:
    token = await alpha.token("SEND_MONEY")
    assert (await world.ask("{ viewer { id } }", token)).one["id"]
    assert (await world.ask("{ wallet { currency } }", token)).one == {"currency": "USD"}


async def test_a_token_that_may_move_money_may_read_what_became_of_it(
    world: World, alpha: Someone, beta: Someone
) -> None:
    sender, adder = await alpha.token("SEND_MONEY"), await alpha.token("ADD_BALANCE")
    given = {"recipient": {"userId": beta.id}, "amount": "1", "idempotencyKey": new_key()}
    for _ in range(2):
        sent = (await world.ask(SEND, sender, input=given)).one
        assert sent["viewer"]["balance"] == {"amount": "999.00"}
        assert sent["transaction"]["counterparty"]["name"] == "Beta"
    added = (await world.ask(ADD, adder, input={"amount": "2", "idempotencyKey": new_key()})).one
    assert added["viewer"]["balance"] == {"amount": "1001.00"}
    peeking = SEND.replace("viewer { id balance { amount } sequence }", "viewer { email }")
    given["idempotencyKey"] = new_key()
    assert (await world.ask(peeking, sender, input=given)).code == "FORBIDDEN"


async def test_a_daily_limit_holds_over_amounts_and_replays_cost_nothing(
    world: World, alpha: Someone, beta: Someone
) -> None:
    token = await alpha.token("SEND_MONEY", dailyLimit="10")

    async def send(amount: str, key: str) -> Any:
        given = {"recipient": {"userId": beta.id}, "amount": amount, "idempotencyKey": key}
        return (await world.ask(SEND, token, input=given)).one

    key = new_key()
    assert (await send("7", key))["__typename"] == "MoneySent"
    assert (await send("7", key))["replayed"] is True
    refused = await send("3.01", new_key())
    assert refused["__typename"] == "TokenLimitExceeded"
    assert refused["remaining"] == {"amount": "3.00"}
    assert (await send("3", new_key()))["__typename"] == "MoneySent"
    assert (await alpha.send(beta, "100"))["__typename"] == "MoneySent"


async def test_the_preview_of_a_token_stays_within_its_daily_limit(
    world: World, alpha: Someone, beta: Someone
) -> None:
    token = await alpha.token("SEND_MONEY", dailyLimit="10")
    given = {"recipient": {"userId": beta.id}, "amount": "7", "idempotencyKey": new_key()}
    assert (await world.ask(SEND, token, input=given)).one["__typename"] == "MoneySent"

    async def preview(amount: str, bearer: str) -> Any:
        query = """query($amount: Decimal!) { transferPreview(amount: $amount) {
            ... on TransferPreview { shortfall { amount } maximumSendable { amount } } } }"""
        return (await world.ask(query, bearer, amount=amount)).one

    assert await preview("3", token) == {"shortfall": None, "maximumSendable": {"amount": "3.00"}}
    assert await preview("3.01", token) == {
        "shortfall": {"amount": "0.01"},
        "maximumSendable": {"amount": "3.00"},
    }
    by_person = await preview("3.01", alpha.bearer)
    assert by_person == {"shortfall": None, "maximumSendable": {"amount": "993.00"}}
    unlimited = await preview("3.01", await alpha.token("SEND_MONEY"))
    assert unlimited == by_person


async def test_a_secret_is_shown_once_and_works(world: World, alpha: Someone) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    created = await _create(
        alpha,
        name="  Till   2 ",
        scopes=["READ_PROFILE", "SEND_MONEY"],
        dailyLimit="12.50",
        expiresAt=text.rfc3339(until),
    )
    shown = created["apiToken"]
    assert shown["name"] == "Till 2"
    assert sorted(shown["scopes"]) == ["READ_PROFILE", "SEND_MONEY"]
    assert shown["dailyLimit"] == {"amount": "12.50", "currency": "USD"}
    assert shown["expiresAt"] == text.rfc3339(until)
    assert shown["lastUsedAt"] is None
    assert created["secret"].startswith("mw_")
    answer = await world.ask("{ viewer { email } }", created["secret"])
    assert answer.one == {"email": alpha.email}
    (listed,) = (await alpha.ask(LIST)).one["apiTokens"]
    assert listed["id"] == shown["id"]
    stored = world.sql("SELECT secret_hash FROM api_tokens WHERE user_id = %s", alpha.user_id)
    assert created["secret"].encode() not in bytes(stored[0][0])


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"name": ""}, [["name"]]),
        ({"name": "x" * 81}, [["name"]]),
        ({"name": "nul\x00"}, [["name"]]),
        ({"scopes": []}, [["scopes"]]),
        ({"scopes": ["SEND_MONEY", "SEND_MONEY"]}, [["scopes"]]),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, [["expiresAt"]]),
        ({"name": " ", "scopes": []}, [["name"], ["scopes"]]),
    ],
    ids=str,
)
async def test_a_token_that_makes_no_sense_is_not_made(
    someone: Someone, given: dict[str, object], paths: list[list[str]]
) -> None:
    refused = await _create(someone, **given)
    assert refused["__typename"] == "InvalidInput"
    assert [field["path"] for field in refused["fields"]] == paths
    assert (await someone.ask(LIST)).one["apiTokens"] == []


@pytest.mark.parametrize("limit", ["0", "-1", "0.001", "9" * 40])
async def test_a_daily_limit_is_an_amount(someone: Someone, limit: str) -> None:
    refused = await _create(someone, dailyLimit=limit)
    assert refused["__typename"] == "InvalidAmount"
    assert refused["minimum"] == {"amount": "0.01"}


async def test_a_user_keeps_at_most_50_tokens(alpha: Someone) -> None:
    for _ in range(50):
        assert (await _create(alpha))["__typename"] == "ApiTokenCreated"
    assert (await _create(alpha))["__typename"] == "InvalidInput"


async def test_a_revoked_token_ends_at_once(world: World, alpha: Someone) -> None:
    created = await _create(alpha)
    asked = {"apiTokenId": created["apiToken"]["id"]}
    revoked = (await alpha.ask(REVOKE, input=asked)).one
    assert revoked["apiToken"] == {"id": created["apiToken"]["id"], "name": "a program"}
    assert (await alpha.ask(REVOKE, input=asked)).one["__typename"] == "NotFound"
    assert await world.is_refused(created["secret"])


async def test_foreign_and_malformed_tokens_are_not_found(alpha: Someone, beta: Someone) -> None:
    foreign = (await _create(beta))["apiToken"]["id"]
    for token_id in (foreign, alpha.id, "", "\x00", "nonsense"):
        answer = await alpha.ask(REVOKE, input={"apiTokenId": token_id})
        assert answer.one["__typename"] == "NotFound"
    assert len((await beta.ask(LIST)).one["apiTokens"]) == 1


async def test_tokens_are_made_by_those_who_are_signed_in(world: World) -> None:
    answer = await world.ask(CREATE, input={"name": "x", "scopes": ["SEND_MONEY"]})
    assert answer.code == "UNAUTHENTICATED"


async def test_scopes_of_a_newer_release_grant_nothing_and_break_nothing(
    world: World, alpha: Someone
) -> None:
    token = await alpha.token("READ_PROFILE")
    world.sql("UPDATE api_tokens SET scopes = %s", ["FLY_TO_THE_MOON", "READ_PROFILE"])
    told = await world.ask("{ credential { scopes } viewer { user { id } } }", token)
    assert told.codes == []
    assert told.data is not None
    assert told.data["credential"] == {"scopes": ["READ_PROFILE"]}
    world.sql("UPDATE api_tokens SET scopes = %s", ["FLY_TO_THE_MOON"])
    assert (await alpha.ask("{ viewer { apiTokens { scopes } } }")).one["apiTokens"] == [
        {"scopes": []}
    ]
    world.services.tokens.drop(token)
    assert (await world.ask("{ viewer { user { name } } }", token)).codes == ["FORBIDDEN"]
