"""Several statements in one round trip, each with its own result, on psycopg's layer over libpq.

psycopg's own pipeline mode goes through the event loop once for every statement; this goes through it
once for all of them, which was worth a third of a transfer's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import AsyncConnection, abc, adapt, errors, generators, pq
from psycopg.abc import PQGen
from psycopg.pq.abc import PGresult

#: A statement with `$1`, `$2` … and its parameters as text; an array is one parameter, see `array`.
Statement = tuple[bytes, Sequence[bytes | None]]
Rows = list[tuple[Any, ...]]

_GOOD = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})


async def round_trip(
    connection: AsyncConnection[Any], statements: Sequence[Statement]
) -> list[Rows]:
    """The rows of each statement. The connection is in autocommit: BEGIN and COMMIT are statements.

    Raises the first statement's error that there is; then the connection is in the middle of something
    and fit to be closed alone.
    """
    results = await connection.wait(_communicate(connection.pgconn, statements))
    transformer = adapt.Transformer(connection)
    return [_rows(transformer, result) for result in results]


def _communicate(pgconn: pq.abc.PGconn, statements: Sequence[Statement]) -> PQGen[list[PGresult]]:
    pgconn.enter_pipeline_mode()
    for command, parameters in statements:
        pgconn.send_query_params(command, parameters, result_format=pq.Format.BINARY)
    pgconn.pipeline_sync()
    yield from generators.send(pgconn)
    results = []
    for _ in statements:
        [result] = yield from generators.fetch_many(pgconn)
        if result.status not in _GOOD:
            raise errors.error_from_result(result)
        results.append(result)
    yield from generators.fetch_many(pgconn)  # That of the sync.
    pgconn.exit_pipeline_mode()
    return results


def _rows(transformer: abc.Transformer, result: PGresult) -> Rows:
    if not result.ntuples:
        return []
    transformer.set_pgresult(result, set_loaders=True, format=pq.Format.BINARY)
    return transformer.load_rows(0, result.ntuples, tuple)


def array(values: Iterable[object]) -> bytes:
    """An array parameter of what needs no quotes: numbers, UUIDs, instants, None."""
    return b"{%s}" % ",".join(["NULL" if v is None else str(v) for v in values]).encode()


def text_array(values: Iterable[str | None]) -> bytes:
    """An array parameter of any text."""
    quoted = [
        "NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for v in values
    ]
    return b"{%s}" % ",".join(quoted).encode()
