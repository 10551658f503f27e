"""Connects to the server of DATABASE_URL that accepts writes, and follows it when another one takes over.

libpq finds that server. It cannot tell a primary from one that was replaced and does not know it yet: each
promotion begins a new timeline, and a process does not use a server whose timeline is older than one it has
seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Self

import psycopg
import structlog
from psycopg import conninfo
from sqlalchemy import exc

from domain import errors
from persistence.engine import addresses, pinned, pipeline
from persistence.engine.addresses import Addresses, Server

log = structlog.get_logger(__name__)

READ_ONLY_TRANSACTION = "25006"
#: The parameters of libpq that have a value for each server.
_PER_SERVER = ("host", "hostaddr", "port")
_TIMELINE = b"SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"


class Servers:
    """What this process knows of them. Shared by its pools: get it with `of`."""

    def __init__(self, listed: Addresses) -> None:
        self._listed = listed
        #: Indexes of the servers, in the order in which to try them.
        self._order = list(range(len(listed.servers)))
        self._timeline = 0
        self._generation = 0
        #: The one that was refused last, which is logged once.
        self._refused: Server | None = None

    @property
    def are_several(self) -> bool:
        """Whether one server may take over from another."""
        return self._listed.are_several

    @property
    def attempts(self) -> int:
        """How many connections to try: each attempt may find a server that was replaced."""
        return max(len(self._order), 1)

    def trusts(self, connection: Connection) -> bool:
        """Whether the connection may be used: no sign has been seen since that its server was replaced."""
        return connection.generation == self._generation

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Learn from the error of the body, if any, that no open connection can be trusted."""
        generation = self._generation
        try:
            yield
        except (errors.Unavailable, exc.DBAPIError, psycopg.Error, TimeoutError) as error:
            cause = error.__cause__ if isinstance(error, errors.Unavailable) else error
            if generation == self._generation and self._is_replaced(cause):
                self._generation += 1
                self._order = self._order[1:] + self._order[:1]
                log.warning("database connections are replaced", reason=type(cause).__name__)
            raise

    def _is_replaced(self, error: BaseException | None) -> bool:
        # Statements have a shorter timeout: the server is suspended, or waits for its standby.
        if isinstance(error, TimeoutError):
            return self.are_several
        original = error.orig if isinstance(error, exc.DBAPIError) else error
        return isinstance(original, psycopg.Error) and original.sqlstate == READ_ONLY_TRANSACTION

    def parameters(self) -> dict[str, Any]:
        """libpq's parameters, with the most promising server first."""
        given = conninfo.conninfo_to_dict(self._listed.url)
        if not self.are_several:
            return given
        for name in _PER_SERVER:
            each = str(given.get(name, "")).split(",")
            if len(each) == len(self._order):
                given[name] = ",".join(each[index] for index in self._order)
        return given

    async def accept(self, connection: Connection) -> bool:
        """Whether the server of a new connection is not one that was replaced."""
        if self.are_several:
            [[(found,)]] = await pipeline.round_trip(connection, [(_TIMELINE, ())])
            timeline = int(found, 16)
            index = self._index(connection)
            if timeline < self._timeline:
                self._order.sort(key=lambda each: each == index)
                if connection.server != self._refused:
                    self._refused = connection.server
                    log.warning(
                        "a database server was replaced and does not know it",
                        server=str(connection.server),
                        timeline=timeline,
                        newest=self._timeline,
                    )
                return False
            self._refused = None
            self._order.sort(key=lambda each: each != index)
            if timeline > self._timeline:
                if self._timeline > 0:
                    server = str(connection.server)
                    log.warning("another database server took over", server=server)
                    self._generation += 1
                self._timeline = timeline
        connection.generation = self._generation
        return True

    def _index(self, connection: Connection) -> int:
        """The server of that connection; the first if the list writes it in another way."""
        servers = self._listed.servers
        server = connection.server
        return next(
            (index for index in self._order if servers[index] == server),
            self._order[0],
        )


class Connection(pinned.Connection):
    """A connection to the server that accepts writes."""

    #: That of `Servers` when the connection was opened.
    generation = 0

    @classmethod
    async def connect(  # type: ignore[override] # The servers take the place of the address.
        cls, _conninfo: str = "", *, servers: Servers, **given: Any
    ) -> Self:
        """Raises psycopg.OperationalError. The other arguments are those of `psycopg.AsyncConnection`."""
        for _ in range(servers.attempts):
            address = conninfo.make_conninfo("", **servers.parameters())
            connection = await super().connect(address, **given)
            try:
                if await servers.accept(connection):
                    return connection
            except BaseException:
                await connection.close()
                raise
            await connection.close()
        raise psycopg.OperationalError("The only server that accepts writes was replaced.")

    @property
    def server(self) -> Server:
        """The server that it is connected to, as DATABASE_URL writes it."""
        host = self.info.host
        return Server(f"[{host}]" if ":" in host else host, self.info.port)


@cache
def of(url: str) -> Servers:
    """Those of DATABASE_URL. Raises ValueError."""
    try:
        return Servers(addresses.parse(url))
    except ValueError as error:
        raise ValueError(f"DATABASE_URL is wrong: {error}") from None
