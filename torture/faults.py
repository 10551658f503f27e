"""The faults of a run: those of the wallet's processes, of Valkey, and of the Channels and mail servers."""

from __future__ import annotations

import asyncio
import signal
import time

import redis

from torture.database_faults import (
    BackendKilled,
    ConnectionsTaken,
    PoolerKilled,
    PostgresFrozen,
    PostgresKilled,
    RowsLocked,
    StatementsSlow,
)
from torture.fault import Fault, was_killed, within

_BUSY_SECONDS = 4.0
#: A key that Valkey loses when it is killed.
_NOTED = "torture"


class ApiKilled(Fault):
    """kill -9 of an API process."""

    name = "API process killed"

    async def begin(self) -> None:
        self.process = self.rng.choice(self.stack.names("api", "checkout"))
        await self.kill(self.process)

    async def end(self) -> None:
        await self.start(self.process)


class ApiRestarted(Fault):
    """SIGTERM to an API process, as in a deployment: it finishes the requests in progress."""

    name = "API process restarted"
    kills = False
    seconds = (0.0, 0.5)

    async def begin(self) -> None:
        self.process = self.rng.choice(self.stack.names("api", "checkout"))
        child = self.stack.children[self.process]
        await asyncio.to_thread(child.stop, 20)
        self.had_effect = not child.running and not was_killed(child)

    async def end(self) -> None:
        await self.start(self.process)


class ApiSuspended(Fault):
    """An API process is suspended, whatever it is doing, and continues later."""

    name = "API process suspended"
    kills = False

    async def begin(self) -> None:
        self.process = self.stack.children[self.rng.choice(self.stack.names("api", "checkout"))]
        await self.suspend(self.process)

    async def end(self) -> None:
        self.process.signal(signal.SIGCONT)


class ValkeyKilled(Fault):
    """kill -9 of Valkey: hints, queues and jobs are lost."""

    name = "Valkey killed"
    stops_mails = True

    async def begin(self) -> None:
        await asyncio.to_thread(self._note_something)
        await asyncio.to_thread(self.stack.valkey.kill)

    async def end(self) -> None:
        killed = was_killed(self.stack.valkey.child)
        await asyncio.to_thread(self.stack.valkey.start)
        self.had_effect = killed and await asyncio.to_thread(self._has_forgotten)

    def _note_something(self) -> None:
        with redis.Redis.from_url(self.stack.valkey.url) as connection:
            connection.set(_NOTED, "yes")

    def _has_forgotten(self) -> bool:
        with redis.Redis.from_url(self.stack.valkey.url) as connection:
            return connection.get(_NOTED) is None


class RelayKilled(Fault):
    """kill -9 of one relay, or of both."""

    name = "relay killed"
    stops_mails = True

    async def begin(self) -> None:
        names = self.stack.names("relay")
        self.killed = self.rng.sample(names, self.rng.randint(1, len(names)))
        await self.kill(*self.killed)

    async def end(self) -> None:
        await self.start(*self.killed)


class RelaySuspended(Fault):
    """A relay is suspended for longer than its lease, and continues with rows that others have published."""

    name = "relay suspended past its lease"
    kills = False
    seconds = (5.5, 7.0)

    async def begin(self) -> None:
        self.process = self.stack.children[self.rng.choice(self.stack.names("relay"))]
        await self.suspend(self.process)

    async def end(self) -> None:
        self.process.signal(signal.SIGCONT)


class WorkerKilledPushing(Fault):
    """kill -9 of workers while the Channels server, which is slow, processes their events."""

    name = "worker killed in a push"
    seconds = (0.3, 1.5)

    async def begin(self) -> None:
        tap = self.world.channels_tap
        names = self.stack.names("worker")
        tap.slow_seconds = 0.7
        # Not all of them push if one pauses after an error.
        all_push = await within(_BUSY_SECONDS, lambda: tap.in_flight >= len(names))
        self.killed = [self.rng.choice(names)] if all_push else names
        pushing = await within(_BUSY_SECONDS, lambda: tap.in_flight > 0)
        await self.kill(*self.killed)
        self.had_effect &= pushing
        tap.slow_seconds = 0.0

    async def end(self) -> None:
        await self.start(*self.killed)


class WorkersKilledDelivering(Fault):
    """kill -9 of the workers while receivers of webhooks, which are slow, process what they deliver."""

    name = "workers killed in a delivery"
    seconds = (0.3, 1.5)

    async def begin(self) -> None:
        receivers, began = self.world.receivers, time.monotonic()
        receivers.slow_down(is_slow=True)
        await within(_BUSY_SECONDS, lambda: receivers.in_flight(began) > 0)
        delivering = receivers.in_flight(began) > 0
        await self.kill(*self.stack.names("worker"))
        self.had_effect &= delivering
        receivers.slow_down(is_slow=False)

    async def end(self) -> None:
        await self.start(*self.stack.names("worker"))


class WorkersKilledMailing(Fault):
    """kill -9 of the workers while one of them talks to the mail server, which is slow."""

    name = "workers killed in a mail"
    stops_mails = True
    seconds = (0.3, 1.5)

    async def begin(self) -> None:
        link = self.world.mail_link
        link.slow_seconds = 0.3
        mailing = await within(_BUSY_SECONDS, lambda: link.open > 0)
        await self.kill(*self.stack.names("worker"))
        self.had_effect &= mailing
        link.slow_seconds = 0.0

    async def end(self) -> None:
        await self.start(*self.stack.names("worker"))


class ChannelsKilled(Fault):
    """kill -9 of the Channels server."""

    name = "Channels server killed"

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.channels.kill)
        self.had_effect = was_killed(self.stack.channels.child)

    async def end(self) -> None:
        await asyncio.to_thread(self.stack.channels.start)


class ProviderKilled(Fault):
    """kill -9 of the payment provider, which keeps its records."""

    name = "payment provider killed"

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.provider.kill)
        self.had_effect = was_killed(self.stack.provider.child)

    async def end(self) -> None:
        await asyncio.to_thread(self.stack.provider.start)


class MailServerKilled(Fault):
    """kill -9 of the mail server."""

    name = "mail server killed"
    stops_mails = True

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.catcher.kill)
        self.had_effect = was_killed(self.stack.catcher.child)

    async def end(self) -> None:
        await asyncio.to_thread(self.stack.catcher.start)


class LinksCut(Fault):
    """All client connections are closed at once."""

    name = "every client disconnected"
    kills = False
    seconds = (0.0, 0.1)

    async def begin(self) -> None:
        self.had_effect = sum([link.cut_all() for link in self.world.links]) > 0

    async def end(self) -> None:
        """Clients reconnect by themselves."""


#: The faults that every run injects, however short it is; connections are disturbed in all of them.
FIRST: tuple[type[Fault], ...] = (PostgresKilled, ApiKilled, ValkeyKilled)
FURTHER: tuple[type[Fault], ...] = (
    LinksCut, WorkerKilledPushing, WorkersKilledDelivering, RelayKilled, ConnectionsTaken, StatementsSlow, RowsLocked,
    ChannelsKilled, ProviderKilled, MailServerKilled, WorkersKilledMailing, BackendKilled, PostgresFrozen,
    ApiSuspended, ApiRestarted, RelaySuspended,
)  # fmt: skip
#: Only where the database is one of the run.
OF_DATABASE: tuple[type[Fault], ...] = (
    PostgresKilled, BackendKilled, PostgresFrozen, ConnectionsTaken, StatementsSlow, RowsLocked,
)  # fmt: skip
#: If there is a pooler.
WITH_POOLER: tuple[type[Fault], ...] = (PoolerKilled,)
