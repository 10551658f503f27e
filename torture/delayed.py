"""Requests that the network holds in transit for seconds to minutes, and delivers after their callers gave up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

from torture import client, http1
from torture.client import Watch
from torture.record import Command, DelayedRequest, Record

HOST = "127.0.0.1"
_POLL_SECONDS = 0.2
_ANSWER_SECONDS = 30.0


class DelayingNetwork:
    """Takes requests whose callers never hear of them again. Delivers each once, to one API process."""

    def __init__(
        self,
        record: Record,
        ports: Sequence[int],
        rng: random.Random,
        watch: Watch,
        *,
        longest_seconds: float,
    ) -> None:
        self._record = record
        self._ports = ports
        self._rng = rng
        self._watch = watch
        #: Most are held for much less.
        self._longest_seconds = longest_seconds
        self._ending = asyncio.Event()
        self._deliveries: list[asyncio.Task[None]] = []

    def hold(self, command: Command, request: bytes) -> None:
        """Take a request of that command, and deliver it later."""
        held = DelayedRequest(
            command.user_id,
            command.operation,
            command.key,
            held=time.monotonic(),
            not_after=command.not_after,
        )
        self._record.delayed.append(held)
        seconds = self._longest_seconds * self._rng.random() ** 2
        port = self._rng.choice(self._ports)
        self._deliveries.append(asyncio.create_task(self._deliver(held, request, seconds, port)))

    async def deliver_rest(self) -> None:
        """Deliver everything that is still held, and wait for the answers. Raises what went wrong."""
        self._ending.set()
        await asyncio.gather(*self._deliveries)

    async def cancel(self) -> None:
        """Drop everything that is still held."""
        for delivery in self._deliveries:
            delivery.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)

    async def _deliver(
        self, held: DelayedRequest, request: bytes, seconds: float, port: int
    ) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            pass
        reader, writer = await self._connect(port)
        try:
            held.delivered = time.monotonic()
            writer.write(request)
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = client.read(await http1.read_message(reader))
        except (OSError, EOFError, ValueError):
            # The process ended before it answered; this request is not repeated.
            return
        finally:
            writer.transport.abort()
        if answer.has_failed:
            self._watch(answer)
            held.answer = answer.code
            return
        result = answer.data[held.operation.value]
        held.answer = result["__typename"]
        held.replayed = result.get("replayed")

    async def _connect(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """As soon as the process takes connections."""
        while True:
            try:
                return await asyncio.open_connection(HOST, port)
            except OSError:
                await asyncio.sleep(_POLL_SECONDS)
