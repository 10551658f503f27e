"""The PostgreSQL settings that the code depends on, whatever role, database and environment set.

A connection to PostgreSQL itself gets them once, as the startup parameter `options`, which takes precedence
over the defaults of role and database. A pooler in transaction mode refuses or drops `options` and
forgets `SET`: behind one, each transaction begins by setting its own, in the same round trip as its
first statement. `DateStyle`, `TimeZone` and `client_encoding` are startup parameters of their own: the
driver reads what the server reported at sign-in, and every PgBouncer keeps them per client.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Self

import psycopg
from psycopg import ConnectionInfo, IsolationLevel, conninfo
from psycopg.abc import Params, Query, QueryNoTemplate
from psycopg.pq import TransactionStatus

from persistence.engine import commits, pipeline
from persistence.engine.prepared import Prepared, Session

#: The schema of every table and function of ours.
SCHEMA = "public"
#: How long a statement may take, and a lock be waited for, unless a transaction sets another timeout.
STATEMENT_SECONDS = 15
LOCK_SECONDS = 5

# `pg_temp` last, or a temporary table would come before a table of ours; `pg_catalog` is always first.
_SETTINGS = {
    "search_path": f"{SCHEMA}, pg_temp",
    "standard_conforming_strings": "on",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "array_nulls": "on",
    # Compiling a query takes seconds if its cost is overestimated, and ours are short.
    "jit": "off",
    # A limit would omit users from search results.
    "gin_fuzzy_search_limit": "0",
    # On a Citus cluster, statements that change rows in several shards use one connection to each node, and on
    # each node change the shards in their order, the same for all transactions; and SET LOCAL applies on every
    # node.
    "citus.multi_shard_modify_mode": "sequential",
    "citus.propagate_set_commands": "local",
}
# A transaction behind a pooler states its own isolation level instead.
_SESSION_SETTINGS = {
    **_SETTINGS,
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "idle_session_timeout": "0",
}
_NO_TIMEOUTS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

# Distinguishes our own session from a pooler's: the value is random, so nothing else can have set it.
_MARKER_NAME = "mini_wallet.marker"
_MARKER = secrets.token_hex(16)
# PgBouncer: "unsupported startup parameter: options"; Amazon's RDS Proxy: "command-line options".
_OPTIONS_REFUSED = re.compile(r"unsupported startup parameter|options")

#: The form of W3C's header.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_TRANSACTION_TIMEOUT_SINCE = 170_000

# libpq takes these two startup parameters from the environment only.
_SENT_FROM_ENVIRONMENT = {"PGDATESTYLE": "ISO, MDY", "PGTZ": "UTC"}
# `PGSERVICE` refers to a file of further settings.
_IGNORED_ENVIRONMENT = ("PGOPTIONS", "PGGEQO", "PGSERVICE")

_CONNECT_SECONDS = 5
_ARGUMENTS: dict[str, Any] = {
    "client_encoding": "utf8",
    # No prepared statement outlives a transaction, as poolers require.
    "prepare_threshold": None,
    "connect_timeout": _CONNECT_SECONDS,
    # Detects a server that stopped answering.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "mini-wallet",
}


class Connection(Session):
    """A connection that has the settings, by session or by transaction; see `settings`."""

    #: Whether the session keeps the settings: no pooler is in between.
    keeps_settings = False
    #: Whether the database can be distributed over several nodes: it has Citus.
    is_cluster = False
    warnings: commits.Warnings

    @classmethod
    async def connect(cls, conninfo: str = "", **given: Any) -> Self:
        """Raises psycopg.OperationalError. The arguments are those of `psycopg.AsyncConnection`; a pooler may drop
        the settings in `options`.
        """
        arguments = {**_connection_arguments(), **given}
        given_options = arguments.pop("options", "")
        timeouts = _timeouts(STATEMENT_SECONDS, LOCK_SECONDS)
        options = _options(conninfo, given_options, timeouts)
        try:
            connection = await super().connect(conninfo, **{**arguments, "options": options})
        except psycopg.OperationalError as error:
            if not _OPTIONS_REFUSED.search(str(error)):
                raise
            connection = await super().connect(conninfo, **arguments)
        connection.warnings = commits.Warnings()
        connection.add_notice_handler(connection.warnings.take)
        try:
            asked = _keep_settings(connection.info)
            [[(kept, is_cluster)]] = await pipeline.round_trip(connection, [(asked.encode(), ())])
        except BaseException:
            await connection.close()
            raise
        connection.keeps_settings = kept is not None
        connection.is_cluster = is_cluster
        if connection.keeps_settings:
            connection.prepared = Prepared()
        if is_cluster or not connection.keeps_settings:
            connection.cursor_factory = _PinningCursor
        return connection


def settings(connection: Connection) -> list[pipeline.Statement]:
    """The first statements of a transaction that only reads, to be sent in one round trip with the next one.

    None on a connection that keeps the settings.
    """
    if connection.keeps_settings:
        return []
    return [_transaction_settings(connection.info.server_version, STATEMENT_SECONDS, LOCK_SECONDS)]


def settings_to_lock(
    connection: Connection, lock_timeout_seconds: int | None = None
) -> list[pipeline.Statement]:
    """The same for a transaction that locks rows, with that timeout for each lock instead of LOCK_SECONDS."""
    begin = settings(connection)
    # Settings of the session do not apply on the other nodes of a cluster, and SET LOCAL does.
    if connection.is_cluster or lock_timeout_seconds is not None:
        seconds = LOCK_SECONDS if lock_timeout_seconds is None else lock_timeout_seconds
        begin.append((b"SET LOCAL lock_timeout = '%ds'" % seconds, ()))
    return begin


def trace(traceparent: str) -> str:
    """The statement by which a transaction's rows of the outbox carry that trace context."""
    assert _TRACEPARENT.fullmatch(traceparent)
    return f"SET LOCAL mini_wallet.traceparent = '{traceparent}'"


def connect(url: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
    """A blocking connection whose session has the settings and no timeouts.

    For commands that connect to PostgreSQL directly: a pooler in transaction mode would lose the settings.
    `url` is libpq's. Raises psycopg.OperationalError.
    """
    arguments = _connection_arguments()
    options = _options(url, "", _NO_TIMEOUTS)
    try:
        connection = psycopg.connect(url, autocommit=True, **{**arguments, "options": options})
    except psycopg.OperationalError as error:
        if not _OPTIONS_REFUSED.search(str(error)):
            raise
        connection = psycopg.connect(url, autocommit=True, **arguments)
    try:
        [(kept, _)] = connection.execute(_keep_settings(connection.info).encode()).fetchall()
        if kept is None:
            session = {**_SESSION_SETTINGS, **_NO_TIMEOUTS}
            version = connection.info.server_version
            connection.execute(_set(session, version, is_local=False).encode())
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


class _PinningCursor(psycopg.AsyncCursor[Any]):
    """A cursor that sends the settings before the first statement of each transaction.

    In autocommit the two are one implicit transaction: a pipeline is one up to its end.
    """

    async def execute(  # type: ignore[override] # SQLAlchemy gives no template strings.
        self,
        query: QueryNoTemplate,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        connection = self.connection
        assert isinstance(connection, Connection)
        if connection.info.transaction_status == TransactionStatus.IDLE:
            if not connection.autocommit:
                await _begin(connection)
            elif pinning := settings(connection):
                async with connection.pipeline():
                    await psycopg.AsyncCursor(connection).execute(pinning[0][0])
                    return await super().execute(query, params, prepare=prepare, binary=binary)
        return await super().execute(query, params, prepare=prepare, binary=binary)

    async def executemany(
        self, query: Query, params_seq: Iterable[Params], *, returning: bool = False
    ) -> None:
        connection = self.connection
        assert isinstance(connection, Connection)
        if connection.info.transaction_status == TransactionStatus.IDLE:
            await _begin(connection)
        await super().executemany(query, params_seq, returning=returning)


async def _begin(connection: Connection) -> None:
    """Begin the transaction with its settings, in one round trip instead of psycopg's two."""
    level = connection.isolation_level or IsolationLevel.READ_COMMITTED
    begin = f"BEGIN ISOLATION LEVEL {level.name.replace('_', ' ')}"
    if connection.read_only:
        begin += " READ ONLY"
    try:
        await pipeline.round_trip(connection, [(begin.encode(), ()), *settings_to_lock(connection)])
    except BaseException:
        # The pipeline was left halfway. A closed connection counts as lost, and its work is repeated.
        await connection.close()
        raise


def _connection_arguments() -> dict[str, Any]:
    """The arguments of every connection. Also removes libpq's settings from this process's environment."""
    os.environ.update(_SENT_FROM_ENVIRONMENT)
    for name in _IGNORED_ENVIRONMENT:
        os.environ.pop(name, None)
    return dict(_ARGUMENTS)


def _options(url: str, given: str, timeouts: Mapping[str, str]) -> str:
    """The startup parameter `options`: that of the address, then the one given, then ours, which wins."""
    of_address = str(conninfo.conninfo_to_dict(url).get("options") or "")
    ours = {**_SESSION_SETTINGS, **timeouts, _MARKER_NAME: _MARKER}
    escaped = {name: re.sub(r"([\\\s])", r"\\\1", value) for name, value in ours.items()}
    return " ".join(
        [of_address, given, *(f"-c {name}={value}" for name, value in escaped.items())]
    ).strip()


def _keep_settings(info: ConnectionInfo) -> str:
    """A query of two values: NULL where a pooler is in between, and whether the database has Citus.

    Without a pooler it sets, for the session, the one setting that not every version has: an unknown one in
    `options` would be refused. A pooler may reuse a session that another connection of ours began, but has
    process numbers of its own.
    """
    timeout = _transaction_timeout(info.server_version)
    return (
        f"SELECT CASE WHEN pg_backend_pid() = {info.backend_pid} "
        f"AND current_setting('{_MARKER_NAME}', true) = '{_MARKER}' "
        f"THEN set_config('{timeout}', '0', false) END, "
        "to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL"
    )


def _timeouts(statement_seconds: int, lock_seconds: int) -> dict[str, str]:
    return {
        "statement_timeout": f"{statement_seconds}s",
        "lock_timeout": f"{lock_seconds}s",
        "idle_in_transaction_session_timeout": f"{statement_seconds}s",
    }


@cache
def _transaction_settings(
    server_version: int, statement_seconds: int, lock_seconds: int
) -> pipeline.Statement:
    pinned = {**_SETTINGS, **_timeouts(statement_seconds, lock_seconds)}
    return _set(pinned, server_version, is_local=True).encode(), ()


def _set(settings: Mapping[str, str], server_version: int, *, is_local: bool) -> str:
    """One statement that sets all of them, for the transaction (`is_local`) or the session."""
    how = "true" if is_local else "false"
    every = {**settings, _transaction_timeout(server_version): "0"}
    calls = [f"set_config('{name}', '{value}', {how})" for name, value in every.items()]
    return f"SELECT {', '.join(calls)}"


def _transaction_timeout(server_version: int) -> str:
    """The setting's name; before PostgreSQL 17, which added it, a placeholder without effect."""
    if server_version < _TRANSACTION_TIMEOUT_SINCE:
        return "mini_wallet.transaction_timeout"
    return "transaction_timeout"
