"""Several statements in one round trip, each with its own result, using psycopg's bindings to libpq.

psycopg's own pipeline mode passes through the event loop once per statement; this module does so once for
all of them.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, OperationalError, abc, adapt, errors, generators, pq
from psycopg.pq.abc import PGconn, PGresult

from persistence.engine.prepared import Kept, Prepared, Session

#: A statement with `$1`, `$2` …, and its parameters as text or as returned by `array`.
Statement = tuple[bytes, Sequence[bytes | None]]
Rows = list[tuple[Any, ...]]
Value = UUID | int | str | timedelta | None

#: How often the socket is also read without a notification.
_CHECK_SECONDS = 0.5

_DEALLOCATE = b"DEALLOCATE ALL"
_GOOD = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})


async def round_trip(
    connection: AsyncConnection[Any], statements: Sequence[Statement]
) -> list[Rows]:
    """The rows of each statement. The connection is in autocommit: BEGIN and COMMIT are statements.

    Raises the error of the first statement that failed. After any error, and after a cancellation, the
    state of the connection is undefined and it must be closed.
    """
    kept = connection.prepared if isinstance(connection, Session) else None
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    unread = _send(pgconn, statements, kept)
    pgconn.pipeline_sync()
    if pgconn.flush():
        await connection.wait(generators.send(pgconn))
    try:
        results = await _receive(pgconn)
    except psycopg.Error as error:
        if kept is not None:
            kept.check(error)
        raise
    pgconn.exit_pipeline_mode()
    for place in unread:
        del results[place]
    transformer = adapt.Transformer(connection)
    return [_rows(transformer, result) for result in results]


def _send(pgconn: PGconn, statements: Sequence[Statement], kept: Prepared | None) -> list[int]:
    """The places of the results that belong to no statement, each counted without those before it."""
    if kept is not None and not kept.is_possible:
        kept = None
    unread = []
    if kept is not None and kept.start():
        pgconn.send_query_params(_DEALLOCATE, None)
        unread.append(0)
    for place, (command, parameters) in enumerate(statements):
        formats = [type(parameter) is _Binary for parameter in parameters]
        if kept is None or type(command) is not Kept:
            pgconn.send_query_params(command, parameters, None, formats, pq.Format.BINARY)
            continue
        if kept.add(command):
            pgconn.send_prepare(command.name, command)
            unread.append(place)
        pgconn.send_query_prepared(command.name, parameters, formats, pq.Format.BINARY)
    return unread


async def _receive(pgconn: PGconn) -> list[PGresult]:
    """The results up to the end of the pipeline."""
    results: list[PGresult] = []
    if not _take(pgconn, results):
        await _Reader(pgconn, results).read()
    return results


class _Reader:
    """Collects results as they arrive on the socket, and wakes the waiting task only when all are there."""

    __slots__ = ("_check_timer", "_ended", "_loop", "_pgconn", "_results", "_socket")

    def __init__(self, pgconn: PGconn, results: list[PGresult]) -> None:
        self._pgconn = pgconn
        self._results = results
        # Kept because a lost connection no longer tells its socket, which is needed to remove the reader:
        # left behind, it would affect the next connection with the same descriptor.
        self._socket = pgconn.socket
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._check_timer: asyncio.TimerHandle | None = None

    async def read(self) -> None:
        """Raises OperationalError if the connection is lost."""
        self._loop.add_reader(self._socket, self._take)
        self._check_timer = self._loop.call_later(_CHECK_SECONDS, self._check)
        try:
            await self._ended
        finally:
            self._stop()

    def _take(self) -> None:
        if self._ended.done():
            return
        try:
            self._pgconn.consume_input()
            if _take(self._pgconn, self._results):
                self._stop()
                self._ended.set_result(None)
        except psycopg.Error as error:
            # Immediately: before the waiting task runs, another socket may get the same descriptor.
            self._stop()
            self._ended.set_exception(error)

    def _check(self) -> None:
        # uvloop does not notify a reader when the connection is reset.
        self._check_timer = self._loop.call_later(_CHECK_SECONDS, self._check)
        self._take()

    def _stop(self) -> None:
        if self._check_timer is not None:
            self._check_timer.cancel()
            self._check_timer = None
            self._loop.remove_reader(self._socket)


def _take(pgconn: PGconn, results: list[PGresult]) -> bool:
    """Take the available results; whether the last one of the pipeline was among them."""
    was_between = False
    while not pgconn.is_busy():
        result = pgconn.get_result()
        if result is None:
            # One None separates the results of two statements; two in a row mean that there are no more.
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


_NAME = re.compile(r"(?<!:):([a-z_]+)")


class Query:
    """A statement with named parameters, written as for `sqlalchemy.text`: `:user_id`.

    Parameters are sent without their types: add a cast where PostgreSQL cannot infer one.
    """

    __slots__ = ("_command", "_names")

    def __init__(self, sql: str, *, is_kept: bool = False) -> None:
        """`is_kept` of frequent ones, see `prepared.Kept`."""
        self._names = list(dict.fromkeys(_NAME.findall(sql)))
        numbers = {name: number for number, name in enumerate(self._names, 1)}
        command = _NAME.sub(lambda found: f"${numbers[found[1]]}", sql).encode()
        self._command = Kept(command) if is_kept else command

    def bind(self, **values: Value | Collection[object]) -> Statement:
        """The statement with these values; a collection becomes an array. Raises KeyError."""
        return self._command, [_bound(values[name]) for name in self._names]


def _bound(value: Value | Collection[object]) -> bytes | None:
    if value is None or isinstance(value, str | UUID | int | timedelta):
        return parameter(value)
    return array(value)


class _Binary(bytes):
    """A parameter in PostgreSQL's binary format."""


def parameter(value: Value) -> bytes | None:
    """A parameter in text format; None is NULL. A string must not contain the character 0."""
    if isinstance(value, timedelta):
        return b"%d microseconds" % (value // _MICROSECOND)
    return None if value is None else str(value).encode()


def array(values: Iterable[object]) -> bytes:
    """An array parameter of UUIDs, integers (`bigint`), instants, strings or bytes; None is NULL.

    In binary format, unless every value is None: encoding and parsing text took most of the time of a
    ledger commit.
    """
    items = list(values)
    kind = type(items[0]) if items else _None
    if kind is _None:
        kind = next((type(item) for item in items if item is not None), _None)
        if kind is _None:
            return b"{%s}" % b",".join([b"NULL"] * len(items))
    return array_of(kind, _ELEMENTS[kind][1](items))


def array_of(kind: type, elements: Sequence[bytes]) -> bytes:
    """An array parameter of values of that type that are encoded already, each with its length."""
    type_id, _ = _ELEMENTS[kind]
    header = _ARRAY_HEADER.pack(1, _NULL in elements, type_id, len(elements), 1)
    return _Binary(header + b"".join(elements))


# Each element is its length, then its bytes: https://www.postgresql.org/docs/current/protocol.html
_ARRAY_HEADER = struct.Struct("!iiIii")
_NUMBER = struct.Struct("!iq")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NULL = b"\xff\xff\xff\xff"
_UUID_LENGTH = (16).to_bytes(4)


_None = type(None)


# A function for each element would take three times as long.


def _uuids(values: list[UUID | None]) -> list[bytes]:
    return [_NULL if v is None else _UUID_LENGTH + v.int.to_bytes(16) for v in values]


def _numbers(values: list[int | None]) -> list[bytes]:
    pack = _NUMBER.pack
    return [_NULL if v is None else pack(8, v) for v in values]


def _instants(values: list[datetime | None]) -> list[bytes]:
    return _numbers([None if v is None else (v - _EPOCH) // _MICROSECOND for v in values])


def _texts(values: list[str | None]) -> list[bytes]:
    return _blobs([None if v is None else v.encode() for v in values])


def _blobs(values: list[bytes | None]) -> list[bytes]:
    return [_NULL if v is None else len(v).to_bytes(4) + v for v in values]


#: By the type of the values: PostgreSQL's type (its OID) and what encodes all of them.
_ELEMENTS: dict[type, tuple[int, Callable[[list[Any]], list[bytes]]]] = {
    UUID: (2950, _uuids),
    int: (20, _numbers),
    datetime: (1184, _instants),
    str: (25, _texts),
    bytes: (17, _blobs),
}
