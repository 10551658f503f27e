"""The viewer's wallet: balance, pages of transactions, and past balances."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from domain import events, text
from tests.resolvers.world import REFUSED_BY_SCHEMA, Someone, World, new_key

pytestmark = pytest.mark.anyio

TRANSACTIONS = """
query($first: Int, $after: String, $last: Int, $before: String, $filter: TransactionFilter) {
  viewer {
    transactions(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      edges { cursor node { sequence } }
      nodes { sequence createdAt counterparty { name } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""
BY_KEY = """
query($kind: TransactionKind!, $key: String!) {
  viewer { transactionByIdempotencyKey(kind: $kind, idempotencyKey: $key) { id sequence } }
}
"""
BALANCE_AT = "query($time: DateTime!) { viewer { balanceAt(time: $time) { amount currency } } }"


async def _page(someone: Someone, **asked: object) -> Any:
    return (await someone.ask(TRANSACTIONS, **asked)).one["transactions"]


def _sequences(page: Any) -> list[int]:
    assert [edge["node"]["sequence"] for edge in page["edges"]] == [
        node["sequence"] for node in page["nodes"]
    ]
    return [node["sequence"] for node in page["nodes"]]


async def test_signed_out_there_is_no_viewer(world: World) -> None:
    assert (await world.ask("{ viewer { id } }")).one is None


async def test_a_viewer_sees_their_complete_address(someone: Someone) -> None:
    viewer = (
        await someone.ask("{ viewer { email emailVerifiedAt user { id name emailHint } } }")
    ).one
    assert viewer["user"] == {"id": someone.id, "name": "Someone", "emailHint": someone.email}
    assert viewer["email"] == someone.email
    assert viewer["emailVerifiedAt"].endswith("Z")


async def test_transactions_come_page_by_page_from_either_end(alpha: Someone) -> None:
    for _ in range(6):
        await alpha.add("1")
    whole = await _page(alpha)
    assert _sequences(whole) == [7, 6, 5, 4, 3, 2, 1]
    assert whole["pageInfo"]["hasNextPage"] is whole["pageInfo"]["hasPreviousPage"] is False
    first = await _page(alpha, first=3)
    assert _sequences(first) == [7, 6, 5]
    assert first["pageInfo"]["hasNextPage"] is True
    second = await _page(alpha, first=3, after=first["pageInfo"]["endCursor"])
    assert _sequences(second) == [4, 3, 2]
    await alpha.add("1")
    third = await _page(alpha, first=3, after=second["pageInfo"]["endCursor"])
    assert _sequences(third) == [1]
    assert third["pageInfo"]["hasNextPage"] is False
    last = await _page(alpha, last=2)
    assert _sequences(last) == [2, 1]
    assert last["pageInfo"]["hasPreviousPage"] is True
    earlier = await _page(alpha, last=2, before=last["pageInfo"]["startCursor"])
    assert _sequences(earlier) == [4, 3]


async def test_twenty_come_unless_another_number_is_asked_for(alpha: Someone) -> None:
    for _ in range(20):
        await alpha.add("1")
    assert len(_sequences(await _page(alpha))) == 20
    assert len(_sequences(await _page(alpha, first=21))) == 21
    empty = await _page(alpha, first=0)
    assert (empty["edges"], empty["pageInfo"]["endCursor"]) == ([], None)


@pytest.mark.parametrize(
    "asked",
    [
        {"first": 1, "last": 1},
        {"first": -1},
        {"last": 101},
        {"after": "nonsense"},
        {"before": ""},
        {"after": "\x00"},
        {"filter": {"text": "x" * 141}},
    ],
    ids=str,
)
async def test_a_page_that_cannot_be_is_bad_input(
    someone: Someone, asked: dict[str, object]
) -> None:
    assert (await someone.ask(TRANSACTIONS, **asked)).code == "BAD_USER_INPUT"


async def test_each_filter_keeps_what_meets_it(world: World, alpha: Someone, beta: Someone) -> None:
    carol = await world.join("Carola", balance="50")
    await alpha.send(beta, "1", note="Café au lait")
    await alpha.send(carol, "2")
    await carol.send(alpha, "3", note="100% yours")
    times = {node["sequence"]: node["createdAt"] for node in (await _page(alpha))["nodes"]}
    cases: list[tuple[dict[str, object], list[int]]] = [
        ({}, [4, 3, 2, 1]),
        ({"kind": "TOP_UP"}, [1]),
        ({"kind": "TRANSFER", "direction": "OUTGOING"}, [3, 2]),
        ({"direction": "INCOMING"}, [4, 1]),
        ({"counterpartyId": carol.id}, [4, 3]),
        ({"counterpartyId": carol.id, "direction": "INCOMING"}, [4]),
        ({"counterpartyId": alpha.id}, []),
        ({"counterpartyId": "nonsense"}, []),
        ({"createdAfter": times[2]}, [4, 3]),
        ({"createdFrom": times[2]}, [4, 3, 2]),
        ({"createdBefore": times[2]}, [1]),
        ({"createdFrom": times[2], "createdBefore": times[4]}, [3, 2]),
        ({"createdAfter": times[1], "createdBefore": times[4]}, [3, 2]),
        ({"text": "CAFE"}, [2]),
        ({"text": "carol"}, [4, 3]),
        ({"text": "100%"}, [4]),
        ({"text": "%"}, [4]),
        ({"text": "nothing like it"}, []),
        ({"text": "\x00"}, [4, 3, 2, 1]),
        ({"text": ""}, [4, 3, 2, 1]),
        ({"kind": None, "text": None, "counterpartyId": None}, [4, 3, 2, 1]),
    ]
    for chosen, sequences in cases:
        assert _sequences(await _page(alpha, filter=chosen)) == sequences, chosen


async def test_the_users_of_a_page_are_read_at_once(
    world: World, alpha: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Ada", "Bob", "Cyd"):
        await alpha.send(await world.join(name), "1")
    asked: list[int] = []
    people = world.services.people
    get = people.get

    async def counted(user_ids: Any) -> Any:
        asked.append(len(user_ids))
        return await get(user_ids)

    monkeypatch.setattr(people, "get", counted)
    names = [
        node["counterparty"]["name"]
        for node in (await _page(alpha))["nodes"]
        if node["counterparty"]
    ]
    assert names == ["Cyd", "Bob", "Ada"]
    assert [count for count in asked if count > 1] == [3]


async def test_a_key_says_what_became_of_it(alpha: Someone, beta: Someone) -> None:
    key = new_key()
    for kind in ("TRANSFER", "TOP_UP"):
        answer = await alpha.ask(BY_KEY, kind=kind, key=key)
        assert answer.one["transactionByIdempotencyKey"] is None
    sent = await alpha.send(beta, "1", key)
    found = (await alpha.ask(BY_KEY, kind="TRANSFER", key=key)).one
    assert found["transactionByIdempotencyKey"] == {
        "id": sent["transaction"]["id"],
        "sequence": 2,
    }
    assert (await alpha.ask(BY_KEY, kind="TOP_UP", key=key)).one[
        "transactionByIdempotencyKey"
    ] is None
    assert (await beta.ask(BY_KEY, kind="TRANSFER", key=key)).one[
        "transactionByIdempotencyKey"
    ] is None


@pytest.mark.parametrize("key", ["", "short", "k" * 65, "nul\x00-12345", "käse-1234"])
async def test_what_cannot_be_a_key_is_bad_input(someone: Someone, key: str) -> None:
    assert (await someone.ask(BY_KEY, kind="TRANSFER", key=key)).code == "BAD_USER_INPUT"


async def test_the_balance_of_any_moment_in_the_past(alpha: Someone) -> None:
    await alpha.add("5")
    nodes = (await _page(alpha))["nodes"]
    second, first = nodes[0]["createdAt"], nodes[1]["createdAt"]
    just_before = text.rfc3339(datetime.fromisoformat(first) - timedelta(microseconds=1))
    for time, amount in (
        (second, "1005.00"),
        (first, "1000.00"),
        (just_before, "0.00"),
        ("0001-01-01T00:00:00Z", "0.00"),
    ):
        answer = await alpha.ask(BALANCE_AT, time=time)
        assert answer.one["balanceAt"] == {"amount": amount, "currency": "USD"}


async def test_there_is_no_balance_of_the_future(someone: Someone) -> None:
    tomorrow = text.rfc3339(datetime.now(UTC) + timedelta(days=1))
    for time in (tomorrow, "9999-12-31T23:59:59Z"):
        assert (await someone.ask(BALANCE_AT, time=time)).code == "BAD_USER_INPUT"
    for time in ("2026-01-01T00:00:00", "yesterday", 0):
        assert (await someone.ask(BALANCE_AT, time=time)).code == REFUSED_BY_SCHEMA


WALLET = """
{
  wallet {
    currency minimumAmount { amount } maximumTransfer { amount } maximumTopUp { amount }
    maximumBalance { amount } transferFeeBasisPoints
    pusher { key cluster host port useTls authEndpoint channel }
  }
}
"""


async def test_the_limits_of_the_service_are_public(world: World) -> None:
    assert (await world.ask(WALLET)).one == {
        "currency": "USD",
        "minimumAmount": {"amount": "0.01"},
        "maximumTransfer": {"amount": "10000.00"},
        "maximumTopUp": {"amount": "10000.00"},
        "maximumBalance": {"amount": "1000000.00"},
        "transferFeeBasisPoints": 0,
        "pusher": None,
    }


async def test_the_channel_to_listen_on_is_the_credentials_own(
    new_world: Callable[..., Awaitable[World]],
) -> None:
    world = await new_world(
        pusher_app_id="1",
        pusher_key="key",
        pusher_secret=SecretStr("secret"),
        pusher_host="127.0.0.1",
        pusher_port=6001,
        pusher_use_tls=False,
        transfer_fee_basis_points=25,
    )
    alpha = await world.join("Alpha")
    signed_out = (await world.ask(WALLET)).one
    assert signed_out["transferFeeBasisPoints"] == 25
    assert signed_out["pusher"] == {
        "key": "key",
        "cluster": None,
        "host": "127.0.0.1",
        "port": 6001,
        "useTls": False,
        "authEndpoint": "http://127.0.0.1:8000/pusher/auth",
        "channel": None,
    }
    signed_in = (await alpha.ask(WALLET)).one
    [(session_id,)] = world.sql("SELECT id FROM sessions")
    assert signed_in["pusher"]["channel"] == events.pusher_channel(session_id)
    secret = await alpha.token("READ_PROFILE")
    [(token_id,)] = world.sql("SELECT id FROM api_tokens")
    with_token = (await world.ask(WALLET, secret)).one
    assert with_token["pusher"]["channel"] == events.pusher_channel(token_id)
