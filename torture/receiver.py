"""A receiver of webhooks: `python -m torture.receiver FILE PORT`. It may be killed at any moment.

It verifies signatures with the package `standardwebhooks`, and stores the last number that it processed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import standardwebhooks

from torture import http1
from torture.journal import ACKNOWLEDGED, NOT_GENUINE, Arrived, Journal, Trouble

HOST = "127.0.0.1"
PATH = "/deliveries"
#: Where redirects lead, which must not be followed.
ELSEWHERE = "/elsewhere"
_SLOW_SECONDS = 0.8
_DRIP_SECONDS = 0.4
#: Longer than any attempt may take.
_PATIENCE_SECONDS = 40.0
_HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot all of it"


class Server:
    """Receives deliveries of one webhook."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._keys: dict[int, standardwebhooks.Webhook] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, or not."""
        try:
            with contextlib.suppress(EOFError, OSError, ValueError):
                await self._receive(await http1.read_message(reader), reader, writer)
        finally:
            writer.close()

    async def _receive(
        self, message: http1.Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request, is_genuine = self._verified(message)
        trouble = self._journal.trouble()
        if not is_genuine:
            noted = self._journal.arrive(request, NOT_GENUINE, processes=False)
            await self._answer(writer, noted, NOT_GENUINE)
        elif trouble is None:
            noted = self._journal.arrive(request, ACKNOWLEDGED, processes=True)
            await self._answer(writer, noted, ACKNOWLEDGED)
        else:
            await self._misbehave(trouble, request, reader, writer)

    async def _misbehave(
        self,
        trouble: Trouble,
        request: Arrived,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        is_late = trouble is Trouble.SLOW
        reply = ACKNOWLEDGED if is_late else trouble.value
        noted = self._journal.arrive(request, reply, processes=trouble.processes)
        if trouble in (Trouble.HANG, Trouble.DRIP):
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await (reader.read() if trouble is Trouble.HANG else _drip(writer))
            finally:
                self._journal.done()
            return
        if is_late:
            await asyncio.sleep(_SLOW_SECONDS)
        else:
            # Before the client can notice, and try again.
            self._journal.done()
        if trouble is Trouble.CUT:
            writer.write(_HALF)
            await writer.drain()
        if trouble in (Trouble.CUT, Trouble.CUT_EARLY):
            writer.transport.abort()
        else:
            await self._answer(writer, noted, reply)

    async def _answer(self, writer: asyncio.StreamWriter, noted: int, reply: str) -> None:
        head = [f"HTTP/1.1 {reply} So", "Connection: close"]
        if reply != ACKNOWLEDGED:
            head.append("Content-Length: 0")
        if reply == Trouble.REDIRECT:
            head.append(f"Location: {ELSEWHERE}")
        self._journal.answer(noted)
        writer.write("\r\n".join([*head, "", ""]).encode())
        await writer.drain()

    def _verified(self, message: http1.Message) -> tuple[Arrived, bool]:
        """The request, and whether an active secret has signed it. Raises ValueError for any other."""
        first, *lines = message.head.decode("latin-1").split("\r\n")
        headers = dict(_header(line) for line in lines if line)
        signed_by: list[int] = []
        content: Any = {}
        is_genuine = False
        now = time.monotonic()
        for place, secret, until in self._journal.secrets():
            key = self._keys.setdefault(place, standardwebhooks.Webhook(secret))
            with contextlib.suppress(standardwebhooks.WebhookVerificationError):
                content = key.verify(message.body, headers)
                signed_by.append(place)
                is_genuine |= until is None or now < until
        arrived = Arrived(
            signed_by=tuple(signed_by),
            path=first.split(" ")[1],
            event_id=headers.get("webhook-id", ""),
            timestamp=int(headers.get("webhook-timestamp", 0)),
            kind=str(content.get("type", "")),
            number=int(content.get("number", 0)),
            amount=None,
            reference=None,
        )
        return _with_content(arrived, content), is_genuine


def _with_content(arrived: Arrived, content: Mapping[str, Any]) -> Arrived:
    for event in (content.get("data") or {}).values():
        balance, transaction = event.get("balance"), event.get("transaction")
        return replace(
            arrived,
            amount=balance and balance["amount"],
            reference=transaction and transaction["reference"],
        )
    return arrived


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


async def _drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(_DRIP_SECONDS)


async def run(file: Path, port: int) -> None:
    """Receive until killed."""
    server = await asyncio.start_server(Server(Journal(file)).serve, HOST, port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
