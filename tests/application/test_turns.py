"""Limited concurrency per key: some calls run, some wait, the rest are refused; keys are independent."""

from __future__ import annotations

import asyncio

import pytest

from application.turns import Turns
from domain import errors

pytestmark = pytest.mark.anyio


class Bodies:
    """What runs in turns, until it is told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.running: list[str] = []
        self.gate = asyncio.Event()

    async def run(self, key: str) -> None:
        async with self.turns.turn(key):
            self.running.append(key)
            await self.gate.wait()


async def loop_turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_so_many_run_so_many_wait_and_the_rest_is_refused() -> None:
    bodies = Bodies(Turns(at_once=2, waiting=3))
    tasks = [asyncio.create_task(bodies.run("a")) for _ in range(7)]
    await loop_turns()
    assert bodies.running == ["a", "a"]
    bodies.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 5 + [errors.RateLimited] * 2
    assert {outcome.limit.quota for outcome in outcomes if outcome is not None} == {5}  # type: ignore[union-attr]
    assert bodies.running == ["a"] * 5
    assert len(bodies.turns) == 0


async def test_keys_do_not_wait_for_each_other() -> None:
    bodies = Bodies(Turns(at_once=1, waiting=1))
    tasks = [asyncio.create_task(bodies.run(key)) for key in "aabb"]
    await loop_turns()
    assert bodies.running == ["a", "b"]
    bodies.gate.set()
    await asyncio.gather(*tasks)


async def test_who_goes_away_makes_room_whether_it_waited_or_ran() -> None:
    bodies = Bodies(Turns(at_once=1, waiting=1))
    tasks = [asyncio.create_task(bodies.run("a")) for _ in range(2)]
    await loop_turns()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    bodies.gate.set()
    await bodies.run("a")
    assert len(bodies.turns) == 0
