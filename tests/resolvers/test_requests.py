"""Payment requests through the API: who may create, see, pay and close which."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.request import RequestContext
from tests.resolvers import test_webhooks
from tests.resolvers.world import SCHEMA, Someone, World, new_key

pytestmark = pytest.mark.anyio

REQUEST = """
  id status note amount { amount } link createdAt expiresAt closedAt
  requester { name emailHint } payer { name }
  transaction { reference direction amount { amount } note counterparty { name } }
"""
REQUEST_MONEY = f"""
mutation($input: RequestMoneyInput!) {{ requestMoney(input: $input) {{
  __typename ... on MoneyRequested {{ replayed paymentRequest {{ {REQUEST} }} }}
  ... on UserError {{ message }} ... on InvalidInput {{ fields {{ path }} }} }} }}
"""
PAY = f"""
mutation($input: PayRequestInput!) {{ payRequest(input: $input) {{
  __typename ... on MoneySent {{ replayed transaction {{ reference direction note fee {{ amount }} }}
    viewer {{ balance {{ amount }} }} }}
  ... on RequestClosed {{ paymentRequest {{ {REQUEST} }} }} ... on UserError {{ message }} }} }}
"""
CLOSE = """
mutation($input: {name}Input!) {{ {field}(input: $input) {{
  __typename ... on PaymentRequestClosed {{ paymentRequest {{ {request} }} }}
  ... on RequestClosed {{ paymentRequest {{ {request} }} }} ... on UserError {{ message }} }} }}
"""
DECLINE = CLOSE.format(name="DeclineRequest", field="declineRequest", request=REQUEST)
CANCEL = CLOSE.format(name="CancelRequest", field="cancelRequest", request=REQUEST)
LISTED = """
query($first: Int, $after: String, $filter: PaymentRequestFilter) { viewer {
  paymentRequests(first: $first, after: $after, filter: $filter) {
    nodes { note status transaction { reference } } pageInfo { hasNextPage endCursor } } } }
"""
BY_TOKEN = f"query($token: String!) {{ paymentRequest(token: $token) {{ {REQUEST} }} }}"
NODE = f"query($id: ID!) {{ node(id: $id) {{ ... on PaymentRequest {{ {REQUEST} }} }} }}"


def asking(payer: Someone | None, amount: str = "5", **more: Any) -> dict[str, Any]:
    named = {} if payer is None else {"payer": {"userId": payer.id}}
    return {**named, "amount": amount, "idempotencyKey": new_key(), **more}


def naming(**payer: str) -> dict[str, Any]:
    return {"payer": payer, "amount": "5", "idempotencyKey": new_key()}


async def ask(requester: Someone, payer: Someone | None, amount: str = "5", **more: Any) -> Any:
    """The new request, as its requester sees it."""
    answer = await requester.ask(REQUEST_MONEY, input=asking(payer, amount, **more))
    assert answer.one["__typename"] == "MoneyRequested", answer.one
    return answer.one["paymentRequest"]


async def pay(payer: Someone, request: Any, key: str | None = None, **more: Any) -> Any:
    given = {"paymentRequestId": request["id"], "idempotencyKey": key or new_key(), **more}
    return (await payer.ask(PAY, input=given)).one


async def close(user: Someone, document: str, request: Any) -> Any:
    return (await user.ask(document, input={"paymentRequestId": request["id"]})).one


async def notes(user: Someone, **given: Any) -> list[str]:
    listed = (await user.ask(LISTED, **given)).one["paymentRequests"]
    return [node["note"] for node in listed["nodes"]]


def told(world: World, user: Someone) -> list[str]:
    """The kinds of the user's notifications, oldest first."""
    rows = world.sql(
        "SELECT kind FROM notifications WHERE user_id = %s ORDER BY number", user.user_id
    )
    return [kind for (kind,) in rows]


@pytest.fixture
async def ann(world: World) -> Someone:
    return await world.join("Ann")


@pytest.fixture
async def ben(world: World) -> Someone:
    return await world.join("Ben", balance="100")


# ================================================================ creating


async def test_a_request_is_created_once_per_key_and_told_to_its_payer(
    world: World, ann: Someone, ben: Someone
) -> None:
    given = asking(ben, "12.50", note="  Dinner\n at Zoë's ")
    answers = await asyncio.gather(*(ann.ask(REQUEST_MONEY, input=given) for _ in range(8)))
    results = [answer.one for answer in answers]
    assert sorted(result["replayed"] for result in results) == [False, *[True] * 7]
    [made] = {
        result["paymentRequest"]["id"]: result["paymentRequest"] for result in results
    }.values()
    assert made["amount"]["amount"] == "12.50"
    assert made["note"] == "Dinner at Zoë's"
    assert (made["status"], made["payer"]["name"]) == ("PENDING", "Ben")
    lifetime = datetime.fromisoformat(made["expiresAt"]) - datetime.fromisoformat(made["createdAt"])
    assert lifetime == timedelta(days=30)
    assert told(world, ben) == ["request_received"]
    assert world.mails(ben.email) == ["verify_email", "notification"]
    for other in (
        {"amount": "12.51"},
        {"note": "Lunch"},
        {"payer": None},
        {"expiresAt": (datetime.now(UTC) + timedelta(days=3)).isoformat()},
    ):
        answer = await ann.ask(REQUEST_MONEY, input={**given, **other})
        assert answer.one["__typename"] == "IdempotencyKeyReused", other
    # The key is of `requestMoney` alone.
    sent = await ben.send(ann, "1", key=given["idempotencyKey"])
    assert sent["__typename"] == "MoneySent"
    await close(ann, CANCEL, made)
    again = (await ann.ask(REQUEST_MONEY, input=given)).one
    assert (again["replayed"], again["paymentRequest"]["status"]) == (True, "CANCELLED")


async def test_what_cannot_be_requested_is_refused(
    world: World, ann: Someone, ben: Someone
) -> None:
    late = await world.join("Late", verified=False)
    now = datetime.now(UTC)

    async def outcome(user: Someone, given: dict[str, Any]) -> tuple[str, Any]:
        answer = (await user.ask(REQUEST_MONEY, input=given)).one
        return answer["__typename"], (answer.get("fields") or [{}])[0].get("path")

    assert await outcome(late, asking(ben)) == ("EmailNotVerified", None)
    assert await outcome(ann, asking(ben, "0")) == ("InvalidAmount", None)
    assert await outcome(ann, asking(ben, "10000.01")) == ("InvalidAmount", None)
    assert await outcome(ann, asking(ben, note="x" * 141)) == ("InvalidInput", ["note"])
    assert await outcome(ann, asking(ann)) == ("CannotPayYourself", None)
    assert await outcome(ann, asking(late)) == ("RecipientNotFound", None)
    assert await outcome(ann, naming(userId="?")) == ("RecipientNotFound", None)
    assert await outcome(ann, naming(email="no@example.com")) == (
        "RecipientNotFound", None,
    )  # fmt: skip
    assert await outcome(ann, naming(email="?")) == (
        "InvalidInput", ["payer", "email"],
    )  # fmt: skip
    for moment in (now - timedelta(seconds=1), now + timedelta(days=367)):
        given = asking(ben, expiresAt=moment.isoformat())
        assert await outcome(ann, given) == ("InvalidInput", ["expiresAt"])
    assert await outcome(ann, {**asking(ben), "idempotencyKey": "short"}) == (
        "InvalidInput", ["idempotencyKey"],
    )  # fmt: skip
    assert await notes(ann) == []
    made = (await ann.ask(REQUEST_MONEY, input=naming(email=ben.email.upper()))).one
    assert made["paymentRequest"]["payer"]["name"] == "Ben"


async def test_requests_that_nobody_pays_are_limited(
    world: World, ann: Someone, ben: Someone
) -> None:
    paid = await ask(ann, ben, "1")
    assert (await pay(ben, paid))["__typename"] == "MoneySent"
    stranger = await world.join("Stranger")

    def fill(user: Someone, count: int) -> None:
        world.sql(
            "WITH made AS (SELECT gen_random_uuid() AS id, sha256(gen_random_uuid()::text::bytea) AS "
            "secret, position FROM generate_series(1, %s) AS position) "
            "INSERT INTO payment_requests (user_id, id, role, requester_id, payer_id, is_open, amount, "
            "status, created_at, expires_at, secret) SELECT user_id, id, role, %s, %s, false, 1, "
            "'pending', now(), now() + interval '1 day', substring(secret, 1, 16) "
            "FROM made, (VALUES (%s::uuid, 'requester'), (%s::uuid, 'payer')) AS side (user_id, role)",
            count, ann.user_id, user.user_id, ann.user_id, user.user_id,
        )  # fmt: skip

    async def outcome(payer: Someone | None) -> str:
        answer = await ann.ask(REQUEST_MONEY, input=asking(payer))
        return str(answer.one["__typename"])

    fill(stranger, 49)
    assert [await outcome(stranger) for _ in range(2)] == ["MoneyRequested", "RequestNotAllowed"]
    # To someone who has paid before, and to anyone with the link, up to 200.
    fill(ben, 148)
    assert await outcome(ben) == "MoneyRequested"
    assert [await outcome(None) for _ in range(2)] == ["MoneyRequested", "RequestNotAllowed"]
    # Closed and expired ones do not count.
    world.sql(
        "UPDATE payment_requests SET expires_at = created_at + interval '1 us' "
        "WHERE requester_id = %s AND payer_id = %s",
        ann.user_id,
        stranger.user_id,
    )
    assert await outcome(stranger) == "MoneyRequested"


# ================================================================ paying


async def test_paying_a_request_transfers_the_amount_and_closes_it_on_both_sides(
    world: World, ann: Someone, ben: Someone
) -> None:
    request = await ask(ann, ben, "12.50", note="Dinner")
    before = world.books()
    eve = await world.join("Eve", balance="100")
    assert (await pay(eve, request))["__typename"] == "NotFound"
    assert (await pay(ann, request))["__typename"] == "CannotPayYourself"
    assert (await pay(ben, {"id": "?"}))["__typename"] == "NotFound"
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    key = new_key()
    assert (await pay(ben, request, key, notAfter=past))["__typename"] == "TooLate"
    assert [line for line in world.books() if line[0] not in (eve.user_id,)] == before
    paid = await pay(ben, request, key)
    assert paid["__typename"] == "MoneySent"
    assert (paid["transaction"]["note"], paid["transaction"]["direction"]) == ("Dinner", "OUTGOING")
    assert paid["viewer"]["balance"]["amount"] == "87.50"
    assert await ann.balance() == "12.50"
    again = await pay(ben, request, key)
    assert (again["replayed"], again["transaction"]) == (True, paid["transaction"])
    closed = await pay(ben, request)
    assert closed["__typename"] == "RequestClosed"
    seen = closed["paymentRequest"]
    assert (seen["status"], seen["transaction"]["reference"]) == (
        "PAID",
        paid["transaction"]["reference"],
    )
    for user, direction in ((ann, "INCOMING"), (ben, "OUTGOING")):
        node = (await user.ask(NODE, id=request["id"])).one
        assert node["status"] == "PAID"
        assert node["transaction"]["direction"] == direction
        assert node["transaction"]["amount"]["amount"] == "12.50"
        assert node["closedAt"] is not None
    assert told(world, ann) == ["money_received", "request_paid"]
    assert (await eve.ask(NODE, id=request["id"])).one is None


async def test_a_key_of_another_transfer_or_other_metadata_pays_no_request(
    world: World, ann: Someone, ben: Someone
) -> None:
    first, second = await ask(ann, ben, "1"), await ask(ann, ben, "1")
    key = new_key()
    pairs = [{"key": "order", "value": "7"}]
    assert (await pay(ben, first, key, metadata=pairs))["__typename"] == "MoneySent"
    assert (await pay(ben, first, key, metadata=pairs))["replayed"] is True
    assert (await pay(ben, first, key))["__typename"] == "IdempotencyKeyReused"
    assert (await pay(ben, second, key, metadata=pairs))["__typename"] == "IdempotencyKeyReused"
    used = new_key()
    await ben.send(ann, "1", key=used)
    assert (await pay(ben, second, used))["__typename"] == "IdempotencyKeyReused"
    assert await ben.balance() == "98.00"


async def test_an_open_request_is_paid_by_whoever_comes_first(world: World, ann: Someone) -> None:
    request = await ask(ann, None, "3", note="Tickets")
    assert request["payer"] is None
    poor = await world.join("Poor")
    assert (await pay(poor, request))["__typename"] == "InsufficientFunds"
    assert (await close(poor, DECLINE, request))["__typename"] == "NotFound"
    cat, dan = await world.join("Cat", balance="10"), await world.join("Dan", balance="10")
    assert (await pay(cat, request))["__typename"] == "MoneySent"
    refused = await pay(dan, request)
    assert refused["__typename"] == "RequestClosed"
    # Who paid it, and with which transaction, concerns nobody else.
    seen = refused["paymentRequest"]
    assert (seen["status"], seen["payer"], seen["link"], seen["transaction"]) == (
        "PAID", None, None, None,
    )  # fmt: skip
    assert await dan.balance() == "10.00"
    assert await notes(cat, filter={"role": "PAYER", "status": "PAID"}) == ["Tickets"]
    assert (await cat.ask(NODE, id=request["id"])).one["payer"]["name"] == "Cat"
    assert (await ann.ask(NODE, id=request["id"])).one["payer"]["name"] == "Cat"


LINKS = """
{ viewer {
  transactions(first: 2) { nodes { paymentRequest { note status payer { name } transaction { sequence } } } }
  notifications(first: 1) { nodes { kind message transaction { sequence }
    paymentRequest { id status link transaction { direction } } } } } }
"""
HEAR = """subscription { notifications(afterNumber: 1) { kind message paymentRequest { id status payer { name } }
  transaction { direction paymentRequest { id } } } }"""


async def test_transactions_and_notifications_lead_to_the_request_live_and_later(
    world: World, ann: Someone, ben: Someone
) -> None:
    await ben.send(ann, "1")
    request = await ask(ann, None, "5", note="Dinner")
    context = RequestContext(world.services, await world.principal(ann.bearer), "192.0.2.1")
    heard: Any = await SCHEMA.subscribe(HEAR, context_value=context)
    assert (await pay(ben, request))["__typename"] == "MoneySent"
    try:
        async with asyncio.timeout(15):
            events = [(await anext(heard)).data["notifications"] for _ in range(2)]
    finally:
        await heard.aclose()
    money, paid = events
    assert (money["kind"], money["paymentRequest"]) == ("MONEY_RECEIVED", None)
    assert (paid["kind"], paid["message"]) == (
        "REQUEST_PAID",
        "Ben paid your request for 5.00 USD.",
    )
    assert paid["paymentRequest"] == {
        "id": request["id"],
        "status": "PAID",
        "payer": {"name": "Ben"},
    }
    for event in events:
        assert event["transaction"]["paymentRequest"] == {"id": request["id"]}
    for user, sequence in ((ann, 2), (ben, 3)):
        viewer = (await user.ask(LINKS)).one
        newest, before = [node["paymentRequest"] for node in viewer["transactions"]["nodes"]]
        assert newest == {
            "note": "Dinner", "status": "PAID", "payer": {"name": "Ben"},
            "transaction": {"sequence": sequence},
        }  # fmt: skip
        assert before is None
    [note] = (await ann.ask(LINKS)).one["notifications"]["nodes"]
    assert note["paymentRequest"]["link"] == request["link"]
    assert note["paymentRequest"]["transaction"]["direction"] == "INCOMING"
    reading = await ann.token("READ_TRANSACTIONS")
    viewer = (await world.ask(LINKS, reading)).one
    assert viewer["notifications"]["nodes"][0]["paymentRequest"] is None
    assert viewer["transactions"]["nodes"][0]["paymentRequest"] is None


async def test_a_webhook_is_told_of_the_request_and_of_the_transaction_that_paid_it(
    ann: Someone, ben: Someone
) -> None:
    document = "subscription { notifications { kind paymentRequest { id status link payer { name } " \
        "transaction { amount { amount } } } } }"  # fmt: skip
    made = await test_webhooks.create(ann, stream="NOTIFICATIONS", document=document)
    request = await ask(ann, ben, "5")
    await pay(ben, request)
    given = {"webhookId": made["webhook"]["id"]}
    tested = (await ann.ask(test_webhooks.TRY, input=given)).one
    assert json.loads(tested["body"])["data"]["notifications"] == {
        "kind": "REQUEST_PAID",
        "paymentRequest": {
            "id": request["id"], "status": "PAID", "link": request["link"],
            "payer": {"name": "Ben"}, "transaction": {"amount": {"amount": "5.00"}},
        },
    }  # fmt: skip


# ================================================================ closing


async def test_a_request_is_declined_by_its_payer_and_cancelled_by_its_requester(
    world: World, ann: Someone, ben: Someone
) -> None:
    eve = await world.join("Eve")
    declined, cancelled = await ask(ann, ben), await ask(ann, ben)
    for user, document, request in (
        (eve, DECLINE, declined), (eve, CANCEL, declined), (ann, DECLINE, declined),
        (ben, CANCEL, declined), (ben, DECLINE, {"id": ben.id}),
    ):  # fmt: skip
        assert (await close(user, document, request))["__typename"] == "NotFound"
    for _ in range(2):
        answer = await close(ben, DECLINE, declined)
        assert answer["__typename"] == "PaymentRequestClosed"
        assert answer["paymentRequest"]["status"] == "DECLINED"
        answer = await close(ann, CANCEL, cancelled)
        assert answer["paymentRequest"]["status"] == "CANCELLED"
    for user, document, request, status in (
        (ann, CANCEL, declined, "DECLINED"), (ben, DECLINE, cancelled, "CANCELLED"),
    ):  # fmt: skip
        answer = await close(user, document, request)
        assert answer["__typename"] == "RequestClosed"
        assert answer["paymentRequest"]["status"] == status
        refused = await pay(ben, request)
        assert (refused["__typename"], refused["paymentRequest"]["status"]) == (
            "RequestClosed",
            status,
        )
    assert told(world, ann) == ["request_declined"]
    assert told(world, ben) == ["request_received", "request_received", "request_cancelled"]
    message = "{ viewer { notifications(first: 1) { nodes { message } } } }"
    [newest] = (await ben.ask(message)).one["notifications"]["nodes"]
    assert newest["message"] == "Ann cancelled a request for 5.00 USD."


async def test_after_its_time_a_request_is_expired_before_a_job_has_recorded_it(
    world: World, ann: Someone, ben: Someone
) -> None:
    request, kept = await ask(ann, ben, note="old"), await ask(ann, ben, note="new")
    world.sql(
        "UPDATE payment_requests SET expires_at = created_at + interval '1 us' "
        "WHERE requester_id = %s AND note = 'old'",
        ann.user_id,
    )
    for answer in (
        await pay(ben, request), await close(ben, DECLINE, request), await close(ann, CANCEL, request),
    ):  # fmt: skip
        assert answer["__typename"] == "RequestClosed"
        seen = answer["paymentRequest"]
        assert (seen["status"], seen["closedAt"]) == ("EXPIRED", seen["expiresAt"])
        assert answer["message"] == "This payment request has expired."
    assert await notes(ben, filter={"status": "EXPIRED"}) == ["old"]
    assert await notes(ben, filter={"status": "PENDING"}) == ["new"]
    assert (await pay(ben, kept))["__typename"] == "MoneySent"


# ================================================================ reading


async def test_the_list_has_the_newest_first_by_role_and_status(
    world: World, ann: Someone, ben: Someone
) -> None:
    made = [await ask(ann, ben, "1", note=str(number)) for number in range(3)]
    await ask(ben, ann, "1", note="back")
    await close(ann, CANCEL, made[1])
    await pay(ben, made[2])
    assert await notes(ann) == await notes(ben) == ["back", "2", "1", "0"]
    first = (await ann.ask(LISTED, first=3)).one["paymentRequests"]
    assert first["pageInfo"]["hasNextPage"] is True
    assert await notes(ann, after=first["pageInfo"]["endCursor"]) == ["0"]
    assert await notes(ann, filter={"role": "REQUESTER"}) == ["2", "1", "0"]
    assert await notes(ann, filter={"role": "PAYER"}) == ["back"]
    assert await notes(ben, filter={"role": "PAYER", "status": "PAID"}) == ["2"]
    assert await notes(ann, filter={"status": "PENDING"}) == ["back", "0"]
    by_role = {"role": "REQUESTER"}
    [page] = [(await ann.ask(LISTED, first=1, filter=by_role)).one["paymentRequests"]]
    assert await notes(ann, filter=by_role, after=page["pageInfo"]["endCursor"]) == ["1", "0"]
    other = "query($after: String) { viewer { paymentRequests(after: $after) { nodes { id } } } }"
    assert (await ann.ask(other, after="bm90OjE")).code == "BAD_USER_INPUT"


async def test_a_link_shows_what_is_asked_to_anyone_and_the_rest_to_its_users(
    world: World, ann: Someone, ben: Someone
) -> None:
    request = await ask(ann, ben, "7", note="Rent")
    base, _, token = request["link"].rpartition("/")
    assert base == f"{world.services.settings.app_url}/r"
    assert len(token) == 43
    signed_out = (await world.ask(BY_TOKEN, token=token)).one
    assert (signed_out["requester"], signed_out["status"]) == (
        {"name": "Ann", "emailHint": ""},
        "PENDING",
    )
    assert (signed_out["amount"]["amount"], signed_out["note"]) == ("7.00", "Rent")
    assert (signed_out["link"], signed_out["payer"], signed_out["transaction"]) == (
        None,
        None,
        None,
    )
    eve = await world.join("Eve")
    seen = (await eve.ask(BY_TOKEN, token=token)).one
    assert seen["requester"]["emailHint"]
    assert (seen["link"], seen["payer"]) == (None, None)
    for user in (ann, ben):
        assert (await user.ask(BY_TOKEN, token=token)).one["link"] == request["link"]
    for wrong in (token[:-1], "B" + token[1:], token[:-1] + "-", "", "ä" * 43):
        assert (await world.ask(BY_TOKEN, token=wrong)).one is None


async def test_an_api_token_needs_the_scope_for_each_part(
    world: World, ann: Someone, ben: Someone
) -> None:
    sends, asks = await ben.token("SEND_MONEY"), await ben.token("REQUEST_MONEY")
    request = await ask(ann, ben, "1")
    own = {"input": asking(ann)}
    assert (await world.ask(REQUEST_MONEY, sends, **own)).code == "FORBIDDEN"
    assert (await world.ask(REQUEST_MONEY, asks, **own)).one["__typename"] == "MoneyRequested"
    assert (await world.ask(LISTED, sends)).codes == ["FORBIDDEN"]
    listed = (await world.ask(LISTED, asks)).one["paymentRequests"]["nodes"]
    assert len(listed) == 2
    assert (await world.ask(NODE, sends, id=request["id"])).one is None
    given = {"input": {"paymentRequestId": request["id"], "idempotencyKey": new_key()}}
    assert (await world.ask(PAY, asks, **given)).code == "FORBIDDEN"
    assert (await world.ask(PAY, sends, **given)).one["__typename"] == "MoneySent"
    # The transaction is for tokens that may read transactions.
    seen = (await world.ask(NODE, asks, id=request["id"])).one
    assert (seen["status"], seen["transaction"]) == ("PAID", None)
    limited = await ben.token("SEND_MONEY", dailyLimit="2")
    for amount, outcome in (("2", "MoneySent"), ("1", "TokenLimitExceeded")):
        another = await ask(ann, ben, amount)
        given = {"input": {"paymentRequestId": another["id"], "idempotencyKey": new_key()}}
        assert (await world.ask(PAY, limited, **given)).one["__typename"] == outcome
    declining = {"input": {"paymentRequestId": another["id"]}}
    assert (await world.ask(DECLINE, sends, **declining)).code == "FORBIDDEN"
    assert (await world.ask(DECLINE, asks, **declining)).one["__typename"] == "PaymentRequestClosed"
