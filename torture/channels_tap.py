"""A proxy in front of the Channels server: records the accepted events in order, and can delay them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from typing import Any
from uuid import UUID

from domain import events, ids
from torture import http1
from torture.record import Record
from torture.requests import minor

HOST = "127.0.0.1"
#: How often a response is withheld from the worker, which then has to trigger the event again.
_SWALLOW = 0.01


class ChannelsTap:
    """An HTTP proxy on loopback. Adds each event to the record that the server behind it accepts."""

    def __init__(self, port: int, to_port: int, rng: random.Random, record: Record) -> None:
        self.port = port
        #: Delay before a request is forwarded and before its response is returned.
        self.slow_seconds = 0.0
        self.swallow = _SWALLOW
        self.in_flight = 0
        #: The number of events that the server has accepted.
        self.accepted = 0
        self._record = record
        self._to_port = to_port
        self._rng = rng
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            with contextlib.suppress(OSError, EOFError, ValueError):
                while True:
                    request = await http1.read_message(reader)
                    self.in_flight += 1
                    try:
                        far = far or await asyncio.open_connection(HOST, self._to_port)
                        answer = await self._pass_on(request, *far)
                    finally:
                        self.in_flight -= 1
                    if self._rng.random() < self.swallow:
                        return
                    writer.write(answer.head + answer.body)
                    await writer.drain()
        finally:
            writer.close()
            if far is not None:
                far[1].close()

    async def _pass_on(
        self,
        request: http1.Message,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> http1.Message:
        await asyncio.sleep(self.slow_seconds)
        writer.write(request.head + request.body)
        answer = await http1.read_message(reader)
        if answer.status == 200 and request.body:
            self._note(json.loads(request.body))
        await asyncio.sleep(self.slow_seconds)
        return answer

    def _note(self, triggered: dict[str, Any]) -> None:
        for event in triggered.get("batch", [triggered]):
            self.accepted += 1
            told = json.loads(event["data"])
            if event["name"] == events.PUSHER_NOTIFICATION:
                self._note_notification(told)
                continue
            # An event is triggered once for each credential of its user, who is part of the transaction's id.
            named = ids.read_global_id(told["transaction"]["id"])
            assert named is not None
            user_id = UUID(named[1][0])
            if user_id in self._record.leavers:
                continue
            self._record.pushed.setdefault(user_id, []).append(told["sequence"])
            self._record.pushed_content.setdefault(user_id, []).append(
                (minor(told["balance"]["amount"]), UUID(told["transaction"]["reference"]))
            )

    def _note_notification(self, told: dict[str, Any]) -> None:
        named = ids.read_global_id(told["id"])
        assert named is not None
        user_id = UUID(named[1][0])
        if user_id not in self._record.leavers:
            self._record.pushed_notifications.setdefault(user_id, []).append(told["number"])
