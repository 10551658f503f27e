"""Arrays as the pipeline sends them are what PostgreSQL reads."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from persistence import pipeline

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    ("type_name", "values"),
    [
        ("uuid", [UUID(int=0), UUID(int=2**128 - 1), None]),
        ("bigint", [0, 1, -1, 2**63 - 1, -(2**63), None]),
        (
            "timestamptz",
            [
                datetime(2026, 11, 22, 1, 2, 3, 456_789, tzinfo=UTC),
                datetime(1970, 1, 1, tzinfo=UTC),
                datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
                None,
            ],
        ),
        ("text", ["", "NULL", 'a"b\\c{,}', "Käse 🧀 שלום", None, "null"]),
        ("bytea", [b"", b"\x00\xff", bytes(32), None]),
        ("text", [None, None]),
        ("uuid", [None]),
        ("bigint", []),
    ],
)
async def test_an_array_arrives_as_it_was_sent(
    database_url: str, type_name: str, values: list[object]
) -> None:
    # Read back as text, by PostgreSQL itself, and not by what wrote it.
    statement = f"SELECT to_json($1::{type_name}[])::text, cardinality($1::{type_name}[])".encode()
    direct = f"SELECT to_json(%s::{type_name}[])::text, cardinality(%s::{type_name}[])"
    async with connected(database_url) as connection:
        [[row]] = await pipeline.round_trip(connection, [(statement, (pipeline.array(values),))])
        cursor = await connection.execute(direct, [values, values])
        assert row == await cursor.fetchone()


async def test_a_number_too_large_is_no_parameter() -> None:
    with pytest.raises(struct.error):
        pipeline.array([2**63])


async def test_results_of_many_statements_come_each_on_its_own(database_url: str) -> None:
    async with connected(database_url) as connection:
        numbers, nothing, texts = await pipeline.round_trip(
            connection,
            [
                (b"SELECT * FROM unnest($1::bigint[])", (pipeline.array([3, 1, 2]),)),
                (b"SELECT 1 WHERE false", ()),
                (b"SELECT $1::text, $2::text", (b"plain", None)),
            ],
        )
    assert numbers == [(3,), (1,), (2,)]
    assert nothing == []
    assert texts == [("plain", None)]
