"""Resealing: entries from before seals were added, and ledgers whose key is replaced."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import alembic.command
import psycopg
import pytest

from app.commands import migrate
from domain.ledger.seals import Receipt
from persistence.audit import audit
from persistence.audit import receipts as audit_receipts
from persistence.engine import database, pinned
from persistence.ledger import sealing
from persistence.ledger.ledger import Ledger
from settings import ROOT
from tests import books as test_books
from tests import locks, row_changes, waiting
from tests.books import LIMITS, Books, Someone
from tests.conftest import make_settings

pytestmark = pytest.mark.anyio

OLD = "the key of before, which is long enough"
NEW = "the key of now, which is long enough too"


@pytest.fixture
async def books(
    database_url: str, anyio_backend: object, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Books]:
    """Sealed with the old key; pages and groups are small, so that there are several of each."""
    monkeypatch.setattr(sealing, "_ENTRIES_AT_ONCE", 4)
    monkeypatch.setattr(sealing, "_USERS_AT_ONCE", 2)
    async with test_books.opened(database_url) as opened:
        await with_key(opened, OLD)
        yield opened


async def with_key(books: Books, key: str) -> None:
    """Go on with another key, as a service does that was started again."""
    await books.ledger.close()
    books.ledger = await Ledger.open(books.url, LIMITS, connections=2, audit_key=key.encode())


async def lived_in(books: Books) -> list[Someone]:
    people = [books.join(name) for name in ("Alpha", "Beta", "Gamma", "Delta", "Nobody yet")]
    for number, someone in enumerate(people[:4]):
        await books.add(someone, "10")
        for _ in range(number):
            await books.send(someone, people[0], note="☕ für dich")
    return people


def seals_of(books: Books) -> list[tuple[object, ...]]:
    return books.connection.execute(
        "SELECT user_id, sequence, seal FROM transactions "
        "UNION ALL SELECT id, 0, book_seal FROM users ORDER BY 1, 2"
    ).fetchall()


def reseal(books: Books, key: str, *before: str) -> int:
    keys = [each.encode() for each in before]
    with pinned.connect(books.url) as connection:
        return sealing.reseal(connection, key.encode(), sealed_with=keys)


async def findings(books: Books, key: str) -> list[audit.Finding]:
    return (await audit.audit(books.database, audit_key=key.encode())).findings


@pytest.mark.undistributed
async def test_the_migration_seals_existing_entries_as_posting_does(
    books: Books,
) -> None:
    people = await lived_in(books)
    before = seals_of(books)
    await books.ledger.close()
    await books.database.close()
    engine = database.blocking_engine(books.url)
    with engine.connect() as connection:
        alembic.command.downgrade(migrate.alembic_config(connection), "0001")
        connection.commit()
    engine.dispose()
    names = books.connection.execute(
        "SELECT attname FROM pg_attribute WHERE attname IN ('seal', 'book_seal') AND NOT attisdropped"
    )
    assert names.fetchall() == []
    with pytest.raises(psycopg.errors.RestrictViolation):
        books.connection.execute("UPDATE transactions SET amount = 1")

    assert migrate.migrate(make_settings(database_url=books.url, audit_key=OLD)) == 0
    assert seals_of(books) == before
    with pytest.raises(psycopg.errors.RestrictViolation):
        books.connection.execute("UPDATE transactions SET seal = sha256('')")
    await with_key(books, OLD)
    await books.add(people[-1])
    assert await findings(books, OLD) == []


async def test_another_key_reseals_the_ledgers(books: Books) -> None:
    people = await lived_in(books)
    # The service goes on with the new key before the ledgers are sealed with it.
    await with_key(books, NEW)
    await books.send(people[0], people[-1])
    assert reseal(books, NEW, OLD) == 4 + 2 * (1 + 2 + 3) + 2
    assert await findings(books, NEW) == []
    await books.send(people[-1], people[1])
    assert await findings(books, NEW) == []
    assert await findings(books, OLD) != []
    # Once more, as after it was broken off, it changes nothing.
    sealed = seals_of(books)
    reseal(books, NEW, OLD)
    assert seals_of(books) == sealed


def receipts_of(books: Books) -> list[Receipt]:
    rows = books.connection.execute("SELECT user_id, sequence, seal FROM transactions").fetchall()
    return [Receipt(*row) for row in rows]  # type: ignore[arg-type]


async def contained(books: Books, receipts: list[Receipt], *keys: str) -> list[bool]:
    answers = await audit.check_receipts(
        books.database, [each.render() for each in receipts], [key.encode() for key in keys]
    )
    return [answer.is_contained for answer in answers]


async def test_receipts_of_before_between_and_after_two_keys_are_all_contained(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await lived_in(books)
    before = receipts_of(books)
    await with_key(books, NEW)
    for someone in people[1:4] * 2:
        await books.send(someone, people[0])
    between = [each for each in receipts_of(books) if each not in before]
    reseal(books, NEW, OLD)
    await books.add(people[0])
    everything = [*before, *between, *receipts_of(books)]
    assert all(await contained(books, everything, NEW, OLD))
    assert not any(await contained(books, [*before, *between], NEW))
    forged = [replace(each, seal=b"s" * 32) for each in between]
    moved = [replace(each, sequence=each.sequence + 1) for each in between[:-1]]
    assert not any(await contained(books, [*forged, *moved], NEW, OLD))
    # How far a ledger is followed back is bounded.
    monkeypatch.setattr(audit_receipts, "ENTRIES_BETWEEN_KEYS", 2)
    assert any(await contained(books, between, NEW, OLD))
    assert not all(await contained(books, between, NEW, OLD))


async def test_no_seal_is_made_of_what_is_not_sealed(books: Books, admin_database_url: str) -> None:
    alpha, beta, *_ = sorted((await lived_in(books))[:4], key=lambda each: each.user_id)
    for wrong, key, before in (
        (f"{alpha.user_id}/1", NEW, "a key that never was"),
        (f"{alpha.user_id}/1", NEW, ""),
    ):
        sealed = seals_of(books)
        with pytest.raises(sealing.WrongSeal, match=wrong):
            reseal(books, key, before)
        assert seals_of(books) == sealed
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("UPDATE users SET book_seal = sha256('') WHERE id = %s", [beta.user_id])
        with pytest.raises(sealing.WrongSeal, match=f"{beta.user_id}$"):
            reseal(books, NEW, OLD)
        admin.execute(
            "UPDATE transactions SET reference = gen_random_uuid() WHERE user_id = %s AND sequence = 1",
            [beta.user_id],
        )
    with pytest.raises(sealing.WrongSeal, match=f"{beta.user_id}/1"):
        reseal(books, NEW, OLD)


_RESEAL = """
import sys
from persistence.engine import pinned
from persistence.ledger import sealing
sealing._USERS_AT_ONCE = 2
url, key, before = sys.argv[1:]
with pinned.connect(url) as connection:
    sealing.reseal(connection, key.encode(), sealed_with=[before.encode()])
"""


async def test_killed_in_the_middle_it_is_done_again_and_the_service_goes_on_meanwhile(
    books: Books,
) -> None:
    people = sorted((await lived_in(books))[:4], key=lambda each: each.user_id)
    first, third = people[0], people[2]
    with psycopg.connect(books.url) as holding:
        # What is sealed for the first two is committed, and the third is waited for.
        holding.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [third.user_id])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _RESEAL, books.url, NEW, OLD, cwd=ROOT
        )
        try:
            await waiting.until(lambda: locks.waiting(books.connection), waiting.PATIENCE_SECONDS)
        finally:
            process.kill()
            await process.wait()
    assert await findings(books, OLD) != []
    assert await findings(books, NEW) != []
    # A process that still has the old key, and one that has the new one.
    await books.add(first)
    await with_key(books, NEW)
    await books.send(first, third)
    reseal(books, NEW, OLD)
    assert await findings(books, NEW) == []


async def test_transfers_wait_while_their_ledger_is_resealed(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await lived_in(books)
    await with_key(books, NEW)
    pages = 0
    read_page = sealing._page

    def reading(connection: sealing.Connection, *arguments: object) -> object:
        nonlocal pages
        pages += 1
        with psycopg.connect(books.url, autocommit=True) as other:
            lock = "SELECT id FROM users WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED"
            free = [row for each in people[:4] for row in other.execute(lock, [each.user_id])]
            assert len(free) == 2, "two people at once are locked, no more"
        return read_page(connection, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(sealing, "_page", reading)
    reseal(books, NEW, OLD)
    assert pages > 2
    assert await findings(books, NEW) == []
