"""Faults of PostgreSQL and of the pooler in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Sequence
from uuid import UUID

import psycopg

from dev import processes
from torture.fault import Fault, is_suspended, was_killed, within
from torture.stack import MAXIMUM_CONNECTIONS

#: How long to watch for a session that the fault delays.
_LOOK_SECONDS = 2.0
#: How long it may take to use up all connections.
_TAKING_SECONDS = 30.0
#: Sessions that wait for a lock of the given session.
HELD_UP = "SELECT FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"

ASLEEP = (
    "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
)


class PostgresKilled(Fault):
    """kill -9 of PostgreSQL and all of its processes: it recovers from its log when it is restarted."""

    name = "PostgreSQL killed"
    stops_mails = True

    async def begin(self) -> None:
        self._since = self.stack.postgres_log_bytes()
        await asyncio.to_thread(self.stack.kill_postgres)

    async def end(self) -> None:
        killed = was_killed(self.stack.postgres.child)
        await asyncio.to_thread(self.stack.postgres.start)
        recovery = "automatic recovery in progress"
        self.had_effect = killed and self.stack.postgres_has_said(recovery, self._since)


class BackendKilled(Fault):
    """kill -9 of one session of PostgreSQL, which then ends all others and recovers by itself."""

    name = "PostgreSQL backend killed"
    seconds = (0.0, 0.1)

    async def begin(self) -> None:
        self._since = self.stack.postgres_log_bytes()
        self.had_effect = await asyncio.to_thread(self.stack.kill_backend)

    async def end(self) -> None:
        if self.had_effect:
            await asyncio.to_thread(self._wait_for_recovery)

    def _wait_for_recovery(self) -> None:
        def recovered() -> bool:
            # Until it has noticed, it still accepts connections.
            return self.stack.postgres_has_said("ready to accept connections", self._since)

        processes.wait_until(recovered, self.stack.postgres.child, 120, "PostgreSQL")


class PostgresFrozen(Fault):
    """PostgreSQL is suspended with all the locks it holds, as if its disk hung."""

    name = "PostgreSQL frozen"
    kills = False
    seconds = (1.0, 5.0)

    async def begin(self) -> None:
        await asyncio.to_thread(self.stack.freeze_postgres, signal.SIGSTOP)
        self.had_effect = await asyncio.to_thread(is_suspended, self.stack.postgres.child)

    async def end(self) -> None:
        await asyncio.to_thread(self.stack.freeze_postgres, signal.SIGCONT)


class PoolerKilled(Fault):
    """kill -9 of PgBouncer."""

    name = "PgBouncer killed"

    async def begin(self) -> None:
        assert self.stack.pooler is not None
        await asyncio.to_thread(self.stack.pooler.kill)
        self.had_effect = was_killed(self.stack.pooler.child)

    async def end(self) -> None:
        assert self.stack.pooler is not None
        await asyncio.to_thread(self.stack.pooler.start)


class ConnectionsTaken(Fault):
    """The wallet's connections are terminated, and others use up all that PostgreSQL offers."""

    name = "every connection taken"
    #: Sessions are ended: a mail that was sent and not yet marked as sent is sent again.
    kills = True
    seconds = (1.0, 4.0)

    async def begin(self) -> None:
        self._enough = threading.Event()
        self._taking = asyncio.ensure_future(asyncio.to_thread(self._take))
        await within(_TAKING_SECONDS, lambda: self.had_effect or self._taking.done())

    async def end(self) -> None:
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
                    self.had_effect = True
                    admin.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'mini-wallet'"
                    )
                    self._enough.wait(0.1)
            self._enough.wait()


class StatementsSlow(Fault):
    """Every statement that locks accounts is slow, before it has the locks and while it holds them."""

    name = "slow statements"
    kills = False
    seconds = (1.5, 5.0)

    _DEFINITION = "SELECT pg_get_functiondef('lock_accounts(uuid[])'::regprocedure)"
    # Replaced in place: a call that is running continues, and finds every function it calls.
    _SLOW = """
    CREATE OR REPLACE FUNCTION lock_accounts(account_ids uuid[]) RETURNS SETOF users
    LANGUAGE plpgsql VOLATILE STRICT ROWS 2 AS $$
    BEGIN
        PERFORM pg_sleep(random() * 0.4);
        RETURN QUERY SELECT * FROM lock_accounts_at_once(account_ids);
        PERFORM pg_sleep(random() * 0.4);
    END $$;
    """

    async def begin(self) -> None:
        await asyncio.to_thread(self._slow_down)

    async def end(self) -> None:
        self.had_effect = await asyncio.to_thread(finds, self.stack.postgres.admin_url, ASLEEP)
        await asyncio.to_thread(self._speed_up)

    def _slow_down(self) -> None:
        with psycopg.connect(self.stack.postgres.url) as connection:
            [(self._definition,)] = connection.execute(self._DEFINITION)
            at_once = self._definition.replace("lock_accounts", "lock_accounts_at_once")
            connection.execute(at_once.encode())
            connection.execute(self._SLOW.encode())

    def _speed_up(self) -> None:
        with psycopg.connect(self.stack.postgres.url) as connection:
            connection.execute(self._definition.encode())


class RowsLocked(Fault):
    """Another session locks users' rows and stays idle."""

    name = "row locks held"
    kills = False
    #: At times longer than the wallet waits for a lock.
    seconds = (1.0, 7.0)

    async def begin(self) -> None:
        hot, *others = self.world.users
        chosen = [hot, *self.rng.sample(others, min(3, len(others)))]
        self._connection = await asyncio.to_thread(self._lock, chosen)

    async def end(self) -> None:
        self.had_effect = await asyncio.to_thread(
            finds, self.stack.postgres.admin_url, HELD_UP, [self._connection.info.backend_pid]
        )
        await asyncio.to_thread(self._connection.close)

    def _lock(self, user_ids: list[UUID]) -> psycopg.Connection:
        connection = psycopg.connect(self.stack.postgres.url)
        connection.execute(
            "SELECT FROM users WHERE id = ANY (%s) ORDER BY id FOR UPDATE", [user_ids]
        )
        return connection


def finds(
    database_url: str,
    query: str,
    parameters: Sequence[object] = (),
    *,
    seconds: float = _LOOK_SECONDS,
) -> bool:
    """Whether the query returns a row within that time."""
    nothing = threading.Event()
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(int(seconds / processes.POLL_SECONDS)):
            if connection.execute(query.encode(), parameters).fetchone() is not None:
                return True
            nothing.wait(processes.POLL_SECONDS)
    return False
