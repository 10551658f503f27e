"""Reminding payers: once a day, three times in all, and only of requests that can be paid."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.resolvers.test_blocks import BLOCK, change
from tests.resolvers.test_requests import CANCEL, ask, close, told
from tests.resolvers.world import Someone, World

pytestmark = pytest.mark.anyio

REMIND = """
mutation($input: RemindPayerInput!) { remindPayer(input: $input) { __typename
  ... on PayerReminded { paymentRequest { id status } } ... on RequestClosed { paymentRequest { status } }
  ... on UserError { message } } }
"""


async def remind(user: Someone, request: Any) -> str:
    answer = await user.ask(REMIND, input={"paymentRequestId": request["id"]})
    return str(answer.one["__typename"])


def a_day_later(world: World, user: Someone) -> None:
    """What was reminded of is made a day older."""
    world.sql(
        "UPDATE payment_requests SET reminded_at = reminded_at - interval '1 day' WHERE user_id = %s",
        user.user_id,
    )


async def test_a_payer_is_reminded_once_a_day_and_three_times_in_all(world: World) -> None:
    ann, ben = await world.join("Ann"), await world.join("Ben")
    request = await ask(ann, ben)
    at_once = await asyncio.gather(*(remind(ann, request) for _ in range(5)))
    assert sorted(at_once) == ["PayerReminded", *["RequestNotAllowed"] * 4]
    for outcome in ("PayerReminded", "PayerReminded", "RequestNotAllowed"):
        a_day_later(world, ann)
        assert await remind(ann, request) == outcome
    assert told(world, ben) == ["request_received", *["request_reminder"] * 3]
    assert world.mails(ben.email)[-3:] == ["notification"] * 3
    message = (await ben.ask("{ viewer { notifications(first: 1) { nodes { message } } } }")).one
    assert message["notifications"]["nodes"][0]["message"].startswith(
        "Ann reminds you of a request"
    )


async def test_who_and_what_cannot_be_reminded(world: World) -> None:
    ann, ben = await world.join("Ann"), await world.join("Ben")
    request, is_open, cancelled = await ask(ann, ben), await ask(ann, None), await ask(ann, ben)
    await close(ann, CANCEL, cancelled)
    assert await remind(ben, request) == "NotFound"
    assert await remind(ann, is_open) == "NotFound"
    assert await remind(ann, {"id": "nonsense"}) == "NotFound"
    assert await remind(ann, cancelled) == "RequestClosed"
    assert (await world.ask(REMIND, input={"paymentRequestId": request["id"]})).code == (
        "UNAUTHENTICATED"
    )
    token = await ann.token("SEND_MONEY")
    answer = await world.ask(REMIND, token, input={"paymentRequestId": request["id"]})
    assert answer.code == "FORBIDDEN"
    assert await remind(ann, request) == "PayerReminded"
    too_early = await ann.ask(REMIND, input={"paymentRequestId": request["id"]})
    a_day_later(world, ann)
    await change(ben, BLOCK, ann)
    blocked = await ann.ask(REMIND, input={"paymentRequestId": request["id"]})
    # Nobody is told that they are blocked.
    assert blocked.one == too_early.one
    assert blocked.one["__typename"] == "RequestNotAllowed"
    assert told(world, ben) == [
        "request_received", "request_received", "request_cancelled", "request_reminder",
    ]  # fmt: skip
