"""A TCP proxy that cuts, delays, swallows and truncates what passes, at random."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass

HOST = "127.0.0.1"
_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Chances:
    """The probability of each disturbance, per chunk that passes."""

    cut: float = 0.004
    swallow: float = 0.006
    truncate: float = 0.004
    delay: float = 0.02
    longest_delay_seconds: float = 0.6


NONE = Chances(0, 0, 0, 0)


class Link:
    """The proxy in front of one server. `chances` and `slow_seconds` (per chunk) may change at any time."""

    def __init__(
        self, to_port: int, rng: random.Random, chances: Chances, *, port: int = 0
    ) -> None:
        self.port = port
        self.chances = chances
        self.slow_seconds = 0.0
        self.open = 0
        #: Number of disturbances by kind: `cut`, `swallow`, `truncate`, `delay`.
        self.done: Counter[str] = Counter()
        self._to_port = to_port
        self._rng = rng
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.cut_all()

    def cut_all(self) -> int:
        """Close every open connection; how many sockets that were."""
        writers = list(self._writers)
        for writer in writers:
            writer.transport.abort()
        return len(writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._to_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        self.open += 1
        entry = _Connection(self, self._rng)
        pumps = [
            asyncio.ensure_future(entry.forth(reader, far_writer)),
            asyncio.ensure_future(entry.back(far_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.open -= 1
            self._writers -= ends
            for end in ends:
                # What was written may still arrive, unless the connection was cut.
                end.transport.abort() if entry.is_cut else end.close()


class _Connection:
    """One connection through the proxy; each direction ends when it is closed or cut."""

    def __init__(self, link: Link, rng: random.Random) -> None:
        self._link = link
        self._rng = rng
        self._swallows = False
        self.is_cut = False

    async def forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests are cut before they arrive, or forwarded and their responses swallowed."""
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                chances = self._link.chances
                fate = self._rng.random()
                await self._delay()
                if fate < chances.cut:
                    self._link.done["cut"] += 1
                    self.is_cut = True
                    return
                writer.write(chunk)
                await writer.drain()
                if fate < chances.cut + chances.swallow:
                    self._link.done["swallow"] += 1
                    self._swallows = True
                    # The response may have arrived by then or not.
                    await asyncio.sleep(self._rng.uniform(0.02, 1.5))
                    self.is_cut = True
                    return

    async def back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Responses and events are swallowed or truncated."""
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._delay()
                if self._swallows:
                    continue
                if self._rng.random() < self._link.chances.truncate:
                    self._link.done["truncate"] += 1
                    writer.write(chunk[: self._rng.randrange(len(chunk))])
                    await writer.drain()
                    return
                writer.write(chunk)
                await writer.drain()
        if self._swallows:
            await asyncio.sleep(60)

    async def _delay(self) -> None:
        if self._link.slow_seconds:
            await asyncio.sleep(self._link.slow_seconds)
        chances = self._link.chances
        if self._rng.random() < chances.delay:
            self._link.done["delay"] += 1
            await asyncio.sleep(self._rng.uniform(0, chances.longest_delay_seconds))
