"""Waiting for something to become true, with a deadline and without long sleeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

DEADLINE_SECONDS = 20.0
#: What processes of their own may take to start, work and end on a loaded machine.
PATIENCE_SECONDS = 90


async def until(
    holds: Callable[[], object | Awaitable[object]], seconds: float = DEADLINE_SECONDS
) -> None:
    """Return once it holds; asked every 20 ms, failed after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        answer = holds()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline, f"it did not come to hold within {seconds} s"
        await asyncio.sleep(0.02)


def block_until(holds: Callable[[], object]) -> None:
    """Return once it holds, for what processes do and where no event loop runs in this one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"it did not come to hold within {PATIENCE_SECONDS} s"
        time.sleep(0.05)
