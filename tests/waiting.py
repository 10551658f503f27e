"""Waits for a condition with a deadline, without long sleeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

DEADLINE_SECONDS = 20.0
#: How long separate processes may take to start, work and end on a loaded machine.
PATIENCE_SECONDS = 90


async def until(
    holds: Callable[[], object | Awaitable[object]], seconds: float = DEADLINE_SECONDS
) -> None:
    """Return once the condition holds, checked every 20 ms; fail after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        answer = holds()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline, f"the condition did not hold within {seconds} s"
        await asyncio.sleep(0.02)


def block_until(holds: Callable[[], object]) -> None:
    """The same for tests without an event loop, and for separate processes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, (
            f"the condition did not hold within {PATIENCE_SECONDS} s"
        )
        time.sleep(0.05)
