"""A listener on the Pusher channel of a credential."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect

from adapters import pusher
from domain import events
from settings import Settings
from tests.books import Someone


@asynccontextmanager
async def listening(
    settings: Settings, someone: Someone, credential_id: UUID | None = None
) -> AsyncIterator[ClientConnection]:
    """A Pusher client on the channel of that credential, or of the user's session."""
    gateway = pusher.PusherGateway.from_settings(settings)
    assert gateway is not None
    address = f"ws://{settings.pusher_host}:{settings.pusher_port}/app/{settings.pusher_key}"
    async with connect(f"{address}?protocol=7") as socket:
        established = json.loads(json.loads(await socket.recv())["data"])
        channel = events.pusher_channel(credential_id or someone.session_id)
        signed = gateway.authenticate(established["socket_id"], channel)
        await socket.send(
            json.dumps({"event": "pusher:subscribe", "data": {"channel": channel, **signed}})
        )
        assert "succeeded" in json.loads(await socket.recv())["event"]
        yield socket
    gateway.close()


async def take(
    socket: ClientConnection,
    count: int,
    seconds: float = 20,
    *,
    event: str = events.PUSHER_TRANSACTION,
) -> list[int]:
    """The next numbers of those events that the listener hears; each stream has its own order."""
    name = "sequence" if event == events.PUSHER_TRANSACTION else "number"
    heard: list[int] = []
    async with asyncio.timeout(seconds):
        while len(heard) < count:
            message = json.loads(await socket.recv())
            assert message["event"] in {events.PUSHER_TRANSACTION, events.PUSHER_NOTIFICATION}
            if message["event"] == event:
                heard.append(json.loads(message["data"])[name])
    return heard
