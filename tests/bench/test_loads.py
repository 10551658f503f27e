"""The loads move real money: afterwards the books balance, and people are found."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from app.dev_services import postgres_binaries
from bench import bare, people, search


@pytest.mark.parametrize("scripts", [bare.STATEMENTS, bare.CALL, bare.MIXED])
def test_the_bare_transfer_keeps_the_books(database_url: str, scripts: dict[str, int]) -> None:
    people.settle_in(database_url, 20)
    bare.prepare(database_url)
    programs = postgres_binaries.find(None).folder
    measured = bare.run(
        programs, database_url, connections=4, seconds=1, people=20, scripts=scripts
    )
    assert measured.operations > 0
    assert measured.failures == 0
    bare.check_books(database_url)


def test_books_that_do_not_balance_are_noticed(database_url: str) -> None:
    people.settle_in(database_url, 5)
    bare.check_books(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE users DISABLE TRIGGER USER")
        connection.execute("UPDATE users SET balance = balance + 1 WHERE id = bench_person(2)")
    with pytest.raises(RuntimeError, match="do not balance"):
        bare.check_books(database_url)


def test_all_but_one_pay_the_one(database_url: str) -> None:
    people.settle_in(database_url, 5)
    bare.prepare(database_url)
    programs = postgres_binaries.find(None).folder
    measured = bare.run(programs, database_url, connections=2, seconds=1, people=5, to_one=True)
    bare.check_books(database_url)
    with psycopg.connect(database_url) as connection:
        received = connection.execute(
            "SELECT user_id, count(*) FROM transactions "
            "WHERE direction = 'incoming' AND kind = 'transfer' GROUP BY user_id"
        ).fetchall()
    assert received == [(people.person_id(1), measured.operations)]


def test_everybody_searched_for_is_found(database_url: str) -> None:
    search.populate(database_url, 500)
    found = asyncio.run(search.measure(database_url, 500))
    assert found.median_ms > 0
    assert found.scan_ms > 0
