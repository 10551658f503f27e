"""Waiting for something to become true, with a deadline and without long sleeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

DEADLINE_SECONDS = 20.0


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
