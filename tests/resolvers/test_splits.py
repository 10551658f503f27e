"""Splitting bills through the API: all requests or none, once per key, visible to those who share."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.people.accounts import Person
from domain.people.sessions import Principal
from persistence.engine.shared_calls import SharedCalls
from persistence.people import accounts
from resolvers import splits
from tests.resolvers.test_blocks import BLOCK, change
from tests.resolvers.test_requests import pay, told
from tests.resolvers.world import Someone, World, new_key

pytestmark = pytest.mark.anyio

SPLIT = """id total { amount } ownShare { amount } note paid { amount }
  requests { id status amount { amount } payer { name } link split { id } }"""
SPLIT_BILL = f"""
mutation($input: SplitBillInput!) {{ splitBill(input: $input) {{ __typename
  ... on BillWasSplit {{ replayed split {{ {SPLIT} }} }}
  ... on UserError {{ message }} ... on InvalidInput {{ fields {{ path }} }} }} }}
"""
NODE = f"query($id: ID!) {{ node(id: $id) {{ ... on BillSplit {{ {SPLIT} }} }} }}"
LISTED = "{ viewer { paymentRequests { nodes { split { total { amount } requests { payer { name } } } } } } }"


def splitting(*payers: Someone, total: str = "10", **more: Any) -> dict[str, Any]:
    named = [{"userId": payer.id} for payer in payers]
    return {"total": total, "payers": named, "idempotencyKey": new_key(), **more}


async def split(user: Someone, given: dict[str, Any]) -> Any:
    return (await user.ask(SPLIT_BILL, input=given)).one


def amounts(made: Any) -> list[str]:
    return [each["amount"]["amount"] for each in made["requests"]]


async def test_a_bill_is_split_once_per_key_and_each_payer_sees_their_part(world: World) -> None:
    ann, ben, cat = [await world.join(name) for name in ("Ann", "Ben", "Cat")]
    await ben.add("50")
    given = splitting(ben, cat, note="Dinner")
    results = await asyncio.gather(*(split(ann, given) for _ in range(6)))
    assert sorted(result["replayed"] for result in results) == [False, *[True] * 5]
    [made] = {result["split"]["id"]: result["split"] for result in results}.values()
    assert amounts(made) == ["3.34", "3.33"]
    assert (made["ownShare"]["amount"], made["note"]) == ("3.33", "Dinner")
    assert [each["payer"]["name"] for each in made["requests"]] == ["Ben", "Cat"]
    assert {each["split"]["id"] for each in made["requests"]} == {made["id"]}
    assert told(world, ben) == told(world, cat) == ["request_received"]
    for other in (
        {"total": "11"}, {"note": None}, {"includesViewer": False}, {"amounts": ["1", "2"]},
        {"payers": given["payers"][:1]}, {"payers": given["payers"][::-1]},
    ):  # fmt: skip
        assert (await split(ann, {**given, **other}))["__typename"] == "IdempotencyKeyReused", other

    assert (await pay(ben, made["requests"][0]))["__typename"] == "MoneySent"
    of_ann, of_ben = [(await user.ask(NODE, id=made["id"])).one for user in (ann, ben)]
    assert of_ann["paid"]["amount"] == of_ben["paid"]["amount"] == "3.34"
    # Who else pays is the business of the two.
    assert [each["payer"] and each["payer"]["name"] for each in of_ben["requests"]] == ["Ben", None]
    assert [each["split"] is not None for each in of_ben["requests"]] == [True, False]
    assert amounts(of_ben) == ["3.34", "3.33"]
    stranger = await world.join("Dan")
    assert (await stranger.ask(NODE, id=made["id"])).one is None
    [listed] = (await cat.ask(LISTED)).one["paymentRequests"]["nodes"]
    assert listed["split"]["total"]["amount"] == "10.00"


async def test_the_users_of_a_whole_list_of_splits_are_read_together(world: World) -> None:
    ann, ben, cat = [await world.join(name) for name in ("Ann", "Ben", "Cat")]
    for payers in ([ben], [cat], [ben, cat]):
        await split(ann, splitting(*payers))
    asked: list[set[UUID]] = []

    async def people(user_ids: Collection[UUID]) -> Mapping[UUID, Person]:
        asked.append(set(user_ids))
        return await accounts.people(world.services.database, user_ids)

    services = copy.copy(world.services)
    object.__setattr__(services, "people", SharedCalls(people))
    rows = world.sql("SELECT id FROM bill_splits WHERE user_id = %s ORDER BY id", ann.user_id)
    viewer = Principal(ann.user_id, session_id=uuid4())
    found = await splits.linked(services, viewer, [split_id for (split_id,) in rows])
    names = [[each.payer and each.payer.name for each in one.requests] for one in found.values()]
    assert sorted(names) == [["Ben"], ["Ben", "Cat"], ["Cat"]]
    assert asked == [{ann.user_id, ben.user_id, cat.user_id}]


async def test_amounts_leave_the_rest_to_the_viewer(world: World) -> None:
    ann, ben, cat = [await world.join(name) for name in ("Ann", "Ben", "Cat")]
    made = (await split(ann, splitting(ben, cat, amounts=["2.50", "3"])))["split"]
    assert (amounts(made), made["ownShare"]["amount"]) == (["2.50", "3.00"], "4.50")
    none = (await split(ann, splitting(ben, cat, total="9", includesViewer=False)))["split"]
    assert (amounts(none), none["ownShare"]["amount"]) == (["4.50", "4.50"], "0.00")


async def test_what_cannot_be_split_creates_nothing_at_all(world: World) -> None:
    ann, ben, cat = [await world.join(name) for name in ("Ann", "Ben", "Cat")]
    late = await world.join("Late", verified=False)
    await change(cat, BLOCK, ann)
    for given, outcome in (
        (splitting(ben, total="0"), "InvalidAmount"),
        (splitting(ben, cat, total="0.01"), "InvalidAmount"),
        (splitting(ben, amounts=["10.01"]), "InvalidAmount"),
        (splitting(), "InvalidInput"),
        (splitting(ben, ben), "InvalidInput"),
        (splitting(*[ben] * 21), "InvalidInput"),
        (splitting(ben, amounts=["1", "2"]), "InvalidInput"),
        (splitting(ben, ann), "CannotPayYourself"),
        (splitting(ben, late), "RecipientNotFound"),
        (splitting(ben, payers=[{"email": "nobody@example.com"}]), "RecipientNotFound"),
        (splitting(ben, cat), "RequestNotAllowed"),
        (splitting(ben, idempotencyKey="short"), "InvalidInput"),
    ):
        assert (await split(ann, given))["__typename"] == outcome, given
    assert (await split(late, splitting(ben)))["__typename"] == "EmailNotVerified"
    assert told(world, ben) == []
    for table in ("payment_requests", "bill_splits"):
        assert world.sql(f"SELECT count(*) FROM {table} WHERE user_id = %s", ann.user_id) == [(0,)]
    token = await ann.token("SEND_MONEY")
    assert (await world.ask(SPLIT_BILL, token, input=splitting(ben))).code == "FORBIDDEN"
