"""Root fields: guards run first, refusals become results, and everything is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from graphql import ExecutionResult, parse
from graphql.execution import create_source_event_stream

from application import authentication, hashing
from domain import errors
from resolvers.request import RequestContext
from tests.resolvers.world import SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

EVENTS = "subscription { walletEvents { sequence } }"


async def _subscribe(world: World, bearer: str | None) -> Any:
    """The stream, or the refusal of one."""
    authorization = None if bearer is None else f"Bearer {bearer}"
    context = RequestContext(
        services=world.services,
        principal=await authentication.authenticate(world.services, authorization),
        client_ip="192.0.2.1",
    )
    executor = SCHEMA.execution_context_class.build(
        SCHEMA._schema, parse(EVENTS), None, context, None, None
    )
    return await create_source_event_stream(executor)  # type: ignore[arg-type, misc]


async def test_a_stream_is_refused_before_it_begins(world: World, alpha: Someone) -> None:
    token = await alpha.token("READ_PROFILE")
    for bearer, refusal, code in (
        (None, errors.Unauthenticated, "UNAUTHENTICATED"),
        (token, errors.Forbidden, "FORBIDDEN"),
    ):
        refused = await _subscribe(world, bearer)
        assert isinstance(refused, ExecutionResult)
        assert refused.errors is not None
        assert isinstance(refused.errors[0].original_error, refusal)
        assert world.metrics.operations[-1] == ("walletEvents", code)


async def test_what_became_of_an_operation_is_counted_by_small_names(
    world: World, alpha: Someone
) -> None:
    await alpha.add("0")
    assert world.metrics.operations[-1] == ("addBalance", "InvalidAmount")
    assert world.metrics.transfers[-1] == "InvalidAmount"
    await world.ask('{ searchUsers(query: "x") { nodes { id } } }')
    assert world.metrics.operations[-1] == ("searchUsers", "UNAUTHENTICATED")


async def test_a_fault_of_ours_goes_on_as_it_is(
    world: World, alpha: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.services.ledger, "move", fail)
    answer = await alpha.ask(
        'mutation { addBalance(input: {amount: "1", idempotencyKey: "12345678"}) { __typename } }'
    )
    assert answer.code == "INTERNAL"
    assert world.metrics.operations[-1] == ("addBalance", "INTERNAL")
    assert world.metrics.transfers[-1] == "failed"


async def test_a_relay_is_woken_by_what_was_committed_alone(world: World, alpha: Someone) -> None:
    woken: list[int] = []
    services = replace(world.services, wake_relay=lambda: woken.append(1))
    listening = replace(alpha, world=replace(world, services=services))
    await listening.add("0")
    assert woken == []
    await listening.add("1", "the same key")
    assert woken == [1]
    await listening.add("1", "the same key")
    assert woken == [1]


async def test_passwords_that_wait_too_long_are_turned_away() -> None:
    hasher = hashing.Hashing(rounds=4)
    hasher._waiting = 10_000
    with pytest.raises(errors.RateLimited):
        await hasher.hash("a password")
