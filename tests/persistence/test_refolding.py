"""Search texts of an earlier release are rewritten in batches, and nothing else of the ledgers changes."""

from __future__ import annotations

import alembic.command
import psycopg
import pytest

from app.commands import migrate
from domain import ids
from domain.paging import PageRequest
from persistence.audit import audit
from persistence.engine import database, pinned
from persistence.ledger import pages
from persistence.ledger.pages import EntryFilter
from persistence.people import refolding, search
from tests.books import Books
from tests.conftest import make_settings

pytestmark = pytest.mark.anyio

OLD_NAME, OLD_NOTE = "lech wałesa", "o’brien’s łodz"


def _as_by_a_former_release(books: Books) -> None:
    """Give all that is not plain ASCII the text that it was found by before, past the triggers."""
    books.connection.execute("ALTER TABLE transactions DISABLE TRIGGER transactions_append_only")
    books.connection.execute(
        "UPDATE transactions SET note_search_text = %s WHERE note LIKE %s", [OLD_NOTE, "%Brien%"]
    )
    books.connection.execute("ALTER TABLE transactions ENABLE TRIGGER transactions_append_only")
    books.connection.execute(
        "UPDATE users SET search_text = %s WHERE name = 'Lech Wałęsa'", [OLD_NAME]
    )
    books.connection.execute("COMMENT ON INDEX users_search_text_idx IS NULL")


async def test_every_text_is_rewritten_once_and_found_by_the_new_one(books: Books) -> None:
    alpha, beta = await books.pair()
    people = [books.join("Lech Wałęsa") for _ in range(2 * refolding._USERS_AT_ONCE + 1)]
    for _ in range(3):
        await books.send(alpha, beta, "1", note="O’Brien’s Łódź")
    await books.send(alpha, beta, "1", note="plain")
    seals = books.connection.execute("SELECT seal FROM transactions ORDER BY seal").fetchall()
    _as_by_a_former_release(books)
    assert len((await audit.audit(books.database)).findings) > 0

    told: list[int] = []
    with pinned.connect(books.url) as connection:
        assert refolding.refold(connection, told.append) == len(people) + 2 * 3
        assert told == [100, 200, 201, 207]
        assert refolding.refold(connection) == 0
    await books.assert_clean()
    assert (
        books.connection.execute("SELECT seal FROM transactions ORDER BY seal").fetchall() == seals
    )
    viewer = ids.new_id()
    for query in ("walesa", "ch wal"):
        page = await search.search_people(
            books.database, viewer_id=viewer, query=query, page=PageRequest(size=100)
        )
        assert len(page.items) == 100
    for query in ("o'brien", "lodz"):
        found = await pages.page(
            books.database, alpha.user_id, EntryFilter(text=query), PageRequest()
        )
        assert len(found.items) == 3


@pytest.mark.undistributed
async def test_migrating_rewrites_what_a_former_release_stored(books: Books) -> None:
    alpha, beta = await books.pair()
    books.join("Lech Wałęsa")
    books.join("山田太郎")
    await books.send(alpha, beta, "1", note="O’Brien’s Łódź")
    await books.ledger.close()
    await books.database.close()
    engine = database.blocking_engine(books.url)
    with engine.connect() as connection:
        alembic.command.downgrade(migrate.alembic_config(connection), "0007")
        connection.commit()
    engine.dispose()
    _as_by_a_former_release(books)
    assert migrate.migrate(make_settings(database_url=books.url)) == 0
    texts = "SELECT search_text FROM users UNION SELECT note_search_text FROM transactions"
    found = {folded for (folded,) in books.connection.execute(texts)}
    assert {"lech walesa", "o'brien's lodz"} <= found
    assert not {OLD_NAME, OLD_NOTE} & found
    pairs = books.connection.execute(
        "SELECT count(*) FROM find_users(gen_random_uuid(), NULL, NULL, '太郎', '% 太郎%', '太郎%', 0, "
        "NULL, NULL, 20, 200)"
    ).fetchone()
    assert pairs == (1,)


async def test_a_name_that_changes_meanwhile_keeps_its_own_text(books: Books) -> None:
    person = books.join("Lech Wałęsa")
    _as_by_a_former_release(books)
    with pinned.connect(books.url) as connection:
        columns = [[person.user_id], ["Another Name"], ["lech walesa"]]
        assert connection.execute(refolding._REWRITE_NAMES, columns).rowcount == 0


async def test_only_what_a_note_is_found_by_can_be_rewritten(books: Books) -> None:
    alpha, beta = await books.pair()
    await books.send(alpha, beta, "1", note="rent")
    with books.connection.transaction():
        books.connection.execute("SET LOCAL mini_wallet.refolding = 'on'")
        for statement in (
            b"UPDATE transactions SET note = 'x' WHERE note IS NOT NULL",
            b"UPDATE transactions SET note_search_text = 'x', amount = 1 WHERE note IS NOT NULL",
            b"UPDATE transactions SET seal = sha256('')",
            b"DELETE FROM transactions",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation), books.connection.transaction():
                books.connection.execute(statement)
        books.connection.execute(
            "UPDATE transactions SET note_search_text = 'x' WHERE note IS NOT NULL"
        )
    # Rewritten to something else than the note says, it is found.
    findings = (await audit.audit(books.database)).findings
    assert [finding.table for finding in findings] == ["transactions"] * 2
