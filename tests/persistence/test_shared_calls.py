"""Shared calls return what each caller would have got alone, never data from before its request."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

import pytest

from domain import errors
from persistence.engine.shared_calls import SharedCalls

pytestmark = pytest.mark.anyio


@dataclass
class Source:
    """Values that are read only when `gate` is open."""

    values: dict[str, int]
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reads: list[set[str]] = field(default_factory=list)

    async def read(self, keys: Collection[str]) -> dict[str, int]:
        self.reads.append(set(keys))
        found = {key: self.values[key] for key in keys if key in self.values}
        await self.gate.wait()
        return found


async def turns(count: int = 5) -> None:
    """Let the loop turn a few times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_asks_together_shares_one_read() -> None:
    source = Source({"a": 1, "b": 2})
    source.gate.set()
    shared = SharedCalls(source.read)
    answers = await asyncio.gather(
        shared.get("a"), shared.get(["a", "b"]), shared.get("x"), shared.one("b"), shared.one("y")
    )
    assert answers == [{"a": 1}, {"a": 1, "b": 2}, {}, 2, None]
    assert source.reads == [{"a", "b", "x", "y"}]


async def test_no_caller_joins_a_read_that_has_begun() -> None:
    source = Source({"a": 1})
    shared = SharedCalls(source.read, at_once=1)
    before = asyncio.create_task(shared.get("a"))
    await turns()
    source.values["a"] = 2
    after = [asyncio.create_task(shared.get("a")) for _ in range(3)]
    await turns()
    source.gate.set()
    assert await before == {"a": 1}
    assert await asyncio.gather(*after) == [{"a": 2}] * 3
    assert source.reads == [{"a"}, {"a"}]


async def test_who_goes_away_does_not_take_the_others_along() -> None:
    source = Source({"a": 1})
    shared = SharedCalls(source.read)
    tasks = [asyncio.create_task(shared.get("a")) for _ in range(3)]
    await turns()
    tasks[0].cancel()
    source.gate.set()
    assert await asyncio.gather(*tasks[1:]) == [{"a": 1}] * 2


async def test_what_goes_wrong_is_told_to_each_and_the_next_read_is_a_new_one() -> None:
    failures = [errors.Unavailable()]

    async def read(keys: Collection[str]) -> dict[str, int]:
        if failures:
            raise failures.pop()
        return dict.fromkeys(keys, 1)

    shared = SharedCalls(read)
    refused = await asyncio.gather(
        shared.get("a"), shared.get("b"), shared.one("c"), return_exceptions=True
    )
    assert [type(error) for error in refused] == [errors.Unavailable] * 3
    assert len(set(map(id, refused))) == 3
    assert await shared.get("a") == {"a": 1}


async def test_many_keys_are_read_in_several_reads() -> None:
    source = Source({str(number): number for number in range(500)})
    source.gate.set()
    shared = SharedCalls(source.read)
    answers = await asyncio.gather(*(shared.get([str(number)]) for number in range(500)))
    assert answers == [{str(number): number} for number in range(500)]
    assert [len(keys) for keys in source.reads] == [200, 200, 100]
