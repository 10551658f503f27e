"""Blocking users: who no longer finds or asks whom, and what remains possible."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain import ids
from tests.resolvers.test_requests import REQUEST_MONEY, asking, pay
from tests.resolvers.world import Someone, World

pytestmark = pytest.mark.anyio

CHANGE = """
mutation($input: {name}Input!) {{ {field}(input: $input) {{ __typename
  ... on BlockedUsersChanged {{ viewer {{ blockedUsers {{ name }} }} }} ... on UserError {{ message }} }} }}
"""
BLOCK = CHANGE.format(name="BlockUser", field="blockUser")
UNBLOCK = CHANGE.format(name="UnblockUser", field="unblockUser")
FIND = "query($query: String!) { searchUsers(query: $query, first: 2) { nodes { name } pageInfo { hasNextPage } } }"
CONTACTS = "{ viewer { contacts { name } } }"


async def change(user: Someone, document: str, other: Someone) -> list[str]:
    """The names of the blocked users after the change."""
    answer = await user.ask(document, input={"userId": other.id})
    assert answer.one["__typename"] == "BlockedUsersChanged", answer.one
    return [each["name"] for each in answer.one["viewer"]["blockedUsers"]]


async def found(user: Someone, query: str) -> list[str]:
    nodes = (await user.ask(FIND, query=query)).one["nodes"]
    return [node["name"] for node in nodes]


async def contacts(user: Someone) -> list[str]:
    return [each["name"] for each in (await user.ask(CONTACTS)).one["contacts"]]


def blocks_of(world: World, user: Someone) -> int:
    [(count,)] = world.sql("SELECT count(*) FROM blocks WHERE user_id = %s", user.user_id)
    assert isinstance(count, int)
    return count


async def request(requester: Someone, payer: Someone) -> Any:
    return (await requester.ask(REQUEST_MONEY, input=asking(payer))).one


async def test_neither_side_of_a_block_finds_or_asks_the_other_and_both_can_pay(
    world: World,
) -> None:
    ann, ben = await world.join("Anna Block", balance="50"), await world.join("Bene Block")
    earlier = (await request(ben, ann))["paymentRequest"]
    await ann.send(ben, "1")
    assert await change(ann, BLOCK, ben) == ["Bene Block"]
    assert await change(ann, BLOCK, ben) == ["Bene Block"]
    for user, other in ((ann, ben), (ben, ann)):
        assert await found(user, other.email) == []
        assert await found(user, "Block") == []
        assert (await request(user, other))["__typename"] == "RequestNotAllowed"
    # Who was blocked is not told so: the people that they paid, and what they may send, are as before.
    assert (await contacts(ann), await contacts(ben)) == ([], ["Anna Block"])
    assert (await ben.send(ann, "0.25"))["__typename"] == "MoneySent"
    assert (await pay(ann, earlier))["__typename"] == "MoneySent"
    listed = (await ben.ask("{ viewer { blockedUsers { name } } }")).one
    assert listed["blockedUsers"] == []

    # Each block ends by itself.
    assert await change(ben, BLOCK, ann) == ["Anna Block"]
    assert await change(ann, UNBLOCK, ben) == []
    assert await change(ann, UNBLOCK, ben) == []
    assert (await request(ann, ben))["__typename"] == "RequestNotAllowed"
    assert await change(ben, UNBLOCK, ann) == []
    assert blocks_of(world, ann) == blocks_of(world, ben) == 0
    assert await found(ann, ben.email) == ["Bene Block"]
    assert (await request(ben, ann))["__typename"] == "MoneyRequested"


async def test_a_page_of_a_search_is_full_however_many_of_the_matches_are_blocked(
    world: World,
) -> None:
    viewer = await world.join("Viewer")
    people = [await world.join(f"Twin {number}") for number in range(6)]
    for person in people[:3]:
        await change(viewer, BLOCK, person)
    answer = (await viewer.ask(FIND, query="Twin")).one
    assert [node["name"] for node in answer["nodes"]] == ["Twin 3", "Twin 4"]
    assert answer["pageInfo"]["hasNextPage"] is True


async def test_only_verified_people_block_and_only_who_can_be_found(
    world: World, alpha: Someone, beta: Someone
) -> None:
    late = await world.join("Late", verified=False)
    for other_id in (alpha.id, late.id, ids.global_id("User", ids.new_id()), "nonsense", ""):
        for document in (BLOCK, UNBLOCK) if other_id not in (alpha.id, late.id) else (BLOCK,):
            answer = await alpha.ask(document, input={"userId": other_id})
            assert answer.one["__typename"] == "NotFound", (other_id, document)
    assert (await late.ask(BLOCK, input={"userId": alpha.id})).code == "FORBIDDEN"
    token = await alpha.token("READ_PROFILE", "SEARCH_USERS", "REQUEST_MONEY")
    assert (await world.ask(BLOCK, token, input={"userId": beta.id})).code == "FORBIDDEN"
    assert (await world.ask("{ viewer { blockedUsers { name } } }", token)).code == "FORBIDDEN"
    assert blocks_of(world, alpha) == 0


async def test_a_request_and_a_block_at_once_have_the_outcome_of_one_order(world: World) -> None:
    ann = await world.join("Ann")
    others = [await world.join(f"Other {number}") for number in range(8)]
    outcomes = await asyncio.gather(
        *(request(other, ann) for other in others),
        *(change(ann, BLOCK, other) for other in others),
    )
    made = {outcome["__typename"] for outcome in outcomes[:8]}
    assert made <= {"MoneyRequested", "RequestNotAllowed"}
    # A request was either made before the block, or was refused after it.
    late = world.sql(
        "SELECT count(*) FROM payment_requests AS r JOIN blocks AS b ON b.user_id = r.user_id "
        "AND b.other_id = r.payer_id WHERE r.role = 'requester' AND r.created_at > b.created_at"
    )
    assert late == [(0,)]
    stored = world.sql("SELECT count(*) FROM payment_requests WHERE user_id = %s", ann.user_id)
    accepted = sum(outcome["__typename"] == "MoneyRequested" for outcome in outcomes[:8])
    assert stored == [(accepted,)]
