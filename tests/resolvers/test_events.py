"""`walletEvents` as GraphQL returns it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import schema.errors
from adapters.realtime import Hints
from application import authentication
from realtime.live import Live
from resolvers.request import RequestContext
from tests.resolvers.world import SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

WALLET_EVENTS = """
subscription($after: Int) {
  walletEvents(afterSequence: $after) {
    __typename
    sequence
    balance { amount currency }
    ... on TransactionPosted {
      transaction { sequence kind direction amount { amount } counterparty { name emailHint } note }
    }
  }
}
"""


@asynccontextmanager
async def listening(
    world: World, bearer: str | None, after: int | None = None
) -> AsyncIterator[AsyncGenerator[Any, None]]:
    """The results of a subscription as that bearer."""
    context = RequestContext(
        services=world.services,
        principal=await authentication.authenticate(world.services, bearer and f"Bearer {bearer}"),
        client_ip="192.0.2.1",
    )
    source = await SCHEMA.subscribe(
        WALLET_EVENTS, variable_values={"after": after}, context_value=context
    )
    try:
        yield source
    finally:
        await source.aclose()


async def take(source: AsyncGenerator[Any, None], count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(15):
        return [await _next(source) for _ in range(count)]


async def _next(source: AsyncGenerator[Any, None]) -> dict[str, Any]:
    result = await anext(source)
    assert not result.errors, result.errors
    return result.data["walletEvents"]


async def code_of(world: World, bearer: str | None, after: int | None = None) -> str:
    """The code of the only error, which is all that there is."""
    async with listening(world, bearer, after) as source, asyncio.timeout(15):
        (error,) = (await anext(source)).errors
    return schema.errors.code_of(error.original_error)[0]


async def test_both_sides_hear_of_a_transfer(world: World, alpha: Someone, beta: Someone) -> None:
    async with (
        listening(world, alpha.bearer, 1) as sender,
        listening(world, beta.bearer, 0) as other,
    ):
        heard = asyncio.gather(take(sender, 1), take(other, 1))
        assert (await alpha.send(beta, "12.34", note="lunch"))["__typename"] == "MoneySent"
        (sent,), (received,) = await heard
    assert sent == {
        "__typename": "TransactionPosted",
        "sequence": 2,
        "balance": {"amount": "987.66", "currency": "USD"},
        "transaction": {
            "sequence": 2,
            "kind": "TRANSFER",
            "direction": "OUTGOING",
            "amount": {"amount": "12.34"},
            "counterparty": {
                "name": "Beta",
                "emailHint": f"{beta.email[0]}…{beta.email.split('@')[0][-1]}@example.com",
            },
            "note": "lunch",
        },
    }
    assert received["sequence"] == 1
    assert received["balance"] == {"amount": "12.34", "currency": "USD"}
    assert received["transaction"]["direction"] == "INCOMING"
    assert received["transaction"]["counterparty"]["name"] == "Alpha"


async def test_what_this_process_committed_needs_neither_redis_nor_the_poll(
    world: World, alpha: Someone, beta: Someone
) -> None:
    nowhere = await Hints.open("redis://127.0.0.1:1/0")
    live = Live(world.services.database, nowhere, poll_seconds=600)
    await live.start()
    world.services = dataclasses.replace(world.services, live=live)
    async with (
        listening(world, alpha.bearer, 1) as sender,
        listening(world, beta.bearer, 0) as other,
    ):
        heard = asyncio.gather(take(sender, 3), take(other, 2))
        await alpha.send(beta, "1")
        await alpha.add("5")
        await alpha.send(beta, "2")
        sent, received = await heard
    assert [event["sequence"] for event in sent] == [2, 3, 4]
    assert [event["transaction"]["counterparty"]["name"] for event in received] == ["Alpha"] * 2
    await live.stop()
    await nowhere.close()


async def test_a_client_that_comes_back_gets_what_it_missed_once(
    world: World, alpha: Someone
) -> None:
    for _ in range(4):
        await alpha.add("1")
    async with listening(world, alpha.bearer, 2) as source:
        heard = await take(source, 3)
    assert [event["sequence"] for event in heard] == [3, 4, 5]
    assert [event["balance"]["amount"] for event in heard] == ["1002.00", "1003.00", "1004.00"]


@pytest.mark.parametrize("after", [-1, 2])
async def test_a_place_that_is_not_in_the_ledger_is_bad_input(
    world: World, alpha: Someone, after: int
) -> None:
    assert await code_of(world, alpha.bearer, after) == "BAD_USER_INPUT"


async def test_only_who_may_read_transactions_may_listen(world: World, alpha: Someone) -> None:
    assert await code_of(world, None) == "UNAUTHENTICATED"
    assert await code_of(world, await alpha.token("READ_PROFILE")) == "FORBIDDEN"
    async with listening(world, await alpha.token("READ_TRANSACTIONS"), 0) as source:
        assert [event["sequence"] for event in await take(source, 1)] == [1]


async def test_a_subscription_that_ends_leaves_nothing_behind(world: World, alpha: Someone) -> None:
    live = world.services.live
    assert isinstance(live, Live)
    async with listening(world, alpha.bearer, 0) as source:
        await take(source, 1)
        assert len(live._entries) == 1
    assert len(live._entries) == 0
