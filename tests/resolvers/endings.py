"""Waits for the end of a session or an API token, as a socket does."""

from __future__ import annotations

import asyncio

from domain.people.sessions import Principal
from realtime.live import Live


async def wait_until_ended(live: Live, principal: Principal) -> None:
    """Return when the credential has ended."""
    ended = asyncio.Event()
    watch = live.watch(principal, lambda _: ended.set())
    try:
        await ended.wait()
    finally:
        live.unwatch(watch)
