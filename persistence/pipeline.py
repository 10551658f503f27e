"""Several statements in one round trip, each with its own result, on psycopg's layer over libpq.

psycopg's own pipeline mode goes through the event loop once for every statement; this goes through it
once for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import AsyncConnection, OperationalError, abc, adapt, errors, generators, pq
from psycopg.pq.abc import PGconn, PGresult

#: A statement with `$1`, `$2` … and its parameters as text; an array is one parameter, see `array`.
Statement = tuple[bytes, Sequence[bytes | None]]
Rows = list[tuple[Any, ...]]

_GOOD = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})


async def round_trip(
    connection: AsyncConnection[Any], statements: Sequence[Statement]
) -> list[Rows]:
    """The rows of each statement. The connection is in autocommit: BEGIN and COMMIT are statements.

    Raises the first statement's error that there is. After any error, or when it is cancelled, the
    connection is in the middle of something and fit to be closed alone.
    """
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    for command, parameters in statements:
        pgconn.send_query_params(command, parameters, result_format=pq.Format.BINARY)
    pgconn.pipeline_sync()
    if pgconn.flush():
        await connection.wait(generators.send(pgconn))
    results: list[PGresult] = []
    await _receive(pgconn, results)
    pgconn.exit_pipeline_mode()
    transformer = adapt.Transformer(connection)
    return [_rows(transformer, result) for result in results]


async def _receive(pgconn: PGconn, results: list[PGresult]) -> None:
    """Read until the end of the pipeline has come."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(pgconn.socket, readable.set)
    try:
        while not _take(pgconn, results):
            await readable.wait()
            readable.clear()
            pgconn.consume_input()
    finally:
        loop.remove_reader(pgconn.socket)


def _take(pgconn: PGconn, results: list[PGresult]) -> bool:
    """Take the results that are there; whether the one that ends the pipeline was among them."""
    was_between = False
    while not pgconn.is_busy():
        result = pgconn.get_result()
        if result is None:
            # One of these is between the results of two statements, a second says there are no more.
            if was_between:
                raise OperationalError("The connection was lost in the middle of a pipeline.")
            was_between = True
            continue
        was_between = False
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            return True
        if result.status not in _GOOD:
            raise errors.error_from_result(result)
        results.append(result)
    return False


def _rows(transformer: abc.Transformer, result: PGresult) -> Rows:
    if not result.ntuples:
        return []
    transformer.set_pgresult(result, set_loaders=True, format=pq.Format.BINARY)
    return transformer.load_rows(0, result.ntuples, tuple)


def array(values: Iterable[object]) -> bytes:
    """An array parameter of what needs no quotes and is never None: numbers, UUIDs, instants."""
    return b"{%s}" % ",".join(map(str, values)).encode()


def nullable_array(values: Iterable[object]) -> bytes:
    """The same where some are None."""
    return b"{%s}" % ",".join(["NULL" if v is None else str(v) for v in values]).encode()


def text_array(values: Iterable[str | None]) -> bytes:
    """An array parameter of any text."""
    quoted = [
        "NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for v in values
    ]
    return b"{%s}" % ",".join(quoted).encode()
