"""Handles: claimed by one user, reserved for their former owner, and a way to find and pay users."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from persistence import retention
from persistence.audit import audit
from tests.resolvers.world import SEND, Someone, World, new_key

pytestmark = pytest.mark.anyio

CHANGE = """
mutation($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    __typename
    ... on ProfileUpdated { viewer { user { name handle } } }
    ... on UserError { message }
    ... on InvalidInput { fields { path } }
  }
}
"""
BY_HANDLE = "query($handle: String!) { userByHandle(handle: $handle) { id name handle emailHint } }"
SEARCH = """
query($query: String!, $first: Int, $after: String) {
  searchUsers(query: $query, first: $first, after: $after) {
    nodes { name handle } pageInfo { hasNextPage endCursor }
  }
}
"""


async def change(someone: Someone, **changed: Any) -> Any:
    return (await someone.ask(CHANGE, input=changed)).one


async def claim(someone: Someone, handle: str | None) -> str:
    """The handle that the user has now, or the refusal."""
    changed = await change(someone, handle=handle)
    if changed["__typename"] == "ProfileUpdated":
        return str(changed["viewer"]["user"]["handle"])
    return str(changed["__typename"])


async def test_a_handle_belongs_to_one_user_and_stays_reserved_for_its_former_owner(
    world: World,
) -> None:
    anna, ben, cara = [await world.join(name) for name in ("Anna", "Ben", "Cara")]
    assert await claim(anna, "@Anna.B") == "anna.b"
    assert await claim(anna, "anna.b") == "anna.b"
    assert await change(anna, name="Anna B") == {
        "__typename": "ProfileUpdated", "viewer": {"user": {"name": "Anna B", "handle": "anna.b"}},
    }  # fmt: skip
    assert await claim(ben, "ANNA.B") == "HandleTaken"
    assert await claim(anna, "anna") == "anna"
    assert await claim(ben, "anna.b") == "HandleTaken"
    assert await claim(anna, "anna.b") == "anna.b"
    assert await claim(anna, None) == "None"
    assert await claim(ben, "anna.b") == await claim(ben, "anna") == "HandleTaken"
    refused = await change(ben, handle="support")
    assert refused["fields"] == [{"path": ["handle"]}]
    # After 90 days it can be anyone's, whether or not the row was deleted.
    world.sql("UPDATE handles SET reserved_until = now() - interval '1 s' WHERE handle = 'anna'")
    assert await claim(ben, "anna") == "anna"
    assert await claim(anna, "anna") == "HandleTaken"
    world.sql("UPDATE handles SET reserved_until = now() - interval '1 s' WHERE handle = 'anna.b'")
    assert (await retention.sweep(world.services.database))["handles"] == 1
    assert await claim(cara, "anna.b") == "anna.b"
    assert world.sql("SELECT handle FROM handles ORDER BY 1") == [("anna",), ("anna.b",)]
    report = await audit.audit(world.services.database)
    assert report.findings == []


async def test_of_concurrent_claims_exactly_one_wins(world: World) -> None:
    people = [await world.join(f"Racer {number}") for number in range(8)]
    won = await asyncio.gather(*(claim(each, "racer") for each in people))
    assert sorted(won) == ["HandleTaken"] * 7 + ["racer"]


async def test_a_user_gives_up_a_few_handles_and_takes_their_own_back(world: World) -> None:
    anna = await world.join("Anna")
    for number in range(11):
        assert await claim(anna, f"anna{number}") == f"anna{number}"
    refused = await change(anna, handle="another")
    assert refused["fields"] == [{"path": ["handle"]}]
    assert await claim(anna, "anna0") == "anna0"


async def test_registrations_have_no_handles(world: World) -> None:
    new = await world.join("New", verified=False)
    assert (await new.ask(CHANGE, input={"handle": "new.user"})).code == "FORBIDDEN"
    assert (await change(new, name="Newer"))["__typename"] == "ProfileUpdated"


async def test_a_user_is_looked_up_and_paid_by_handle(world: World) -> None:
    anna, ben = await world.join("Anna", balance="10"), await world.join("Ben")
    assert await claim(ben, "ben.b") == "ben.b"
    shown = {"id": ben.id, "name": "Ben", "handle": "ben.b", "emailHint": ""}
    assert (await world.ask(BY_HANDLE, handle=" @BEN.b")).one == shown
    known = (await anna.ask(BY_HANDLE, handle="ben.b")).one
    assert known["emailHint"].endswith("@example.com")
    assert known["emailHint"] != ben.email
    for handle in ("ben", "x", "", "\0", "@", "ben.b@example.com"):
        assert (await world.ask(BY_HANDLE, handle=handle)).one is None

    async def send(handle: str) -> Any:
        sent = {"recipient": {"handle": handle}, "amount": "1", "idempotencyKey": new_key()}
        return (await anna.ask(SEND, input=sent)).one

    sent = await send("@Ben.B")
    assert sent["transaction"]["counterparty"]["id"] == ben.id
    for handle in ("nobody", "", "x y"):
        assert (await send(handle))["__typename"] == "RecipientNotFound"
    assert await claim(ben, None) == "None"
    assert (await send("ben.b"))["__typename"] == "RecipientNotFound"
    assert (await world.ask(BY_HANDLE, handle="ben.b")).one is None
    assert await claim(ben, "ben.b") == "ben.b"
    world.sql("UPDATE users SET closed_at = now() WHERE id = %s", ben.user_id)
    assert (await send("ben.b"))["__typename"] == "RecipientNotFound"
    assert (await world.ask(BY_HANDLE, handle="ben.b")).one is None


async def test_search_finds_the_exact_handle_first_and_then_beginnings(world: World) -> None:
    viewer = await world.join("Viewer")
    for name, handle in (
        ("Zed", "maria"), ("Anton", "maria.z"), ("Berta", "maria_a"), ("Maria", "m.m"),
        ("Maria Twice", "maria2"), ("Anna Maria", None), ("Mariana", None),
    ):  # fmt: skip
        joined = await world.join(name)
        if handle is not None:
            assert await claim(joined, handle) == handle

    async def names(query: str, size: int = 20) -> list[str]:
        found, after = [], None
        while True:
            page = (await viewer.ask(SEARCH, query=query, first=size, after=after)).one
            found += [node["name"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return found

    everyone = ["Zed", "Maria", "Anton", "Maria Twice", "Berta", "Mariana", "Anna Maria"]
    for size in (20, 3, 2, 1):
        assert await names("Maria", size) == everyone
    assert await names("@maria") == ["Zed", "Anton", "Maria Twice", "Berta"]
    assert await names("@maria.") == await names("maria.z") == ["Anton"]
    assert await names("@ria") == await names("@") == await names("@%") == []
    assert await names("m.m") == ["Maria"]
