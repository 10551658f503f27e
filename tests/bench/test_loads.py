"""The loads move real money: afterwards the ledgers are consistent, and users are found."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from bench import bare, search, users
from bench.comparisons import HOT, MIXED, READS, TRANSFERS, Kind
from dev import postgres_binaries

# What `sendMoney` is compared with is written for one PostgreSQL.
pytestmark = pytest.mark.undistributed

PROGRAMS = postgres_binaries.find(None).folder


@pytest.mark.parametrize("by_call", [False, True])
@pytest.mark.parametrize("kind", [TRANSFERS, MIXED])
def test_the_bare_transfer_keeps_the_ledgers(database_url: str, kind: Kind, by_call: bool) -> None:
    users.create(database_url, 20)
    bare.prepare(database_url)
    measured = bare.run(
        PROGRAMS, database_url, connections=4, seconds=1, users=20,
        scripts=kind.scripts, by_call=by_call,
    )  # fmt: skip
    assert measured.operations > 0
    assert measured.moved > 0
    bare.check_ledgers(database_url, measured.moved)


def test_a_bare_read_moves_nothing(database_url: str) -> None:
    users.create(database_url, 5)
    measured = bare.run(
        PROGRAMS, database_url, connections=2, seconds=1, users=5, scripts=READS.scripts
    )
    assert (measured.operations > 0, measured.moved) == (True, 0)
    bare.check_ledgers(database_url, 0)


def test_inconsistent_ledgers_are_noticed(database_url: str) -> None:
    users.create(database_url, 5)
    bare.check_ledgers(database_url, 0)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE users DISABLE TRIGGER USER")
        connection.execute("UPDATE users SET balance = balance + 1 WHERE id = bench_person(2)")
    with pytest.raises(RuntimeError, match="do not balance"):
        bare.check_ledgers(database_url, 0)


def test_an_answer_without_a_transfer_in_the_ledgers_is_noticed(database_url: str) -> None:
    users.create(database_url, 5)
    with pytest.raises(RuntimeError, match="lack one of 1 transfers"):
        bare.check_ledgers(database_url, 1)


def test_an_uncounted_transfer_is_noticed_unless_it_may_exist(
    database_url: str,
) -> None:
    users.create(database_url, 5)
    bare.prepare(database_url)
    measured = bare.run(
        PROGRAMS, database_url, connections=2, seconds=1, users=5, scripts=TRANSFERS.scripts
    )
    bare.check_ledgers(database_url, measured.moved - 2, uncounted=2)
    with pytest.raises(RuntimeError, match="lack one of"):
        bare.check_ledgers(database_url, measured.moved - 2, uncounted=1)


def test_all_but_one_pay_the_one(database_url: str) -> None:
    users.create(database_url, 5)
    bare.prepare(database_url)
    measured = bare.run(
        PROGRAMS, database_url, connections=2, seconds=1, users=5,
        scripts=HOT.scripts, to_one=True,
    )  # fmt: skip
    bare.check_ledgers(database_url, measured.moved)
    with psycopg.connect(database_url) as connection:
        received = connection.execute(
            "SELECT user_id, count(*) FROM transactions "
            "WHERE direction = 'incoming' AND kind = 'transfer' GROUP BY user_id"
        ).fetchall()
    assert received == [(users.person_id(1), measured.moved)]


def test_a_failure_under_load_is_no_result(database_url: str) -> None:
    users.create(database_url, 5)
    with pytest.raises(RuntimeError, match="bench_transfer"):
        bare.run(
            PROGRAMS, database_url, connections=1, seconds=1, users=5,
            scripts=TRANSFERS.scripts, by_call=True,
        )  # fmt: skip


def test_every_user_searched_for_is_found(database_url: str) -> None:
    search.populate(database_url, 500)
    found = asyncio.run(search.measure(database_url, 500, rounds=2))
    assert len(found.rounds) == 2
    assert found.ratio.lowest > 0
