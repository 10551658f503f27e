"""The loads move real money: afterwards the books balance, and people are found."""

from __future__ import annotations

import asyncio

import psycopg

from app import operations
from app.dev_services import postgres_binaries
from bench import bare, people, search
from tests.conftest import make_settings


def test_the_bare_transfer_keeps_the_books(database_url: str) -> None:
    people.settle_in(database_url, 20)
    programs = postgres_binaries.find(None).folder
    measured = bare.run(programs, database_url, connections=4, seconds=1, people=20)
    assert measured.operations > 0
    assert measured.failures == 0
    with psycopg.connect(database_url) as connection:
        sent = connection.execute(
            "SELECT count(*) FROM transactions WHERE direction = 'outgoing'"
        ).fetchone()
    assert sent == (measured.operations,)
    assert operations.audit(make_settings(database_url=database_url)) == 0


def test_everybody_searched_for_is_found(database_url: str) -> None:
    search.populate(database_url, 500)
    found = asyncio.run(search.measure(database_url, 500))
    assert found.median_ms > 0
    assert found.scan_ms > 0
