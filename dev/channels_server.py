"""A small Channels server, protocol 7: the WebSocket side and the process itself.

Public, private and encrypted channels; presence channels, webhooks and client events are not
needed here and are refused in the protocol's own words. Run as
`python -m dev.channels_server` with the `PUSHER_*` variables.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PROTOCOL = 7
ACTIVITY_TIMEOUT_SECONDS = 120
PONG_TIMEOUT_SECONDS = 30
LONGEST_CHANNEL_NAME = 200
LARGEST_QUEUE = 1_000
CHANNEL_NAME = re.compile(r"[-a-zA-Z0-9_=@,.;]+")

APP_NOT_FOUND = 4001
PATH_NOT_FOUND = 4005
INVALID_VERSION = 4006
UNSUPPORTED_PROTOCOL = 4007
NO_PROTOCOL = 4008
UNAUTHORIZED = 4009
OVER_CAPACITY = 4100
PONG_NOT_RECEIVED = 4201


class Connection:
    """One WebSocket: its channels, and the queue of outgoing frames."""

    def __init__(self) -> None:
        self.socket_id = f"{secrets.randbelow(10**6)}.{secrets.randbelow(10**8)}"
        self.channels: set[str] = set()
        self.outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def send(self, event: str, data: object, channel: str | None = None) -> None:
        message = {"event": event, "data": data}
        if channel is not None:
            message["channel"] = channel
        self.outgoing.put_nowait({"type": "websocket.send", "text": json.dumps(message)})

    def refuse(self, code: int | None, message: str) -> None:
        self.send("pusher:error", {"code": code, "message": message})

    def close(self, code: int, reason: str) -> None:
        """Send an error frame, which tells the client why, then the close frame."""
        self.refuse(code, reason)
        self.outgoing.put_nowait({"type": "websocket.close", "code": code, "reason": reason[:120]})


class Hub:
    """One app: its key and secret, and the subscribers of each channel."""

    def __init__(self, app_id: str, key: str, secret: str) -> None:
        self.app_id = app_id
        self.key = key
        self._secret = secret
        self._listeners: dict[str, set[Connection]] = {}

    def sign(self, text: str) -> str:
        return hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def occupied(self) -> dict[str, int]:
        """The channels with subscribers, and the number of these."""
        return {name: len(listeners) for name, listeners in self._listeners.items()}

    def publish(self, channel: str, event: str, data: str, except_for: str | None) -> None:
        for connection in list(self._listeners.get(channel, ())):
            if connection.socket_id == except_for:
                continue
            if connection.outgoing.qsize() < LARGEST_QUEUE:
                connection.send(event, data, channel)
            else:
                self.unsubscribe(connection, list(connection.channels))
                connection.close(OVER_CAPACITY, "The client does not read what it is sent")

    def unsubscribe(self, connection: Connection, channels: Iterable[str]) -> None:
        for name in channels:
            connection.channels.discard(name)
            listeners = self._listeners.get(name, set())
            listeners.discard(connection)
            if not listeners:
                self._listeners.pop(name, None)

    def take(self, connection: Connection, text: str) -> None:
        """Answer one message of a client."""
        try:
            message = json.loads(text)
            event = message["event"]
            data = message.get("data")
            data = json.loads(data) if isinstance(data, str) and data else data
        except (ValueError, TypeError, KeyError, AttributeError):
            connection.refuse(None, "Invalid JSON: a message is an object with event and data")
            return
        if event == "pusher:ping":
            connection.send("pusher:pong", "{}")
        elif event == "pusher:subscribe":
            self._subscribe(connection, data if isinstance(data, dict) else {})
        elif event == "pusher:unsubscribe":
            name = data.get("channel") if isinstance(data, dict) else None
            self.unsubscribe(connection, [name] if isinstance(name, str) else [])
        elif isinstance(event, str) and event.startswith("client-"):
            connection.refuse(None, "To send client events, you must enable this feature")
        elif event != "pusher:pong":
            connection.refuse(None, f"Unknown event {str(event)[:100]}")

    def _subscribe(self, connection: Connection, data: dict[str, Any]) -> None:
        name = data.get("channel")
        if not isinstance(name, str) or not is_channel_name(name):
            connection.refuse(None, f"Invalid channel name {str(name)[:100]}")
        elif name.startswith("presence-"):
            connection.refuse(None, "Presence channels are not enabled for this app")
        elif name in connection.channels:
            connection.refuse(None, f"Existing subscription to channel {name}")
        elif name.startswith("private-") and not self._may(connection, name, data.get("auth")):
            connection.refuse(
                UNAUTHORIZED,
                f"Auth value for subscription to {name} is invalid: it should be "
                "KEY:HmacSHA256Hex(socket_id:channel_name)",
            )
        else:
            connection.channels.add(name)
            self._listeners.setdefault(name, set()).add(connection)
            connection.send("pusher_internal:subscription_succeeded", "{}", name)

    def _may(self, connection: Connection, name: str, auth: object) -> bool:
        wanted = f"{self.key}:{self.sign(f'{connection.socket_id}:{name}')}"
        return isinstance(auth, str) and hmac.compare_digest(auth.encode(), wanted.encode())

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One WebSocket from its handshake to its end."""
        connection = Connection()
        await receive()
        await send({"type": "websocket.accept"})
        if problem := self._unfit(scope):
            connection.close(*problem)
            await _write(connection, send)
            return
        established = {
            "socket_id": connection.socket_id,
            "activity_timeout": ACTIVITY_TIMEOUT_SECONDS,
        }
        connection.send("pusher:connection_established", json.dumps(established))
        writer = asyncio.create_task(_write(connection, send))
        try:
            await self._read(connection, receive)
        finally:
            self.unsubscribe(connection, list(connection.channels))
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _read(self, connection: Connection, receive: Receive) -> None:
        asked = False
        while True:
            patience_seconds = PONG_TIMEOUT_SECONDS if asked else ACTIVITY_TIMEOUT_SECONDS
            try:
                message = await asyncio.wait_for(receive(), patience_seconds)
            except TimeoutError:
                if asked:
                    connection.close(PONG_NOT_RECEIVED, "Pong reply not received in time")
                    await connection.outgoing.join()
                    return
                asked = True
                connection.send("pusher:ping", "{}")
                continue
            if message["type"] == "websocket.disconnect":
                return
            asked = False
            self.take(connection, message.get("text") or "")

    def _unfit(self, scope: Scope) -> tuple[int, str] | None:
        """Why this handshake is refused, as a close code and a message."""
        path = str(scope["path"]).strip("/").split("/")
        version = parse_qs(scope["query_string"].decode("latin-1")).get("protocol", [""])[0]
        if len(path) != 2 or path[0] != "app":
            return PATH_NOT_FOUND, "Path not found"
        if not version:
            return NO_PROTOCOL, "No protocol version supplied"
        if not (version.isascii() and version.isdigit()):
            return INVALID_VERSION, "Invalid version string format"
        if not 5 <= int(version) <= PROTOCOL:
            return UNSUPPORTED_PROTOCOL, f"Unsupported protocol version: {version[:20]}"
        if path[1] != self.key:
            return APP_NOT_FOUND, f"App key {path[1][:40]} not in this cluster"
        return None


def is_channel_name(name: str) -> bool:
    return len(name) <= LONGEST_CHANNEL_NAME and CHANNEL_NAME.fullmatch(name) is not None


async def _write(connection: Connection, send: Send) -> None:
    """Send the queued frames in order, until the close frame."""
    while True:
        message = await connection.outgoing.get()
        try:
            await send(message)
        finally:
            connection.outgoing.task_done()
        if message["type"] == "websocket.close":
            return


def main() -> None:
    from dev import channels_rest

    environment = os.environ
    hub = Hub(environment["PUSHER_APP_ID"], environment["PUSHER_KEY"], environment["PUSHER_SECRET"])

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await hub.serve(scope, receive, send)
        else:
            await channels_rest.answer(hub, scope, receive, send)

    uvicorn.run(
        application,
        host=environment["PUSHER_HOST"],
        port=int(environment["PUSHER_PORT"]),
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
        ws_ping_interval=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
