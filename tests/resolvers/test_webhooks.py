"""Webhooks through the API: what their owners can do, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import graphql
import pytest
import standardwebhooks

from tests.resolvers.world import SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

URL = "http://127.0.0.1:1/hooks"
FIELDS = "id url stream document status deliveredThrough createdAt secretHints"
CREATE = f"""
mutation($input: CreateWebhookInput!) {{
  createWebhook(input: $input) {{
    __typename
    ... on WebhookCreated {{ secret webhook {{ {FIELDS} }} }}
    ... on InvalidWebhook {{ message fields {{ path message }} }}
  }}
}}
"""
UPDATE = f"""
mutation($input: UpdateWebhookInput!) {{
  updateWebhook(input: $input) {{
    __typename
    ... on WebhookUpdated {{ webhook {{ {FIELDS} }} }}
    ... on InvalidWebhook {{ fields {{ path }} }}
  }}
}}
"""
REPLAY = f"""
mutation($input: ReplayWebhookInput!) {{
  replayWebhook(input: $input) {{
    __typename
    ... on WebhookUpdated {{ webhook {{ {FIELDS} }} }}
    ... on InvalidWebhook {{ fields {{ path }} }}
  }}
}}
"""
ROTATE = """
mutation($input: RotateWebhookSecretInput!) {
  rotateWebhookSecret(input: $input) {
    __typename
    ... on WebhookSecretRotated { secret webhook { secretHints } }
    ... on InvalidInput { fields { path } }
  }
}
"""
DELETE = """
mutation($input: DeleteWebhookInput!) {
  deleteWebhook(input: $input) {
    __typename ... on WebhookDeleted { viewer { webhooks { id } } }
  }
}
"""
TRY = """
mutation($input: TestWebhookInput!) {
  testWebhook(input: $input) {
    __typename
    ... on WebhookTested {
      headers body attempt { eventId number attempt responseStatus detail nextAttemptAt }
    }
    ... on InvalidWebhook { fields { path message } }
  }
}
"""
LIST = f"{{ viewer {{ webhooks {{ {FIELDS} }} }} }}"
DOCUMENT = "subscription { walletEvents { sequence } }"


async def create(someone: Someone, bearer: str | None = None, /, **given: object) -> Any:
    usual: dict[str, object] = {"url": URL, "stream": "WALLET_EVENTS"}
    answer = await someone.world.ask(CREATE, bearer or someone.bearer, input={**usual, **given})
    return answer.one


async def created(someone: Someone, **given: object) -> Any:
    made = await create(someone, **given)
    assert made["__typename"] == "WebhookCreated", made
    return made["webhook"]


async def listed(someone: Someone) -> list[Any]:
    found: list[Any] = (await someone.ask(LIST)).one["webhooks"]
    return found


def paths(refused: Any) -> list[str]:
    assert refused["__typename"] in ("InvalidWebhook", "InvalidInput"), refused
    return [".".join(field["path"]) for field in refused["fields"]]


async def test_a_webhook_is_created_listed_changed_and_deleted(alpha: Someone) -> None:
    made = await create(alpha)
    webhook = made["webhook"]
    assert made["secret"].startswith("whsec_")
    assert webhook["secretHints"] == [made["secret"][-4:]]
    assert webhook["status"] == "ACTIVE"
    # The one top-up so far is not a future event.
    assert webhook["deliveredThrough"] == 1
    assert await listed(alpha) == [webhook]
    again = await alpha.ask("query($id: ID!) { node(id: $id) { id __typename } }", id=webhook["id"])
    assert again.one == {"id": webhook["id"], "__typename": "Webhook"}

    changed = {"url": "http://127.0.0.1:1/other", "document": DOCUMENT, "status": "PAUSED"}
    updated = (await alpha.ask(UPDATE, input={"webhookId": webhook["id"], **changed})).one
    assert updated["webhook"] == {**webhook, **changed}
    untouched = (await alpha.ask(UPDATE, input={"webhookId": webhook["id"]})).one
    assert untouched["webhook"] == {**webhook, **changed}

    gone = (await alpha.ask(DELETE, input={"webhookId": webhook["id"]})).one
    assert gone == {"__typename": "WebhookDeleted", "viewer": {"webhooks": []}}
    for query, more in (
        (DELETE, {}),
        (UPDATE, {}),
        (ROTATE, {}),
        (REPLAY, {"afterNumber": 0}),
        (TRY, {}),
    ):
        refused = (await alpha.ask(query, input={"webhookId": webhook["id"], **more})).one
        assert refused["__typename"] == "NotFound"
    left = alpha.world.sql(
        "SELECT count(*) FROM delivery_cursors WHERE user_id = %s", alpha.user_id
    )
    assert left == [(0,)]


@pytest.mark.parametrize("stream", ["WALLET_EVENTS", "NOTIFICATIONS"])
async def test_the_default_document_selects_all_scalars_and_is_accepted(
    alpha: Someone, beta: Someone, stream: str
) -> None:
    await beta.add("5")
    await beta.send(alpha, "5")
    webhook = await created(alpha, stream=stream)
    given = {"stream": stream, "document": webhook["document"]}
    assert (await created(alpha, **given))["document"] == webhook["document"]
    tested = (await alpha.ask(TRY, input={"webhookId": webhook["id"]})).one
    ((event,),) = [list(json.loads(tested["body"])["data"].values())]
    for shown, name in (
        (event, "TransactionPosted" if stream == "WALLET_EVENTS" else "Notification"),
        (event["transaction"], "Transaction"),
    ):
        kind = SCHEMA._schema.type_map[name]
        assert isinstance(kind, graphql.GraphQLObjectType)
        scalars = {
            name
            for name, field in kind.fields.items()
            if graphql.is_leaf_type(graphql.get_named_type(field.type))
        }
        assert scalars <= set(shown)


async def test_others_see_no_webhook(alpha: Someone, beta: Someone) -> None:
    webhook = await created(alpha)
    assert await listed(beta) == []
    for query, more in (
        (DELETE, {}),
        (UPDATE, {}),
        (ROTATE, {}),
        (REPLAY, {"afterNumber": 0}),
        (TRY, {}),
    ):
        refused = (await beta.ask(query, input={"webhookId": webhook["id"], **more})).one
        assert refused["__typename"] == "NotFound"
    found = await beta.ask("query($id: ID!) { node(id: $id) { id } }", id=webhook["id"])
    assert found.one is None


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{ viewer { id } }",
        "mutation { logout(input: {}) { __typename } }",
        "subscription {",
        "subscription { __typename }",
        "subscription { notifications { number } }",
        "subscription { walletEvents { sequence nonsense } }",
        "subscription { walletEvents { sequence } other: walletEvents { sequence } }",
        "subscription { walletEvents { sequence } __typename }",
        f"{DOCUMENT} {{ viewer {{ id }} }}",
        "subscription A { walletEvents { sequence } } subscription B { walletEvents { sequence } }",
        "subscription($after: Int!) { walletEvents(afterSequence: $after) { sequence } }",
        "subscription { walletEvents(afterSequence: 3) { sequence } }",
        "subscription($after: Int = 3) { walletEvents(afterSequence: $after) { sequence } }",
        "subscription { walletEvents @include(if: true) { sequence } }",
        "subscription($yes: Boolean = true) { walletEvents @skip(if: $yes) { sequence } }",
        "subscription { ...Nothing }",
        "subscription { ...Two } fragment Two on Subscription "
        "{ walletEvents { sequence } other: walletEvents { sequence } }",
        "subscription { walletEvents { sequence } } fragment Unused on Transaction { id }",
        "subscription { walletEvents { ...Round } } fragment Round on WalletEvent { ...Round }",
        "subscription { walletEvents { " + " ".join(f"a{n}: sequence" for n in range(60)) + " } }",
        DOCUMENT + "\0",
        DOCUMENT + " # \ud800",
        DOCUMENT + " #" + "x" * 10_000,
    ],
)
async def test_a_document_that_no_subscriber_of_the_stream_has_is_refused(
    someone: Someone, document: str
) -> None:
    assert paths(await create(someone, document=document)) == ["document"]


async def test_a_document_that_costs_too_much_is_refused(someone: Someone) -> None:
    lists = " ".join(f"a{n}: attempts(first: 100) {{ nodes {{ number }} }}" for n in range(25))
    document = f"subscription {{ notifications {{ webhook {{ {lists} }} }} }}"
    refused = await create(someone, stream="NOTIFICATIONS", document=document)
    assert paths(refused) == ["document"]
    assert "costs" in refused["message"]


@pytest.mark.parametrize(
    "document",
    [
        "subscription Named { walletEvents { sequence } }",
        "subscription { renamed: walletEvents { sequence } }",
        "subscription($after: Int) { walletEvents(afterSequence: $after) { sequence } }",
        "subscription($more: Boolean = false) { walletEvents { sequence "
        "balance @include(if: $more) { amount } } }",
        "subscription { ...Root } fragment Root on Subscription { walletEvents { sequence } }",
    ],
)
async def test_what_a_subscriber_may_send_is_accepted(alpha: Someone, document: str) -> None:
    assert (await created(alpha, document=document))["document"] == document


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks",
        "ftp://93.184.216.34/",
        "http://93.184.216.34/",
        "https://user:secret@93.184.216.34/",
        "https://93.184.216.34/#part",
        "https://93.184.216.34:22/",
        "https://93.184.216.34:99999/",
        "https://10.0.0.1/",
        "https://localhost/",
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://does-not-exist.invalid/",
        "https://example.com/" + "x" * 2000,
        "https://exa\nmple.com/",
        "https://exa\0mple.com/",
        "https://\ud800.example.com/",
    ],
)
async def test_an_address_that_is_not_public_https_is_refused(someone: Someone, url: str) -> None:
    assert paths(await create(someone, url=url)) == ["url"]


async def test_every_wrong_field_is_named(someone: Someone) -> None:
    refused = await create(someone, url="nonsense", document="nonsense")
    assert paths(refused) == ["url", "document"]
    assert paths(await create(someone, afterNumber=-1)) == ["afterNumber"]
    assert paths(await create(someone, afterNumber=2)) == ["afterNumber"]
    webhook = await created(someone)
    for wrong, field in (
        ({"status": "DISABLED"}, "status"),
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"document": "{ viewer { id } }"}, "document"),
    ):
        refused = (await someone.ask(UPDATE, input={"webhookId": webhook["id"], **wrong})).one
        assert paths(refused) == [field]
    assert webhook in await listed(someone)
    await someone.ask(DELETE, input={"webhookId": webhook["id"]})


async def test_a_user_has_at_most_ten_webhooks(beta: Someone) -> None:
    webhooks = [await created(beta) for _ in range(10)]
    assert paths(await create(beta)) == ["url"]
    await beta.ask(DELETE, input={"webhookId": webhooks[0]["id"]})
    await created(beta)


async def test_deliveries_begin_where_the_owner_says(alpha: Someone) -> None:
    await alpha.add("1")
    webhook = await created(alpha, afterNumber=0)
    assert webhook["deliveredThrough"] == 0
    due = alpha.world.sql(
        "SELECT sink, number FROM delivery_due WHERE user_id = %s AND sink = 'webhooks'",
        alpha.user_id,
    )
    assert due == [("webhooks", 2)]
    paused = {"webhookId": webhook["id"], "status": "PAUSED"}
    assert (await alpha.ask(UPDATE, input=paused)).one["webhook"]["status"] == "PAUSED"
    assert not alpha.world.sql("SELECT 1 FROM delivery_due WHERE user_id = %s", alpha.user_id)
    replayed = (await alpha.ask(REPLAY, input={"webhookId": webhook["id"], "afterNumber": 1})).one
    assert replayed["webhook"] == {**webhook, "deliveredThrough": 1, "status": "ACTIVE"}
    for number in (-1, 3):
        refused = await alpha.ask(REPLAY, input={"webhookId": webhook["id"], "afterNumber": number})
        assert paths(refused.one) == ["afterNumber"]


async def test_secrets_overlap_for_as_long_as_the_owner_says(alpha: Someone) -> None:
    made = await create(alpha)
    webhook_id, secrets = made["webhook"]["id"], [made["secret"]]

    async def rotate(**more: object) -> Any:
        return (await alpha.ask(ROTATE, input={"webhookId": webhook_id, **more})).one

    for _ in range(4):
        rotated = await rotate()
        secrets.insert(0, rotated["secret"])
        assert rotated["webhook"]["secretHints"] == [secret[-4:] for secret in secrets]
    assert paths(await rotate()) == ["overlapSeconds"]
    for wrong in (-1, 30 * 86_400 + 1):
        assert paths(await rotate(overlapSeconds=wrong)) == ["overlapSeconds"]
    rotated = await rotate(overlapSeconds=0)
    assert rotated["webhook"]["secretHints"] == [rotated["secret"][-4:]]
    stored = alpha.world.sql("SELECT encrypted, hint FROM webhook_secrets")
    assert all(secret.encode() not in bytes(row[0]) for row in stored for secret in secrets)


async def test_a_test_shows_the_signed_delivery_of_the_latest_event(alpha: Someone) -> None:
    made = await create(alpha)
    asked = {"webhookId": made["webhook"]["id"]}
    tested = (await alpha.ask(TRY, input=asked)).one
    assert tested["attempt"] is None
    content = standardwebhooks.Webhook(made["secret"]).verify(tested["body"], tested["headers"])
    assert list(content) == ["type", "timestamp", "number", "epoch", "data"]
    assert (content["type"], content["number"]) == ("wallet.event", 1)
    event = content["data"]["walletEvents"]
    assert event["__typename"] == "TransactionPosted"
    assert event["transaction"]["amount"] == {"amount": "1000.00", "currency": "USD"}
    assert json.loads(json.dumps(content)) == content

    sent = (await alpha.ask(TRY, input={**asked, "send": True})).one
    assert sent["attempt"] == {
        "eventId": sent["headers"]["webhook-id"],
        "number": 1,
        "attempt": 1,
        "responseStatus": None,
        "detail": "No connection could be made.",
        "nextAttemptAt": None,
    }
    assert sent["headers"]["webhook-id"] == tested["headers"]["webhook-id"]
    assert (await listed(alpha))[0]["deliveredThrough"] == 1


async def test_a_test_that_is_sent_skips_no_event_that_waits(alpha: Someone) -> None:
    for _ in range(2):
        await alpha.add("1")
    webhook = await created(alpha, afterNumber=0)
    await alpha.ask(UPDATE, input={"webhookId": webhook["id"], "status": "PAUSED"})

    async def tried(delivered_through: int, **more: object) -> int:
        replay = {"webhookId": webhook["id"], "afterNumber": delivered_through}
        await alpha.ask(REPLAY, input=replay)
        tested = (await alpha.ask(TRY, input={"webhookId": webhook["id"], **more})).one
        number: int = json.loads(tested["body"])["number"]
        assert (tested["attempt"] or {"number": number})["number"] == number
        return number

    assert [await tried(through, send=True) for through in range(4)] == [1, 2, 3, 3]
    assert await tried(0) == 3


async def test_another_document_is_previewed_and_never_sent(alpha: Someone) -> None:
    webhook = await created(alpha)
    asked = {"webhookId": webhook["id"], "document": DOCUMENT}
    previewed = (await alpha.ask(TRY, input=asked)).one
    assert json.loads(previewed["body"])["data"] == {"walletEvents": {"sequence": 1}}
    assert previewed["attempt"] is None
    refused = {**asked, "document": "{ viewer { id } }"}
    assert paths((await alpha.ask(TRY, input=refused)).one) == ["document"]
    assert paths((await alpha.ask(TRY, input={**asked, "send": True})).one) == ["document"]
    assert await listed(alpha) == [webhook]


async def test_nothing_is_sent_without_a_signature(alpha: Someone) -> None:
    webhook = await created(alpha)
    alpha.world.sql("UPDATE webhook_secrets SET key_id = %s RETURNING 1", b"12345678")
    asked = {"webhookId": webhook["id"]}
    for more in ({}, {"send": True}):
        assert paths((await alpha.ask(TRY, input={**asked, **more})).one) == ["webhookId"]
    await alpha.ask(ROTATE, input=asked)
    assert (await alpha.ask(TRY, input=asked)).one["__typename"] == "WebhookTested"


async def test_without_an_event_there_is_nothing_to_test(beta: Someone) -> None:
    webhook = await created(beta)
    assert paths((await beta.ask(TRY, input={"webhookId": webhook["id"]})).one) == ["webhookId"]


async def test_a_program_manages_its_own_webhooks_within_its_scopes(
    world: World, alpha: Someone
) -> None:
    await created(alpha)
    blind = await alpha.token("MANAGE_WEBHOOKS")
    assert paths(await create(alpha, blind)) == ["stream"]
    reader = await alpha.token("READ_TRANSACTIONS")
    assert (await world.ask(CREATE, reader, input={"url": URL, "stream": "WALLET_EVENTS"})).codes
    token = await alpha.token("MANAGE_WEBHOOKS", "READ_TRANSACTIONS")
    webhook = (await create(alpha, token))["webhook"]
    assert (await world.ask(LIST, token)).one["webhooks"] == [webhook]
    assert (await world.ask(LIST, blind)).one["webhooks"] == []
    assert len(await listed(alpha)) == 2
    tested = (await world.ask(TRY, token, input={"webhookId": webhook["id"]})).one
    assert tested["__typename"] == "WebhookTested"

    # It ends with its token, and leaves room for another.
    tokens = (await alpha.ask("{ viewer { apiTokens { id scopes } } }")).one["apiTokens"]
    (ended,) = [each["id"] for each in tokens if len(each["scopes"]) == 2]
    await alpha.ask(
        "mutation($id: ID!) { revokeApiToken(input: {apiTokenId: $id}) { __typename } }", id=ended
    )
    assert webhook not in await listed(alpha)
    refused = await alpha.ask(UPDATE, input={"webhookId": webhook["id"], "status": "ACTIVE"})
    assert refused.one["__typename"] == "NotFound"


async def test_attempts_are_listed_in_pages(alpha: Someone) -> None:
    webhook = await created(alpha)
    for _ in range(3):
        await alpha.ask(TRY, input={"webhookId": webhook["id"], "send": True})
    query = """query($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on Webhook {
      attempts(first: $first, after: $after) {
        nodes { attempt } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor }
      } } } }"""
    first = (await alpha.ask(query, id=webhook["id"], first=2)).one["attempts"]
    assert [node["attempt"] for node in first["nodes"]] == [3, 2]
    assert first["pageInfo"]["hasNextPage"]
    end = first["pageInfo"]["endCursor"]
    second = (await alpha.ask(query, id=webhook["id"], first=2, after=end)).one["attempts"]
    assert [node["attempt"] for node in second["nodes"]] == [1]
    assert not second["pageInfo"]["hasNextPage"]
    foreign = await alpha.ask(query, id=webhook["id"], after="bm9uc2Vuc2U")
    assert foreign.code == "BAD_USER_INPUT"
