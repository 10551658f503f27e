"""User search: by a part of the name or a complete address, without revealing more than allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import graphql
import pytest

from domain import ids
from resolvers import root
from tests.resolvers.world import REFUSED_BY_SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

SEARCH = """
query($query: String!, $first: Int, $after: String) {
  searchUsers(query: $query, first: $first, after: $after) {
    edges { cursor node { id name emailHint } }
    nodes { name }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def _names(someone: Someone, query: str) -> list[str]:
    found = (await someone.ask(SEARCH, query=query)).one
    return [node["name"] for node in found["nodes"]]


async def test_users_are_found_by_a_part_of_the_name_the_best_match_first(
    new_world: Callable[..., Awaitable[World]],
) -> None:
    world = await new_world()
    viewer = await world.join("Viewer Maria")
    for name in ("Anna Maria", "Mariana Kay", "María", "Ödön", "Zed"):
        await world.join(name)
    await world.join("Maria Unverified", verified=False)
    assert await _names(viewer, "maria") == ["María", "Mariana Kay", "Anna Maria"]
    assert await _names(viewer, "ODON") == ["Ödön"]
    assert await _names(viewer, "%") == await _names(viewer, "_") == []


async def test_an_address_is_found_given_completely_alone(someone: Someone, other: Someone) -> None:
    found = (await someone.ask(SEARCH, query=other.email.upper())).one
    assert [edge["node"]["id"] for edge in found["edges"]] == [other.id]
    assert (
        found["edges"][0]["node"]["emailHint"] == f"o…{other.email[other.email.index('@') - 1 :]}"
    )
    for pasted in (f"\u200e<{other.email}>,", f"mailto:{other.email}", f"{other.email}\ufeff\n"):
        assert len(await _names(someone, pasted)) == 1
    assert len(await _names(someone, other.email.replace("@", "\uff20"))) == 1
    assert await _names(someone, other.email[:-1]) == []
    assert await _names(someone, "example.com") == []
    assert await _names(someone, someone.email) == []


@pytest.mark.parametrize("query", ["", "   ", "\x00", "\u0301", "\u200b\t\n"])
async def test_an_empty_query_finds_no_user(someone: Someone, query: str) -> None:
    found = (await someone.ask(SEARCH, query=query)).one
    assert (found["edges"], found["nodes"]) == ([], [])
    assert found["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


@pytest.mark.parametrize(
    "query", ["nul\x00byte", "\ud800", "\u202e", "'; DROP TABLE users; --", "\\"]
)
async def test_unusual_queries_find_no_user_and_break_nothing(someone: Someone, query: str) -> None:
    assert await _names(someone, query) == []


async def test_pages_follow_each_other_without_a_gap(
    new_world: Callable[..., Awaitable[World]],
) -> None:
    world = await new_world()
    viewer = await world.join("Viewer")
    for number in range(7):
        await world.join(f"Twin {number}")
    seen: list[str] = []
    after = None
    while True:
        page: Any = (await viewer.ask(SEARCH, query="twin", first=3, after=after)).one
        seen += [node["name"] for node in page["nodes"]]
        cursors = [edge["cursor"] for edge in page["edges"]]
        assert page["pageInfo"]["startCursor"] == cursors[0]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        assert after == cursors[-1]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [f"Twin {number}" for number in range(7)]


@pytest.mark.parametrize(
    "given",
    [
        {"first": -1},
        {"first": 101},
        {"after": "nonsense"},
        {"after": ""},
        {"after": "\x00"},
        {"query": "x" * 255},
    ],
    ids=str,
)
async def test_arguments_out_of_range_are_bad_input(
    someone: Someone, given: dict[str, object]
) -> None:
    assert (await someone.ask(SEARCH, **{"query": "beta", **given})).code == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "given", [{"first": 2**31}, {"first": "3"}, {"query": 7}, {"query": None}], ids=str
)
async def test_arguments_of_a_wrong_type_never_reach_a_resolver(
    someone: Someone, given: dict[str, object]
) -> None:
    answer = await someone.ask(SEARCH, **{"query": "beta", **given})
    assert (answer.data, answer.code) == (None, REFUSED_BY_SCHEMA)


async def test_searching_is_for_the_verified(world: World) -> None:
    carol = await world.join("Carol", verified=False)
    assert (await carol.ask(SEARCH, query="beta")).code == "FORBIDDEN"
    assert (await world.ask(SEARCH, query="beta")).code == "UNAUTHENTICATED"


async def test_contacts_are_those_money_was_exchanged_with_the_latest_first(
    world: World, alpha: Someone
) -> None:
    others = [await world.join(name) for name in ("Ada", "Bob", "Cyd")]
    for other in (others[0], others[1], others[2], others[0]):
        await alpha.send(other, "1")
    query = "query($first: Int) { viewer { contacts(first: $first) { id name } } }"
    everyone = (await alpha.ask(query)).one["contacts"]
    assert [one["name"] for one in everyone] == ["Ada", "Cyd", "Bob"]
    assert [one["name"] for one in (await alpha.ask(query, first=2)).one["contacts"]] == [
        "Ada",
        "Cyd",
    ]
    assert (await alpha.ask(query, first=0)).one["contacts"] == []
    assert (await others[1].ask(query)).one["contacts"] == [{"id": alpha.id, "name": "Alpha"}]
    for first in (-1, 101):
        assert (await alpha.ask(query, first=first)).code == "BAD_USER_INPUT"


NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on User { emailHint } } }"


async def _things(someone: Someone) -> dict[str, str]:
    """One id of each type that is theirs."""
    await someone.token("READ_PROFILE")
    viewer = (
        await someone.ask(
            "{ viewer { id user { id } sessions { id } apiTokens { id }"
            " transactions { nodes { id } } } }"
        )
    ).one
    return {
        "Viewer": viewer["id"],
        "User": viewer["user"]["id"],
        "Session": viewer["sessions"][0]["id"],
        "ApiToken": viewer["apiTokens"][0]["id"],
        "Transaction": viewer["transactions"]["nodes"][0]["id"],
    }


async def test_everything_with_an_id_can_be_read_again(alpha: Someone) -> None:
    things = await _things(alpha)
    wanted = [*things.values(), things["User"]]
    found = (await alpha.ask(NODES, ids=wanted)).one
    assert [node["id"] for node in found] == wanted
    assert [node["__typename"] for node in found] == [*things, "User"]
    assert found[1]["emailHint"] == alpha.email
    for thing in things.values():
        answer = await alpha.ask("query($id: ID!) { node(id: $id) { id } }", id=thing)
        assert answer.one == {"id": thing}


async def test_of_others_only_the_user_is_seen(world: World, alpha: Someone, beta: Someone) -> None:
    await beta.add("1")
    carol = await world.join("Carol", verified=False)
    wanted = [*(await _things(beta)).values(), carol.id]
    found = (await alpha.ask(NODES, ids=wanted)).one
    seen = [node["__typename"] for node in found if node is not None]
    assert seen == ["User"]
    assert found[1]["emailHint"] != beta.email
    assert (await carol.ask(NODES, ids=[carol.id])).one[0]["emailHint"] == carol.email


async def test_malformed_ids_are_null(someone: Someone) -> None:
    wanted = [
        "", "x", "\x00", "é", "=" * 300,
        ids.global_id("User", "nobody"),
        ids.global_id("User", ids.new_id()),
        ids.global_id("Elsewhere", ids.new_id()),
        ids.global_id("Transaction", someone.user_id),
        ids.global_id("Transaction", someone.user_id, "one"),
        ids.global_id("Transaction", someone.user_id, "01"),
        ids.global_id("Transaction", someone.user_id, "²"),
        ids.global_id("Transaction", someone.user_id, "-1"),
        ids.global_id("Transaction", someone.user_id, 10**30),
        ids.global_id("Transaction", someone.user_id, 2**63),
        ids.global_id("Transaction", someone.user_id, 99),
        ids.global_id("Session", someone.user_id),
    ]  # fmt: skip
    assert (await someone.ask(NODES, ids=wanted)).one == [None] * len(wanted)


async def test_at_most_a_hundred_at_once(someone: Someone) -> None:
    assert len((await someone.ask(NODES, ids=[someone.id] * 100)).one) == 100
    assert (await someone.ask(NODES, ids=[someone.id] * 101)).code == "BAD_USER_INPUT"


async def test_signed_out_everything_is_null(world: World, alpha: Someone) -> None:
    wanted = list((await _things(alpha)).values())
    assert (await world.ask(NODES, ids=wanted)).one == [None] * len(wanted)


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        ("READ_PROFILE", ["Viewer", "User"]),
        ("READ_TRANSACTIONS", ["Viewer", "Transaction", "other"]),
        ("SEARCH_USERS", ["Viewer", "other"]),
        ("SEND_MONEY", ["Viewer"]),
        ("ADD_BALANCE", ["Viewer"]),
    ],
)
async def test_an_api_token_reads_again_what_its_scopes_open(
    world: World, alpha: Someone, beta: Someone, scope: str, seen: list[str]
) -> None:
    things = {**await _things(alpha), "other": beta.id}
    token = await alpha.token(scope)
    found = (await world.ask(NODES, token, ids=list(things.values()))).one
    assert [name for name, node in zip(things, found, strict=True) if node] == seen


async def test_an_unverified_user_reads_no_other_user(world: World, someone: Someone) -> None:
    newcomer = await world.join("Newcomer", verified=False)
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [someone.id, newcomer.id]
    assert (await newcomer.ask(query, ids=ids)).one == [None, {"id": newcomer.id}]
    world.verify(newcomer.email)
    assert (await newcomer.ask(query, ids=ids)).one == [{"id": someone.id}, {"id": newcomer.id}]


async def test_two_users_with_the_same_name_and_hint_get_longer_hints(
    world: World, someone: Someone
) -> None:
    for email in ("xaverl.dee@example.com", "xoverl.die@example.com"):
        await world.register(email, "Xaver Doppel")
        world.verify(email)
    found = (await someone.ask(SEARCH, query="Xaver Doppel")).one
    hints = {edge["node"]["emailHint"] for edge in found["edges"]}
    assert hints == {"xa…ee@example.com", "xo…ie@example.com"}


def test_every_type_with_an_id_can_be_read_by_it() -> None:
    served = root.strawberry_schema()._schema
    node = served.type_map["Node"]
    assert isinstance(node, graphql.GraphQLInterfaceType)
    types = {each.name for each in served.get_possible_types(node)}
    assert types == set(root.NODES.readers)
