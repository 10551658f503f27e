"""What is broken in a run: each trouble with how it begins and how it is mended."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from app.dev_services import processes
from torture.channels_tap import ChannelsTap
from torture.link import Link
from torture.stack import MAXIMUM_CONNECTIONS, Stack

_BUSY_SECONDS = 4.0


@dataclass(frozen=True)
class World:
    """What troubles can reach."""

    stack: Stack
    dice: random.Random
    links: Sequence[Link]
    mail_link: Link
    channels_tap: ChannelsTap
    #: The hot recipient first.
    people: Sequence[UUID]


class Trouble(ABC):
    """Something that breaks and is mended; made anew each time."""

    name: str
    #: Whether a process is ended, so that a mail may come twice.
    kills = True
    #: Whether no mail can be sent meanwhile, so that service means mails too.
    stops_mails = False
    #: How long it lasts, from the shortest to the longest.
    seconds = (0.3, 3.0)

    def __init__(self, world: World) -> None:
        self.world = world
        self.stack = world.stack
        self.dice = world.dice

    @abstractmethod
    async def begin(self) -> None:
        """Break it."""

    @abstractmethod
    async def mend(self) -> None:
        """Mend it, and return when it runs again."""

    async def start(self, *names: str) -> None:
        """Start these processes again, all at once, and wait until they are at work."""
        for name in names:
            await asyncio.to_thread(self.stack.spawn, name)
        for name in names:
            await asyncio.to_thread(self.stack.wait_for, name)


class ApiKilled(Trouble):
    """kill -9 of an API process."""

    name = "API process killed"

    async def begin(self) -> None:
        self.process = self.dice.choice(self.stack.names("api"))
        await asyncio.to_thread(self.stack.kill, self.process)

    async def mend(self) -> None:
        await self.start(self.process)


class ApiRestarted(Trouble):
    """SIGTERM to an API process, as a deployment does: it finishes what is under way."""

    name = "API process restarted"
    kills = False
    seconds = (0.0, 0.5)

    async def begin(self) -> None:
        self.process = self.dice.choice(self.stack.names("api"))
        await asyncio.to_thread(self.stack.children[self.process].stop, 20)

    async def mend(self) -> None:
        await self.start(self.process)


class ApiSuspended(Trouble):
    """An API process stands still, in the middle of whatever it does, and goes on."""

    name = "API process suspended"
    kills = False

    async def begin(self) -> None:
        self.process = self.stack.children[self.dice.choice(self.stack.names("api"))]
        self.process.signal(signal.SIGSTOP)

    async def mend(self) -> None:
        self.process.signal(signal.SIGCONT)


class PostgresKilled(Trouble):
    """kill -9 of PostgreSQL and all of its processes: it recovers from its log when it is started."""

    name = "PostgreSQL killed"
    stops_mails = True

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.kill_postgres)

    async def mend(self) -> None:
        await asyncio.to_thread(self.stack.postgres.start)


class BackendKilled(Trouble):
    """kill -9 of one session of PostgreSQL, which then ends all others and recovers by itself."""

    name = "PostgreSQL backend killed"
    seconds = (0.0, 0.1)

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.kill_backend)

    async def mend(self) -> None:
        await asyncio.to_thread(self._wait_for_recovery)

    def _wait_for_recovery(self) -> None:
        def recovered() -> bool:
            with contextlib.suppress(psycopg.OperationalError), self.stack.postgres.connect():
                return True
            return False

        processes.wait_until(recovered, self.stack.postgres.child, 120, "PostgreSQL")


class PostgresFrozen(Trouble):
    """PostgreSQL stands still for a while, with all the locks it holds, as on a disk that hangs."""

    name = "PostgreSQL frozen"
    kills = False
    seconds = (1.0, 5.0)

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.freeze_postgres, signal.SIGSTOP)

    async def mend(self) -> None:
        await asyncio.to_thread(self.stack.freeze_postgres, signal.SIGCONT)


class PoolerKilled(Trouble):
    """kill -9 of PgBouncer."""

    name = "PgBouncer killed"

    async def begin(self) -> None:
        assert self.stack.pooler is not None
        await asyncio.to_thread(self.stack.pooler.kill)

    async def mend(self) -> None:
        assert self.stack.pooler is not None
        await asyncio.to_thread(self.stack.pooler.start)


class ValkeyKilled(Trouble):
    """kill -9 of Valkey: hints, queues and jobs are gone with its memory."""

    name = "Valkey killed"
    stops_mails = True

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.valkey.kill)

    async def mend(self) -> None:
        await asyncio.to_thread(self.stack.valkey.start)


class RelayKilled(Trouble):
    """kill -9 of one relay, or of both."""

    name = "relay killed"
    stops_mails = True

    async def begin(self) -> None:
        names = self.stack.names("relay")
        self.killed = self.dice.sample(names, self.dice.randint(1, len(names)))
        for name in self.killed:
            await asyncio.to_thread(self.stack.kill, name)

    async def mend(self) -> None:
        await self.start(*self.killed)


class RelaySuspended(Trouble):
    """A relay stands still for longer than its lease, and goes on with what others have done."""

    name = "relay suspended past its lease"
    kills = False
    seconds = (5.5, 7.0)

    async def begin(self) -> None:
        self.process = self.stack.children[self.dice.choice(self.stack.names("relay"))]
        self.process.signal(signal.SIGSTOP)

    async def mend(self) -> None:
        self.process.signal(signal.SIGCONT)


class WorkerKilledPushing(Trouble):
    """kill -9 of a worker while the Channels server, which is slow, has its events in hand."""

    name = "worker killed in a push"
    seconds = (0.3, 1.5)

    async def begin(self) -> None:
        tap = self.world.channels_tap
        names = self.stack.names("worker")
        tap.slow_seconds = 0.7
        await _within(_BUSY_SECONDS, lambda: tap.in_flight >= len(names))
        self.killed = self.dice.choice(names)
        await asyncio.to_thread(self.stack.kill, self.killed)
        tap.slow_seconds = 0.0

    async def mend(self) -> None:
        await self.start(self.killed)


class WorkersKilledMailing(Trouble):
    """kill -9 of the workers while one of them talks to the mail server, which is slow."""

    name = "workers killed in a mail"
    stops_mails = True
    seconds = (0.3, 1.5)

    async def begin(self) -> None:
        link = self.world.mail_link
        link.slow_seconds = 0.3
        await _within(_BUSY_SECONDS, lambda: link.open > 0)
        for name in self.stack.names("worker"):
            await asyncio.to_thread(self.stack.kill, name)
        link.slow_seconds = 0.0

    async def mend(self) -> None:
        await self.start(*self.stack.names("worker"))


class ChannelsKilled(Trouble):
    """kill -9 of the Channels server."""

    name = "Channels server killed"

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.channels.kill)

    async def mend(self) -> None:
        await asyncio.to_thread(self.stack.channels.start)


class MailServerKilled(Trouble):
    """kill -9 of the mail server."""

    name = "mail server killed"
    stops_mails = True

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.catcher.kill)

    async def mend(self) -> None:
        await asyncio.to_thread(self.stack.catcher.start)


class ConnectionsTaken(Trouble):
    """The wallet's connections are ended, and others take every one that PostgreSQL has to give."""

    name = "every connection taken"
    kills = False
    seconds = (1.0, 4.0)

    async def begin(self) -> None:
        self._enough = threading.Event()
        self._taking = asyncio.ensure_future(asyncio.to_thread(self._take))
        await asyncio.sleep(0)

    async def mend(self) -> None:
        self._enough.set()
        await self._taking

    def _take(self) -> None:
        server = self.stack.postgres
        with contextlib.ExitStack() as taken, server.connect() as admin:
            for _ in range(MAXIMUM_CONNECTIONS * 2):
                if self._enough.is_set():
                    return
                try:
                    taken.enter_context(psycopg.connect(server.url, connect_timeout=2))
                except psycopg.OperationalError:
                    admin.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'mini-wallet'"
                    )
                    self._enough.wait(0.1)
            self._enough.wait()


class StatementsSlow(Trouble):
    """Every statement that locks accounts takes its time, before it has the locks and with them."""

    name = "slow statements"
    kills = False
    seconds = (1.5, 5.0)

    _SLOW = """
    ALTER FUNCTION lock_accounts(uuid[]) RENAME TO lock_accounts_at_once;
    CREATE FUNCTION lock_accounts(account_ids uuid[]) RETURNS SETOF users
    LANGUAGE plpgsql VOLATILE STRICT ROWS 2 AS $$
    BEGIN
        PERFORM pg_sleep(random() * 0.4);
        RETURN QUERY SELECT * FROM lock_accounts_at_once(account_ids);
        PERFORM pg_sleep(random() * 0.4);
    END $$;
    """
    _AGAIN = """
    DROP FUNCTION lock_accounts(uuid[]);
    ALTER FUNCTION lock_accounts_at_once(uuid[]) RENAME TO lock_accounts;
    """

    async def begin(self) -> None:
        await asyncio.to_thread(self._execute, self._SLOW)

    async def mend(self) -> None:
        await asyncio.to_thread(self._execute, self._AGAIN)

    def _execute(self, statements: str) -> None:
        with psycopg.connect(self.stack.postgres.url) as connection:
            connection.execute(statements.encode())


class RowsLocked(Trouble):
    """Somebody locks people's rows in a session of their own and goes to lunch."""

    name = "row locks held"
    kills = False
    #: Longer than the wallet waits for a lock, at times.
    seconds = (1.0, 7.0)

    async def begin(self) -> None:
        hot, *others = self.world.people
        chosen = [hot, *self.dice.sample(others, min(3, len(others)))]
        self._connection = await asyncio.to_thread(self._lock, chosen)

    async def mend(self) -> None:
        await asyncio.to_thread(self._connection.close)

    def _lock(self, user_ids: list[UUID]) -> psycopg.Connection:
        connection = psycopg.connect(self.stack.postgres.url)
        connection.execute(
            "SELECT FROM users WHERE id = ANY (%s) ORDER BY id FOR UPDATE", [user_ids]
        )
        return connection


class LinksCut(Trouble):
    """Every connection of every caller is cut at once."""

    name = "every caller cut off"
    kills = False
    seconds = (0.0, 0.1)

    async def begin(self) -> None:
        for link in self.world.links:
            link.cut_all()

    async def mend(self) -> None:
        """They come back by themselves."""


#: What no run goes without, however short; bad lines there are in all of them.
FIRST: tuple[type[Trouble], ...] = (PostgresKilled, ApiKilled, ValkeyKilled)
FURTHER: tuple[type[Trouble], ...] = (
    LinksCut, WorkerKilledPushing, RelayKilled, ConnectionsTaken, StatementsSlow, RowsLocked,
    ChannelsKilled, MailServerKilled, WorkersKilledMailing, BackendKilled, PostgresFrozen,
    ApiSuspended, ApiRestarted, RelaySuspended,
)  # fmt: skip


async def _within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until it holds, or for so long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds() and loop.time() < deadline:  # noqa: ASYNC110 - nobody tells.
        await asyncio.sleep(0.02)
