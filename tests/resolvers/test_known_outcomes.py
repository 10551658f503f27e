"""Known outcomes: deadlines, closed keys, metadata, and what a program can look up about its requests."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import ids
from domain.people.sessions import Scope
from tests.resolvers.world import ADD, SEND, Answer, Someone, World, new_key

pytestmark = pytest.mark.anyio

CLOSE = """
mutation($input: CloseIdempotencyKeyInput!) {
  closeIdempotencyKey(input: $input) {
    __typename
    ... on IdempotencyKeySettled {
      transaction { reference sequence amount { amount } counterparty { id } metadata { key value } }
    }
    ... on UserError { message }
    ... on InvalidInput { fields { path message } }
  }
}
"""
SEND_WITH_METADATA = SEND.replace("createdAt", "createdAt metadata { key value }", 1)
ADD_WITH_METADATA = ADD.replace("createdAt", "createdAt metadata { key value }", 1)
ORDER = [{"key": "order", "value": "7"}, {"key": "customer", "value": "Zoë & sons"}]
LISTED = """
query($filter: TransactionFilter) {
  viewer { transactions(filter: $filter) { nodes { sequence metadata { key value } } } }
}
"""
BY_REFERENCE = """
query($reference: ID!) { viewer { transactionByReference(reference: $reference) {
  sequence reference direction metadata { key value } } } }
"""
CREDENTIAL = """
{ credential { scopes session { id isCurrent }
    apiToken { id name dailyLimit { amount } dailyRemaining { amount } } } }
"""


def sending(to: Someone, amount: str = "5", **more: Any) -> dict[str, Any]:
    return {
        "recipient": {"userId": to.id},
        "amount": amount,
        "idempotencyKey": new_key(),
        **more,
    }


async def close(
    someone: Someone, key: str, kind: str = "TRANSFER", bearer: str | None = None
) -> Answer:
    asked = {"kind": kind, "idempotencyKey": key}
    return await someone.world.ask(CLOSE, bearer or someone.bearer, input=asked)


# ================================================================ notAfter


@pytest.mark.parametrize("operation", ["send", "add"])
async def test_a_request_after_its_deadline_moves_nothing_and_leaves_the_key_unused(
    world: World, alpha: Someone, beta: Someone, operation: str
) -> None:
    asked = sending(beta) if operation == "send" else {"amount": "5", "idempotencyKey": new_key()}
    document = SEND if operation == "send" else ADD
    before = world.books()
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    refused = (await alpha.ask(document, input={**asked, "notAfter": past})).one
    assert refused["__typename"] == "TooLate"
    assert "notAfter" in refused["message"]
    assert world.books() == before
    future = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    done = (await alpha.ask(document, input={**asked, "notAfter": future})).one
    assert done["replayed"] is False


async def test_a_replay_comes_before_the_deadline(alpha: Someone, beta: Someone) -> None:
    asked = sending(beta)
    first = (await alpha.ask(SEND, input=asked)).one
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    again = (await alpha.ask(SEND, input={**asked, "notAfter": past})).one
    assert again["replayed"] is True
    assert again["transaction"] == first["transaction"]


# ================================================================ closeIdempotencyKey


async def test_a_closed_key_never_moves_money(world: World, alpha: Someone, beta: Someone) -> None:
    asked = sending(beta)
    key = asked["idempotencyKey"]
    before = world.books()
    for _ in range(2):
        closed = (await close(alpha, key)).one
        assert closed == {"__typename": "IdempotencyKeySettled", "transaction": None}
    refused = (await alpha.ask(SEND, input=asked)).one
    assert refused["__typename"] == "IdempotencyKeyClosed"
    assert world.books() == before
    assert world.metrics.transfers[-1] == "IdempotencyKeyClosed"


async def test_closing_a_used_key_returns_its_transaction(alpha: Someone, beta: Someone) -> None:
    asked = sending(beta, metadata=ORDER)
    sent = (await alpha.ask(SEND, input=asked)).one["transaction"]
    closed = (await close(alpha, asked["idempotencyKey"])).one["transaction"]
    assert closed["reference"] == sent["reference"]
    assert closed["counterparty"] == {"id": beta.id}
    assert closed["metadata"] == ORDER
    again = (await alpha.ask(SEND, input=asked)).one
    assert again["replayed"] is True


async def test_a_key_is_closed_for_one_user_and_one_kind_alone(
    alpha: Someone, beta: Someone
) -> None:
    key = new_key()
    assert (await close(alpha, key, "TRANSFER")).one["transaction"] is None
    assert (await alpha.add("1", key))["__typename"] == "BalanceAdded"
    assert (await beta.add("1"))["__typename"] == "BalanceAdded"
    assert (await beta.send(alpha, "1", key))["__typename"] == "MoneySent"
    assert (await alpha.send(beta, "1", key))["__typename"] == "IdempotencyKeyClosed"


async def test_closing_and_sending_at_once_have_one_outcome(alpha: Someone, beta: Someone) -> None:
    for _ in range(8):
        asked = sending(beta, "0.01")
        sent, closed = await asyncio.gather(
            alpha.ask(SEND, input=asked), close(alpha, asked["idempotencyKey"])
        )
        transaction = closed.one["transaction"]
        if sent.one["__typename"] == "MoneySent":
            assert transaction["reference"] == sent.one["transaction"]["reference"]
        else:
            assert sent.one["__typename"] == "IdempotencyKeyClosed"
            assert transaction is None


async def test_closing_what_cannot_be_a_key_is_invalid_input(alpha: Someone) -> None:
    refused = (await close(alpha, "short")).one
    assert refused["__typename"] == "InvalidInput"
    assert refused["fields"][0]["path"] == ["idempotencyKey"]


@pytest.mark.parametrize(
    ("scope", "kind", "is_allowed"),
    [
        ("SEND_MONEY", "TRANSFER", True),
        ("SEND_MONEY", "TOP_UP", False),
        ("ADD_BALANCE", "TOP_UP", True),
        ("ADD_BALANCE", "TRANSFER", False),
        ("READ_TRANSACTIONS", "TRANSFER", False),
    ],
)
async def test_an_api_token_closes_keys_of_the_operations_in_its_scopes(
    alpha: Someone, scope: str, kind: str, is_allowed: bool
) -> None:
    answer = await close(alpha, new_key(), kind, await alpha.token(scope))
    if is_allowed:
        assert answer.one["transaction"] is None
    else:
        assert answer.code == "FORBIDDEN"


async def test_no_key_is_closed_signed_out_or_with_an_ended_session(
    world: World, alpha: Someone
) -> None:
    asked = {"kind": "TRANSFER", "idempotencyKey": new_key()}
    assert (await world.ask(CLOSE, input=asked)).code == "UNAUTHENTICATED"
    principal = await world.principal(alpha.bearer)
    world.sql("UPDATE sessions SET ended_at = now() WHERE user_id = %s", alpha.user_id)
    assert (await world.ask_as(principal, CLOSE, input=asked)).code == "UNAUTHENTICATED"
    assert world.sql("SELECT 1 FROM closed_keys WHERE user_id = %s", alpha.user_id) == []


async def test_an_unverified_user_closes_keys_too(world: World) -> None:
    someone = await world.join("Unverified", verified=False)
    assert (await close(someone, new_key())).one["transaction"] is None


# ================================================================ metadata


async def test_metadata_is_for_the_caller_alone(alpha: Someone, beta: Someone) -> None:
    sent = (await alpha.ask(SEND_WITH_METADATA, input=sending(beta, metadata=ORDER))).one
    assert sent["transaction"]["metadata"] == ORDER
    own = (await alpha.ask(LISTED)).one["transactions"]["nodes"]
    assert own[0]["metadata"] == ORDER
    assert own[1]["metadata"] == []
    others = (await beta.ask(LISTED)).one["transactions"]["nodes"]
    assert others[0]["metadata"] == []


async def test_metadata_is_part_of_the_input_of_a_key(alpha: Someone, beta: Someone) -> None:
    asked = sending(beta, metadata=ORDER)
    await alpha.ask(SEND, input=asked)
    again = (await alpha.ask(SEND_WITH_METADATA, input=asked)).one
    assert again["replayed"] is True
    assert again["transaction"]["metadata"] == ORDER
    for other in (None, [], ORDER[:1], ORDER[::-1], [{"key": "order", "value": "8"}, ORDER[1]]):
        refused = (await alpha.ask(SEND, input={**asked, "metadata": other})).one
        assert refused["__typename"] == "IdempotencyKeyReused"


async def test_a_top_up_carries_metadata_too(alpha: Someone) -> None:
    asked = {"amount": "3", "idempotencyKey": new_key(), "metadata": ORDER}
    for _ in range(2):
        added = (await alpha.ask(ADD_WITH_METADATA, input=asked)).one
        assert added["transaction"]["metadata"] == ORDER


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ([{"key": "", "value": "x"}], ["metadata", "0", "key"]),
        ([{"key": "k" * 41, "value": "x"}], ["metadata", "0", "key"]),
        ([{"key": "k", "value": "x" * 501}], ["metadata", "0", "value"]),
        ([{"key": "k", "value": "1"}, {"key": "k", "value": "2"}], ["metadata", "1", "key"]),
        ([{"key": str(n), "value": ""} for n in range(21)], ["metadata"]),
    ],
)
async def test_metadata_past_the_limits_is_invalid_input(
    world: World, alpha: Someone, beta: Someone, metadata: Any, path: list[str]
) -> None:
    before = world.books()
    refused = (await alpha.ask(SEND, input=sending(beta, metadata=metadata))).one
    assert refused["__typename"] == "InvalidInput"
    assert refused["fields"][0]["path"] == path
    assert world.books() == before


async def test_transactions_are_found_by_a_metadata_entry(alpha: Someone, beta: Someone) -> None:
    for value in ("1", "2", "1"):
        pair = {"key": "invoice", "value": value}
        await alpha.ask(SEND, input=sending(beta, "1", metadata=[pair]))

    async def found(**filters: Any) -> list[int]:
        nodes = (await alpha.ask(LISTED, filter=filters)).one["transactions"]["nodes"]
        return [node["sequence"] for node in nodes]

    assert await found(metadata={"key": "invoice", "value": "1"}) == [4, 2]
    assert await found(metadata={"key": "invoice", "value": "1"}, kind="TOP_UP") == []
    assert await found(metadata={"key": "invoice", "value": "3"}) == []
    assert await found(metadata={"key": "value", "value": "1"}) == []
    refused = await alpha.ask(LISTED, filter={"metadata": {"key": "", "value": "1"}})
    assert refused.code == "BAD_USER_INPUT"


async def test_a_subscriber_sees_the_metadata_of_their_own_transactions(
    world: World, alpha: Someone, beta: Someone
) -> None:
    streams = [world.services.live.entries(each.user_id, None) for each in (alpha, beta)]
    for stream in streams:
        await stream.start()
    await alpha.ask(SEND, input=sending(beta, metadata=ORDER))
    own, others = [await anext(stream) for stream in streams]
    assert [*own.metadata] == [(each["key"], each["value"]) for each in ORDER]
    assert [*others.metadata] == []
    resumed = world.services.live.entries(alpha.user_id, own.entry.sequence - 1)
    await resumed.start()
    assert [*(await anext(resumed)).metadata] == [*own.metadata]
    for stream in (*streams, resumed):
        stream.close()


# ================================================================ look-ups


async def test_each_side_finds_its_own_transaction_by_the_reference(
    alpha: Someone, beta: Someone
) -> None:
    sent = (await alpha.ask(SEND, input=sending(beta, metadata=ORDER))).one["transaction"]
    reference = sent["reference"]
    own = (await alpha.ask(BY_REFERENCE, reference=reference)).one["transactionByReference"]
    assert (own["direction"], own["metadata"]) == ("OUTGOING", ORDER)
    others = (await beta.ask(BY_REFERENCE, reference=reference.upper())).one
    assert others["transactionByReference"]["direction"] == "INCOMING"
    assert others["transactionByReference"]["metadata"] == []


async def test_a_reference_of_others_or_an_unknown_one_finds_nothing(
    world: World, alpha: Someone, beta: Someone
) -> None:
    sent = (await alpha.ask(SEND, input=sending(beta))).one["transaction"]
    stranger = await world.join("Stranger")
    for someone, reference in (
        (stranger, sent["reference"]),
        (alpha, str(ids.new_id())),
        (alpha, "nonsense"),
        (alpha, "{" + sent["reference"] + "}"),
    ):
        found = (await someone.ask(BY_REFERENCE, reference=reference)).one
        assert found["transactionByReference"] is None


async def test_the_credential_of_a_session_is_that_session_with_every_scope(
    world: World, alpha: Someone
) -> None:
    found = (await alpha.ask(CREDENTIAL)).one
    assert found["session"]["isCurrent"] is True
    assert found["apiToken"] is None
    assert sorted(found["scopes"]) == sorted(Scope)
    assert (await world.ask(CREDENTIAL)).one is None


async def test_an_api_token_of_any_scope_sees_itself_and_what_is_left_of_its_daily_limit(
    world: World, alpha: Someone, beta: Someone
) -> None:
    token = await alpha.token("SEND_MONEY", dailyLimit="20")
    await world.ask(SEND, token, input=sending(beta, "7.50"))
    found = (await world.ask(CREDENTIAL, token)).one
    assert found["session"] is None
    assert found["scopes"] == ["SEND_MONEY"]
    assert found["apiToken"]["dailyLimit"] == {"amount": "20.00"}
    assert found["apiToken"]["dailyRemaining"] == {"amount": "12.50"}
    unlimited = (await world.ask(CREDENTIAL, await alpha.token("READ_PROFILE"))).one
    assert unlimited["apiToken"]["dailyRemaining"] is None


async def test_the_owner_sees_what_is_left_of_each_api_tokens_daily_limit(
    world: World, alpha: Someone, beta: Someone
) -> None:
    first = await alpha.token("SEND_MONEY", dailyLimit="20")
    await alpha.token("SEND_MONEY", dailyLimit="30")
    await alpha.token("SEND_MONEY")
    await world.ask(SEND, first, input=sending(beta, "7.50"))
    listed = await alpha.ask("{ viewer { apiTokens { dailyRemaining { amount } } } }")
    assert [token["dailyRemaining"] for token in listed.one["apiTokens"]] == [
        {"amount": "12.50"},
        {"amount": "30.00"},
        None,
    ]
