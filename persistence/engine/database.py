"""Access to PostgreSQL: SQLAlchemy engines on psycopg 3, which also work behind a connection pooler."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg
import psycopg_pool
import sqlalchemy
from psycopg import conninfo
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain import errors
from persistence.engine import addresses, pinned, pipeline, servers
from persistence.engine.connections import Connections, is_lost
from persistence.engine.servers import READ_ONLY_TRANSACTION, Connection, Servers

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
#: How long a request waits for a free connection.
POOL_SECONDS = 5
#: How long an operation on the database may take before its caller gets Unavailable.
STATEMENT_SECONDS = 20

_READ_ATTEMPTS = 2
_LOOKUPS_AT_ONCE = 4
#: A missing table, column, function or schema, or a missing privilege.
NOT_MIGRATED = frozenset({"42P01", "42703", "42883", "3F000"})
NOT_ALLOWED = "42501"
INTERNAL_ERROR = "XX000"
_QUERY_CANCELED = "57014"
_SERIALIZATION_FAILURE, _DEADLOCK = "40001", "40P01"
#: A transaction that failed with one of these can be retried.
RETRIED = frozenset({_SERIALIZATION_FAILURE, _DEADLOCK})

_BEGIN: pipeline.Statement = (b"BEGIN ISOLATION LEVEL READ COMMITTED", ())
_WITHOUT_FLUSH: pipeline.Statement = (b"SET LOCAL synchronous_commit = off", ())
_COMMIT: pipeline.Statement = (b"COMMIT", ())
_WITHOUT_TIMEOUTS = text(
    "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true), "
    "set_config('idle_in_transaction_session_timeout', '0', true), set_config('work_mem', '128MB', true)"
)

_UNKNOWN_PARAMETER = re.compile(r'invalid URI query parameter: "([^"]*)"')

Result = TypeVar("Result")


def _untraced() -> None:
    """No trace context."""


class Database:
    """What the rest of `persistence` reads and writes through. Open one per process with `open`."""

    def __init__(
        self,
        writing: AsyncEngine,
        reading: AsyncEngine,
        lookups: Connections,
        known: Servers,
        traceparent: Callable[[], str | None] = _untraced,
    ) -> None:
        self._writing = writing
        self._reading = reading
        self._lookups = lookups
        self._servers = known
        #: The trace context of what is going on, for rows of the outbox.
        self.traceparent = traceparent

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        pool_size: int = 10,
        traceparent: Callable[[], str | None] | None = None,
    ) -> Self:
        """Connections are opened on demand: an unreachable database raises later.

        Up to `pool_size` connections are for transactions, as many again for reads, and a few for `rows`.
        `url` may be `postgresql://` or `postgresql+psycopg://`.
        """
        known = servers.of(url)
        _check_parameters(plain_url(url))

        def engine(isolation_level: str, **options: Any) -> AsyncEngine:
            return create_async_engine(
                "postgresql+psycopg://",
                async_creator=partial(Connection.connect, servers=known),
                isolation_level=isolation_level,
                # Parameters contain users' data, which must not be logged when a statement fails.
                hide_parameters=True,
                # Looking up the hstore type would cost an extra transaction on the first connection.
                use_native_hstore=False,
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=POOL_SECONDS,
                pool_use_lifo=True,
                pool_recycle=1800,
                pool_events=[(partial(_discard_distrusted, known), "checkout")],
                **options,
            )

        # A read in autocommit needs no BEGIN and no ROLLBACK: with connections of their own, reads take
        # two thirds of the time.
        reading = engine("AUTOCOMMIT", pool_reset_on_return=None, skip_autocommit_rollback=True)
        lookups = await Connections.open(
            known,
            name="lookups",
            minimum=0,
            maximum=_LOOKUPS_AT_ONCE,
            cancels_statements=True,
        )
        return cls(engine("READ COMMITTED"), reading, lookups, known, traceparent or _untraced)

    async def close(self) -> None:
        await self._lookups.close()
        await self._reading.dispose()
        await self._writing.dispose()

    async def ping(self) -> None:
        """Execute a trivial query. Raises Unavailable."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")))

    async def migration_state(self) -> tuple[str | None, str]:
        """The revision of the database (None: never migrated) and the newest one of this release."""
        return await self.read(_current_revision), newest_revision()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit. Raises Unavailable."""
        async with self.translated(), self._reading.connect() as connection:
            yield connection

    async def read(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """The result of `work`, which only reads; repeated once if its connection was lost."""
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                async with self.translated(), self._reading.connect() as connection:
                    return await work(connection)
            except errors.Unavailable as error:
                if attempt == _READ_ATTEMPTS or not _is_worth_another_try(error.__cause__):
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def rows(self, statement: pipeline.Statement) -> pipeline.Rows:
        """The rows of one statement that only reads, such as a bound `pipeline.Query`: the fast path for
        frequent queries. Repeated once if its connection was lost. Raises Unavailable.
        """
        return (await self._round_trip([], [statement]))[-1]

    async def rows_of_each(self, statements: Sequence[pipeline.Statement]) -> list[pipeline.Rows]:
        """The rows of each of several such statements, in one round trip."""
        return (await self._round_trip([], statements))[-len(statements) :]

    async def change(self, statement: pipeline.Statement) -> pipeline.Rows:
        """The rows of one statement that changes rows, in a transaction of its own: only for `unit_of_work`."""
        return (await self._round_trip([_BEGIN], [_WITHOUT_FLUSH, statement, _COMMIT]))[-2]

    async def _round_trip(
        self, begin: Sequence[pipeline.Statement], statements: Sequence[pipeline.Statement]
    ) -> list[pipeline.Rows]:
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                async with self.translated(), self._lookups.one() as connection:
                    everything = [*begin, *pinned.settings(connection), *statements]
                    return await pipeline.round_trip(connection, everything)
            except errors.Unavailable as error:
                if attempt == _READ_ATTEMPTS or not _is_worth_another_try(error.__cause__):
                    raise
                if is_lost(error.__cause__):
                    await self._lookups.weed()
        raise AssertionError("the last attempt returns or raises")

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        """Translate connection failures and timeouts into Unavailable."""
        with self._servers.watching():
            async with _translated():
                yield

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, rolled back unless the caller commits: only for `unit_of_work`."""
        with self._servers.watching():
            async with self._writing.connect() as connection:
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A read-only snapshot of the whole database, without timeouts: for the audit."""
        async with self._writing.connect() as connection:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            await connection.execute(_WITHOUT_TIMEOUTS)
            yield connection


def _check_parameters(url: str) -> None:
    """Raises ValueError for a URL that libpq does not accept, such as one with an unknown parameter."""
    try:
        conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        unknown = _UNKNOWN_PARAMETER.search(str(error))
        # Other messages may contain the password.
        reason = f"has an unknown parameter: {unknown[1]}" if unknown else "is not a valid URL"
        raise ValueError(f"DATABASE_URL {reason}") from None


def blocking_engine(url: str) -> sqlalchemy.Engine:
    """For migrations: connections without a pool, directly to PostgreSQL rather than through a pooler.

    Raises ValueError.
    """
    address = plain_url(url)
    return sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: pinned.connect(address, autocommit=False),
        poolclass=sqlalchemy.pool.NullPool,
        use_native_hstore=False,
    )


def plain_url(url: str) -> str:
    """The URL in libpq's form. Raises ValueError."""
    return addresses.parse(url).url


def _discard_distrusted(known: Servers, connection: Any, *_: object) -> None:
    """Have the pool replace a connection to a server that was replaced."""
    if not known.trusts(connection.driver_connection):
        raise exc.InvalidatePoolError


def newest_revision() -> str:
    """The newest migration of this release."""
    return known_revisions()[0]


@cache
def known_revisions() -> tuple[str, ...]:
    """Every migration of this release, newest first."""
    # Imported here because it is slow to import and only needed to check migrations.
    from alembic.script import ScriptDirectory

    return tuple(each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


async def _current_revision(connection: AsyncConnection) -> str | None:
    known = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not known:
        return None
    revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(STATEMENT_SECONDS):
            yield
    except TimeoutError as error:
        raise unavailable(error) from error
    except (exc.DBAPIError, exc.TimeoutError, psycopg.Error) as error:
        if not is_trouble(error):
            raise
        raise unavailable(error) from error


def unavailable(error: BaseException) -> errors.Unavailable:
    """What callers are told about that error: the database is unreachable, too slow or too busy."""
    if isinstance(error, TimeoutError) or sqlstate(error) == _QUERY_CANCELED:
        return errors.unavailable("The database took too long to answer.")
    if isinstance(error, exc.TimeoutError | psycopg_pool.PoolTimeout):
        return errors.unavailable("No database connection became available in time.")
    if sqlstate(error) in RETRIED:
        return errors.unavailable("Too many concurrent requests changed the same accounts.")
    if sqlstate(error) == READ_ONLY_TRANSACTION:
        return errors.unavailable("The database accepts no changes at the moment.")
    if sqlstate(error) in {NOT_ALLOWED, *NOT_MIGRATED}:
        return errors.unavailable("The database is not ready for this version of the service.")
    return errors.Unavailable()


def sqlstate(error: BaseException | None) -> str | None:
    """The SQLSTATE of the error; None if the server did not report it."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    return original.sqlstate if isinstance(original, psycopg.Error) else None


def plain(error: exc.DBAPIError | psycopg.Error) -> str:
    """The message of PostgreSQL or the driver, on one line and without the statement."""
    said = error.orig if isinstance(error, exc.DBAPIError) else error
    primary = said.diag.message_primary if isinstance(said, psycopg.Error) else None
    return " ".join((primary or str(said)).split()).rstrip(".?")


def is_trouble(error: BaseException) -> bool:
    """Whether the database is unreachable, full, read-only or too slow, or lacks what this release needs:
    not an error of the statement.
    """
    if isinstance(error, exc.TimeoutError):
        return True
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(original, psycopg.InternalError) and original.sqlstate in (None, INTERNAL_ERROR):
        # psycopg's own: a pooler ended the connection while a statement, such as COMMIT, was being sent. Or
        # that of Citus for a node that was lost, and for whatever a node refused in a statement over several.
        return True
    return isinstance(original, psycopg.OperationalError | psycopg.InterfaceError) or sqlstate(
        error
    ) in {READ_ONLY_TRANSACTION, NOT_ALLOWED, *NOT_MIGRATED}


def was_disconnected(error: BaseException | None) -> bool:
    """Whether an established connection was lost."""
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated


def _is_worth_another_try(error: BaseException | None) -> bool:
    """Whether a read may succeed if repeated: its connection was lost, its server accepts no more writes, or
    it failed to serialize, which the role's default isolation level can cause.
    """
    return (
        was_disconnected(error)
        or is_lost(error)
        or sqlstate(error) in {READ_ONLY_TRANSACTION, *RETRIED}
    )
