"""The PostgreSQL settings that the code depends on, pinned against role, database and environment.

A role, a database or the environment may set any of them. A pooler in transaction mode passes on few
startup parameters and forgets `SET`, so each transaction begins by setting its own, in the same round
trip as its first statement. Only `DateStyle`, `TimeZone` and `client_encoding` are startup parameters:
the driver reads them from what the server reported at sign-in, and every PgBouncer keeps them per client.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

import psycopg
from psycopg import IsolationLevel
from psycopg.abc import Params, Query, QueryNoTemplate
from psycopg.pq import TransactionStatus

from persistence.engine import pipeline

#: The schema of every table and function of ours.
SCHEMA = "public"
#: How long a statement may take, and a lock be waited for, unless a transaction says otherwise.
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
    # A limit would leave out people whom a search finds.
    "gin_fuzzy_search_limit": "0",
}
#: Of a connection that keeps them, in which transactions begin with the defaults.
_SESSION_SETTINGS = {
    **_SETTINGS,
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}

# PostgreSQL 16 does not know it, and takes any name with a dot for a setting of somebody's own.
_TRANSACTION_TIMEOUT = (
    "CASE WHEN current_setting('server_version_num')::integer < 170000 "
    "THEN 'mini_wallet.transaction_timeout' ELSE 'transaction_timeout' END"
)

# libpq sends these two as startup parameters, which nothing but the environment can ask it for.
_SENT_FROM_ENVIRONMENT = {"PGDATESTYLE": "ISO, MDY", "PGTZ": "UTC"}
# `PGSERVICE` brings in a whole file of them. Poolers refuse a connection that has the others.
_IGNORED_ENVIRONMENT = ("PGOPTIONS", "PGGEQO", "PGSERVICE")

_CONNECT_SECONDS = 5
_ARGUMENTS: dict[str, Any] = {
    "client_encoding": "utf8",
    # No prepared statement outlives a transaction, as poolers require.
    "prepare_threshold": None,
    "connect_timeout": _CONNECT_SECONDS,
    # A server that fell silent is noticed.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "mini-wallet",
}


def connection_arguments() -> dict[str, Any]:
    """The arguments of every connection. Also takes libpq's settings out of this process's environment."""
    os.environ.update(_SENT_FROM_ENVIRONMENT)
    for name in _IGNORED_ENVIRONMENT:
        os.environ.pop(name, None)
    return dict(_ARGUMENTS)


def transaction_settings(
    *,
    statement_timeout_seconds: int = STATEMENT_SECONDS,
    lock_timeout_seconds: int = LOCK_SECONDS,
) -> str:
    """The first statement of every transaction; what it sets ends with the transaction."""
    timeouts = {
        "statement_timeout": f"{statement_timeout_seconds}s",
        "lock_timeout": f"{lock_timeout_seconds}s",
        "idle_in_transaction_session_timeout": f"{statement_timeout_seconds}s",
    }
    return _set({**_SETTINGS, **timeouts}, is_local=True)


def connect(url: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
    """A blocking connection that keeps the settings as long as it lives, and has no timeouts.

    For commands that connect to PostgreSQL directly: a pooler in transaction mode would lose the settings.
    `url` is libpq's. Raises psycopg.OperationalError.
    """
    connection = psycopg.connect(url, autocommit=True, **connection_arguments())
    try:
        connection.execute(_set(_SESSION_SETTINGS, is_local=False).encode())
        connection.autocommit = autocommit
    except psycopg.Error:
        connection.close()
        raise
    return connection


class PinningCursor(psycopg.AsyncCursor[Any]):
    """A cursor whose statement, where it is the first of its transaction, is sent after the settings.

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
        if connection.info.transaction_status == TransactionStatus.IDLE:
            if connection.autocommit:
                async with connection.pipeline():
                    await psycopg.AsyncCursor(connection).execute(PINNING)
                    return await super().execute(query, params, prepare=prepare, binary=binary)
            await _begin(connection)
        return await super().execute(query, params, prepare=prepare, binary=binary)

    async def executemany(
        self, query: Query, params_seq: Iterable[Params], *, returning: bool = False
    ) -> None:
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            await _begin(self.connection)
        await super().executemany(query, params_seq, returning=returning)


async def _begin(connection: psycopg.AsyncConnection[Any]) -> None:
    """Begin the transaction with its settings: psycopg would wait for each of the two by itself."""
    level = connection.isolation_level or IsolationLevel.READ_COMMITTED
    begin = f"BEGIN ISOLATION LEVEL {level.name.replace('_', ' ')}"
    if connection.read_only:
        begin += " READ ONLY"
    try:
        await pipeline.round_trip(connection, [(begin.encode(), ()), (PINNING, ())])
    except BaseException:
        # It is in the middle of a pipeline. Closed, it is one that was lost, and its work is done again.
        await connection.close()
        raise


def _set(settings: Mapping[str, str], *, is_local: bool) -> str:
    how = "true" if is_local else "false"
    calls = [f"set_config('{name}', '{value}', {how})" for name, value in settings.items()]
    return f"SELECT {', '.join(calls)}, set_config({_TRANSACTION_TIMEOUT}, '0', {how})"


#: What every transaction begins with that says nothing else.
PINNING = transaction_settings().encode()
