"""A pool of connections for `pipeline`: each has one user at a time, and is closed after any error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import psycopg
import psycopg_pool

from persistence.engine.servers import READ_ONLY_TRANSACTION, Connection, Servers

#: How long a caller waits for a free or a new connection.
POOL_SECONDS = 3.0
#: How long asking the server to cancel a statement may take.
_CANCEL_SECONDS = 2.0


class Connections:
    """Pooled connections in autocommit, opened on demand. Created with `open`."""

    def __init__(
        self,
        pool: psycopg_pool.AsyncConnectionPool[Connection],
        servers: Servers,
        *,
        cancels_statements: bool,
    ) -> None:
        self._pool = pool
        self._servers = servers
        self._cancels_statements = cancels_statements

    @classmethod
    async def open(
        cls,
        servers: Servers,
        *,
        name: str,
        minimum: int,
        maximum: int,
        options: str = "",
        cancels_statements: bool = False,
    ) -> Self:
        """At least `minimum` are opened in the background: an unreachable database raises later.

        `options` are libpq's, for settings that only this pool needs; a pooler in between may drop them. With
        `cancels_statements`, for connections that only read, cancelling a caller also cancels its statement on
        the server.
        """
        pool = psycopg_pool.AsyncConnectionPool(
            connection_class=Connection,
            kwargs={"servers": servers, "autocommit": True, "options": options},
            min_size=minimum,
            max_size=maximum,
            timeout=POOL_SECONDS,
            # Let the next request find out that the database is back, rather than a timer with long intervals.
            reconnect_timeout=POOL_SECONDS,
            open=False,
            name=name,
        )
        await pool.open()
        return cls(pool, servers, cancels_statements=cancels_statements)

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Connection]:
        """A connection for the exclusive use of the caller. Raises `psycopg_pool.PoolTimeout` and `PoolClosed`."""
        connection = await self._trusted()
        try:
            with self._servers.watching():
                yield connection
        except BaseException as error:
            if self._cancels_statements and isinstance(error, asyncio.CancelledError):
                await _cancel_statement(connection)
            # After an error in a pipeline the state of the connection is unknown.
            await connection.close()
            raise
        finally:
            await self._pool.putconn(connection)

    async def _trusted(self) -> Connection:
        while True:
            connection = await self._pool.getconn()
            if self._servers.trusts(connection):
                return connection
            await connection.close()
            await self._pool.putconn(connection)

    async def weed(self) -> None:
        """Check every pooled connection: after one was lost, the others may be lost too."""
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(POOL_SECONDS):
                await self._pool.check()


async def _cancel_statement(connection: Connection) -> None:
    """PostgreSQL notices only at the end of a statement that its connection was closed."""
    with suppress(psycopg.Error):
        await connection.cancel_safe(timeout=_CANCEL_SECONDS)


def is_lost(error: BaseException | None) -> bool:
    """Whether the connection was lost, or its server accepts no more writes, so that another one may succeed."""
    if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.PoolClosed):
        return False
    if isinstance(error, psycopg.Error) and error.sqlstate == READ_ONLY_TRANSACTION:
        return True
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    # An error without SQLSTATE is libpq's; with 08 or 57P, the server ended the connection.
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
