"""Hints through Redis: what a relay publishes about a user reaches the processes that subscribe."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import redis.asyncio.client
import structlog

from adapters import hints, redis_connection
from domain import events

log = structlog.get_logger()

#: The shortest pause between two wake-ups of the relays.
_WAKE_PAUSE_SECONDS = 0.002
_WAKE_CHANNEL = "relay:wake"
#: Always subscribed to, because a connection without subscriptions cannot be read.
_KEEP_CHANNEL = "hints:keep"
_SILENCE_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


class Hints:
    """One subscribing connection for the whole process, and a few to publish on.

    Hints may come late, twice, out of order or not at all: subscribers must not depend on them.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_connection.connect(redis_url)
        self._waker = redis_connection.Dedicated(self._redis)
        #: Channel → how many subscribers it has in this process.
        self._wanted: dict[str, int] = {}
        #: The channels that the connection is subscribed to, and those whose subscription may change.
        self._subscribed: set[str] = set()
        self._touched: set[str] = set()
        self._changed = asyncio.Event()
        self._receive: Callable[[UUID, hints.Hint], None] | None = None
        self._confirmed: Callable[[UUID], None] | None = None
        self._woken: Callable[[], None] | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._wake_task: asyncio.Task[None] | None = None
        self._wake_again = False
        self._closing = False

    @classmethod
    async def open(cls, redis_url: str) -> Hints:
        """Does not connect yet: Redis may be unavailable."""
        return cls(redis_url)

    async def close(self) -> None:
        self._closing = True
        for task in (self._loop_task, self._wake_task):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._waker.close()
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()

    # ------------------------------------------------ publishing

    async def publish(self, messages: Sequence[tuple[UUID, hints.Hint]]) -> None:
        """Publish each hint on its user's channel, in one round trip. Raises `redis_connection.AWAY`."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for user_id, hint in messages:
                pipeline.publish(events.channel(user_id), hints.encode(hint))
            await pipeline.execute()

    async def check(self) -> None:
        """Raises one of `redis_connection.AWAY` if Redis is unavailable or refuses writes."""
        await redis_connection.check_writes(self._redis)

    def wake(self) -> None:
        """Wake the relays, because the outbox has new rows. Never waits and never raises.

        Calls during a wake-up, or just after it, are combined into one more.
        """
        if self._wake_task is None or self._wake_task.done():
            self._wake_task = asyncio.get_running_loop().create_task(self._send_wake())
        else:
            self._wake_again = True

    async def _send_wake(self) -> None:
        while True:
            self._wake_again = False
            # The relays poll anyway.
            with contextlib.suppress(*redis_connection.AWAY):
                await self._waker.ask("PUBLISH", _WAKE_CHANNEL, b"")
            if self._closing or not self._wake_again:
                return
            await asyncio.sleep(_WAKE_PAUSE_SECONDS)

    # ------------------------------------------------ listening

    def listen(
        self,
        receive: Callable[[UUID, hints.Hint], None],
        *,
        confirmed: Callable[[UUID], None] = lambda user_id: None,
    ) -> None:
        """Start to pass hints about users given to `subscribe` to `receive`.

        `confirmed` is called when Redis confirms the subscription to a user, at first and after every
        interruption. Hints before that may have been missed.
        """
        self._receive, self._confirmed = receive, confirmed
        self._start()

    def listen_for_wake(self, woken: Callable[[], None]) -> None:
        """Start to call `woken` whenever any process calls `wake`."""
        self._woken = woken
        self._want(_WAKE_CHANNEL)
        self._start()

    def subscribe(self, user_id: UUID) -> None:
        """Add a subscriber to the user's hints. Returns at once; see `confirmed`."""
        self._want(events.channel(user_id))

    def unsubscribe(self, user_id: UUID) -> None:
        """Remove a subscriber to the user's hints."""
        channel = events.channel(user_id)
        remaining = self._wanted.get(channel, 0) - 1
        if remaining > 0:
            self._wanted[channel] = remaining
        else:
            self._wanted.pop(channel, None)
            self._touch(channel)

    def _want(self, channel: str) -> None:
        self._wanted[channel] = self._wanted.get(channel, 0) + 1
        self._touch(channel)

    def _touch(self, channel: str) -> None:
        self._touched.add(channel)
        self._changed.set()

    def _start(self) -> None:
        if self._loop_task is None:
            self._loop_task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        loop = asyncio.get_running_loop()
        # asyncio.wait_for, which redis-py uses, can lose a cancellation that arrives just as a command
        # completes: so each loop here also checks a flag.
        while not self._closing:
            began = loop.time()
            try:
                await self._listen_until_lost()
            except redis_connection.AWAY as error:
                log.warning("hints are interrupted: Redis is unavailable", error=repr(error))
            if loop.time() - began > _LONGEST_PAUSE_SECONDS:
                pause_seconds = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause_seconds * random.uniform(0.5, 1))  # noqa: S311
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    async def _listen_until_lost(self) -> None:
        async with self._redis.pubsub() as pubsub:
            self._touched.clear()
            self._subscribed = {_KEEP_CHANNEL, *self._wanted}
            await pubsub.subscribe(*self._subscribed)
            running = asyncio.Event()
            running.set()
            sides = [
                asyncio.create_task(self._receive_messages(pubsub, running)),
                asyncio.create_task(self._keep_subscribed(pubsub, running)),
            ]
            try:
                done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
                for side in done:
                    side.result()
            finally:
                running.clear()
                for side in sides:
                    side.cancel()
                await asyncio.gather(*sides, return_exceptions=True)

    async def _receive_messages(
        self, pubsub: redis.asyncio.client.PubSub, running: asyncio.Event
    ) -> None:
        loop = asyncio.get_running_loop()
        heard, asked = loop.time(), False
        while running.is_set():
            message = await pubsub.get_message(timeout=_SILENCE_SECONDS)
            if message is not None:
                heard, asked = loop.time(), False
                self._dispatch(message)
            elif loop.time() - heard >= _SILENCE_SECONDS * (2 if asked else 1):
                if asked:
                    raise TimeoutError("Redis does not answer on the subscribing connection")
                asked = True
                await pubsub.ping()

    async def _keep_subscribed(
        self, pubsub: redis.asyncio.client.PubSub, running: asyncio.Event
    ) -> None:
        while running.is_set():
            await self._changed.wait()
            self._changed.clear()
            touched, self._touched = self._touched, set()
            new = [c for c in touched if c in self._wanted and c not in self._subscribed]
            gone = [c for c in touched if c not in self._wanted and c in self._subscribed]
            if new:
                self._subscribed.update(new)
                await pubsub.subscribe(*new)
            if gone:
                self._subscribed.difference_update(gone)
                await pubsub.unsubscribe(*gone)

    def _dispatch(self, message: Mapping[str, Any]) -> None:
        channel = message["channel"]
        name = channel.decode() if isinstance(channel, bytes) else ""
        if message["type"] not in ("message", "subscribe"):
            return
        is_confirmation = message["type"] == "subscribe"
        if name == _WAKE_CHANNEL:
            if self._woken is not None:
                self._woken()
        elif name.startswith("user:"):
            user_id = UUID(name.removeprefix("user:"))
            if is_confirmation:
                if self._confirmed is not None:
                    self._confirmed(user_id)
            elif self._receive is not None:
                self._deliver(user_id, message["data"])

    def _deliver(self, user_id: UUID, data: bytes) -> None:
        assert self._receive is not None
        hint = hints.decode(data)
        if hint is None:
            log.warning("an unreadable hint was ignored")
        else:
            self._receive(user_id, hint)
