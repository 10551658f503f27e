"""The seals: the audit names the first manually changed row of an account ledger."""

from __future__ import annotations

import psycopg
import pytest

from domain.ledger import seals
from domain.ledger.transfers import EMPTY_LEDGER_SEAL
from persistence.audit import audit
from persistence.audit import seals as audit_seals
from persistence.engine.database import Database
from persistence.ledger import sealed_rows
from persistence.ledger.ledger import Ledger
from tests.books import Books, lines_of
from tests.persistence.sealed.by_hand import (
    FEES,
    KEY,
    cut_off,
    do,
    do_properly,
    found,
    lived_in,
    said,
)

pytestmark = [pytest.mark.anyio]

# ================================================================ unchanged account ledgers


async def test_what_was_moved_proves_itself_and_only_with_its_key(books: Books) -> None:
    alpha, beta = await lived_in(books)
    assert (await audit.audit(books.database, audit_key=KEY)).findings == []
    async with books.database.snapshot() as connection:
        assert await found(connection, KEY) == []
        first = sorted([f"{alpha.user_id}/1", f"{beta.user_id}/1"])
        assert await found(connection, b"another key") == first
        assert await found(connection, b"") == first


async def test_ledgers_are_sealed_without_a_key_too(books: Books) -> None:
    plain = await Ledger.open(books.url, FEES, connections=1)
    books.ledger, with_key = plain, books.ledger
    await lived_in(books)
    books.ledger = with_key
    await plain.close()
    assert (await audit.audit(books.database)).findings == []


async def test_the_domain_says_of_an_entry_what_the_database_says(books: Books) -> None:
    alpha, beta = await lived_in(books)
    async with books.database.snapshot() as connection:
        for someone in (alpha, beta):
            entries = await lines_of(books.database, someone.user_id)
            rows = [row async for row in audit_seals.rows_of(connection, someone.user_id)]
            assert [row.content for row in rows] == [seals.content(entry) for entry in entries]
            assert [row.seal for row in rows] == [entry.seal for entry in entries]
            assert [row.sequence for row in rows] == [1, 2, 3, 4, 5, 6]


def test_everything_in_a_row_but_what_follows_from_it_is_sealed() -> None:
    from persistence import tables

    sealed = set(sealed_rows.COLUMNS.split(", "))
    assert sealed == {column.name for column in tables.transactions.columns} - {"note_search_text"}


async def test_progress_is_reported(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    await lived_in(books)
    monkeypatch.setattr(audit_seals, "_ENTRIES_BETWEEN_REPORTS", 1)
    monkeypatch.setattr(sealed_rows, "ROWS_AT_ONCE", 5)
    heard: list[str] = []
    await audit.audit(books.database, audit_key=KEY, on_check=heard.append)
    assert "the seals" in heard
    assert "the seals: 12 of 12 entries" in heard


# ================================================================ damage

#: Changes of the third entry of Alpha.
ALTERED = [
    "reference = gen_random_uuid()",
    "kind = 'top_up'",
    "direction = 'outgoing'",
    "amount = amount + 1",
    "fee = fee + 1",
    "counterparty_id = gen_random_uuid()",
    "counterparty_id = NULL",
    "note = 'x'",
    "note = ''",
    "balance_after = balance_after + 1",
    "created_at = created_at + interval '1 us'",
    "idempotency_key = 'another-key'",
    "api_token_id = gen_random_uuid()",
    "seal = sha256('')",
    "seal = ''",
    "seal = NULL",
    "seal = seal || '\\x00'",
]
#: Changes of the second entry, which has a note, that keep its appearance or its total.
WRITTEN_ALIKE = [
    "note = normalize(note, NFD)",
    "note = note || ' '",
    "note = replace(note, 'K', chr(8490))",
    "note = note || chr(8203)",
    "(note, idempotency_key) = (note || left(idempotency_key, 1), substr(idempotency_key, 2))",
    "(note, idempotency_key) = (idempotency_key, note)",
    "(amount, fee) = (amount + fee, 0)",
    "(amount, balance_after) = (balance_after, amount)",
    "(reference, counterparty_id) = (counterparty_id, reference)",
    "(kind, direction) = (direction, kind)",
    "(kind, direction) = (left(kind, 7), right(kind, 1) || direction)",
    "user_id = NULL",
    "sequence = NULL",
]
#: Changes of several entries, and the sequence of the first damaged one.
REWRITTEN = [
    ("UPDATE transactions SET user_id = :other, sequence = 9 WHERE user_id = :one AND sequence = 4", 4),
    ("DELETE FROM transactions WHERE user_id = :one AND sequence = 1", 1),
    ("DELETE FROM transactions WHERE user_id = :one AND sequence IN (3, 4)", 3),
    # Removed, and the following entries renumbered.
    ("WITH gone AS (DELETE FROM transactions WHERE user_id = :one AND sequence = 5) "
     "UPDATE transactions SET sequence = 5 WHERE user_id = :one AND sequence = 6", 5),
    # In another order.
    ("UPDATE transactions SET sequence = 7 - sequence WHERE user_id = :one AND sequence IN (3, 4)", 3),
    ("UPDATE transactions AS t SET seal = (SELECT seal FROM transactions AS o WHERE "
     "o.user_id = t.user_id AND o.sequence = 7 - t.sequence) "
     "WHERE user_id = :one AND sequence IN (3, 4)", 3),
    # Seals of the other account ledger.
    ("UPDATE transactions AS t SET seal = o.seal FROM transactions AS o WHERE t.user_id = :one "
     "AND o.user_id = :other AND o.sequence = t.sequence AND t.sequence >= 2", 2),
    # Inserted, and the following entries renumbered.
    ("WITH put AS (INSERT INTO transactions SELECT user_id, 3, gen_random_uuid(), 'top_up', 'incoming', "
     "5, 0, NULL, NULL, NULL, balance_after, created_at, 'put-in-by-hand', NULL, seal "
     "FROM transactions WHERE user_id = :one AND sequence = 2) "
     "UPDATE transactions SET sequence = sequence + 1 WHERE user_id = :one AND sequence > 2", 3),
    # Duplicated, with its own seal.
    ("INSERT INTO transactions SELECT * FROM transactions WHERE user_id = :one AND sequence = 4", 4),
    ("INSERT INTO transactions SELECT user_id, 0, reference, kind, direction, amount, fee, counterparty_id, "
     "note, note_search_text, balance_after, created_at, idempotency_key, api_token_id, seal "
     "FROM transactions WHERE user_id = :one AND sequence = 1", 0),
    # After the newest, where a repeat would be.
    ("INSERT INTO transactions SELECT user_id, 7, reference, kind, direction, amount, fee, counterparty_id, "
     "note, note_search_text, balance_after, created_at, idempotency_key, api_token_id, seal "
     "FROM transactions WHERE user_id = :one AND sequence = 6", 7),
    # The two account ledgers exchanged.
    ("UPDATE transactions SET user_id = CASE user_id WHEN :one THEN CAST(:other AS uuid) ELSE :one END", 1),
]  # fmt: skip


async def test_each_altered_entry_is_named(books: Books, admin: Database) -> None:
    alpha, _ = await lived_in(books)
    for change in ALTERED:
        async with admin.transaction() as connection:
            await do(
                connection,
                f"UPDATE transactions SET {change} WHERE user_id = :one AND sequence = 3",
                one=alpha.user_id,
            )
            assert await found(connection) == [f"{alpha.user_id}/3"], change


@pytest.mark.undistributed
async def test_what_reads_alike_is_not_the_same(books: Books, admin: Database) -> None:
    alpha, _ = await lived_in(books)
    for change in WRITTEN_ALIKE:
        async with admin.transaction() as connection:
            await do(
                connection,
                "ALTER TABLE transactions ALTER user_id DROP NOT NULL, ALTER sequence DROP NOT NULL, "
                "ALTER idempotency_key TYPE text, ALTER kind TYPE text, ALTER direction TYPE text",
                f"UPDATE transactions SET {change} WHERE user_id = :one AND sequence = 2",
                one=alpha.user_id,
            )
            assert f"{alpha.user_id}/2" in await found(connection), change
            assert f"transactions {alpha.user_id}/2: " in await said(connection), change


async def test_a_duplicate_sequence_is_not_a_missing_entry(books: Books, admin: Database) -> None:
    alpha, _ = await lived_in(books)
    async with admin.transaction() as connection:
        await do(
            connection,
            "INSERT INTO transactions SELECT * FROM transactions WHERE user_id = :one AND sequence = 4",
            one=alpha.user_id,
        )
        words = await said(connection)
    assert f"{alpha.user_id}/4: This entry was inserted: its sequence is a duplicate" in words
    assert f"{alpha.user_id}/4: Its sequence is a duplicate" in words
    assert "This entry is missing" not in words


async def test_a_query_that_fails_in_the_middle_leaves_a_connection_to_go_on_with(
    books: Books,
) -> None:
    await lived_in(books)
    query = f"COPY (SELECT {sealed_rows.COLUMNS}, 1 / (4 - sequence) FROM transactions) TO STDOUT (FORMAT binary)"
    async with await psycopg.AsyncConnection.connect(books.url) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            async for _ in sealed_rows.stream(connection, query):
                pass
        await connection.rollback()
        await connection.execute("SELECT 1")


@pytest.mark.undistributed
async def test_the_first_entry_that_was_removed_inserted_or_moved_is_named(
    books: Books, admin: Database
) -> None:
    alpha, beta = await lived_in(books)
    names = {"one": alpha.user_id, "other": beta.user_id}
    for change, first in REWRITTEN:
        async with admin.transaction() as connection:
            await do(connection, change, **names)
            rows = await found(connection)
            assert f"{alpha.user_id}/{first}" in rows, change
            assert not any(
                row.startswith(f"{alpha.user_id}/") and row != f"{alpha.user_id}/{first}"
                for row in rows
            ), change


async def test_a_ledger_resealed_without_the_key_is_named_from_its_first_entry(
    books: Books, admin: Database
) -> None:
    alpha, _ = await lived_in(books)
    async with admin.transaction() as connection:
        before = EMPTY_LEDGER_SEAL
        for entry in await lines_of(books.database, alpha.user_id):
            before = seals.seal(b"a guess", entry, before)
            await do(
                connection,
                "UPDATE transactions SET seal = :seal WHERE user_id = :one AND sequence = :sequence",
                one=alpha.user_id, seal=before, sequence=entry.sequence,
            )  # fmt: skip
        await do(
            connection,
            "UPDATE users SET book_seal = :seal WHERE id = :one",
            one=alpha.user_id, seal=before,
        )  # fmt: skip
        assert await found(connection) == [f"{alpha.user_id}/1"]


async def test_a_head_that_is_not_of_the_newest_entry_is_named(
    books: Books, admin: Database
) -> None:
    alpha, _ = await lived_in(books)
    for change, part in (
        ("UPDATE users SET book_seal = sha256('') WHERE id = :one", "one of them was changed"),
        ("UPDATE users SET book_seal = (SELECT seal FROM transactions WHERE user_id = :one "
         "AND sequence = 5) WHERE id = :one", "one of them was changed"),
        ("DELETE FROM transactions WHERE user_id = :one AND sequence = 6", "entry 6, which is missing"),
        ("DELETE FROM transactions WHERE user_id = :one", "entry 6, which is missing"),
    ):  # fmt: skip
        async with admin.transaction() as connection:
            await do(connection, change, one=alpha.user_id)
            assert f"users {alpha.user_id}: The head is" in await said(connection), change
            assert part in await said(connection), change
            # The chain itself is intact as far as it goes.
            assert await found(connection) == []


async def test_an_end_cut_off_is_shown_by_the_other_side(books: Books, admin: Database) -> None:
    alpha, beta = await lived_in(books)
    async with admin.transaction() as connection:
        await cut_off(connection, alpha.user_id, 5)
        assert await found(connection) == []
        words = await said(connection)
        assert (
            f"in the account ledger of {alpha.user_id}; the other is {{{beta.user_id}/6}}" in words
        )


async def test_the_audit_names_a_manually_changed_entry_after_the_service_sealed_the_next(
    books: Books, admin: Database
) -> None:
    for change, where, part in (
        # Money from nowhere, spent through the service: its entry has a valid seal.
        ("balance = balance + 100", "transactions {}/7: The balance after it", "and -"),
        ("book_seal = (SELECT seal FROM transactions WHERE user_id = :one AND sequence = 5)",
         "transactions {}/7: Its seal does not match", "changed"),
        ("sequence = sequence + 1", "transactions {}/7: This entry is missing", "one is 8"),
        ("last_posted_at = last_posted_at + interval '1 day'",
         "transactions {}/7: It is dated in the future", ""),
    ):  # fmt: skip
        alpha, beta = await lived_in(books)
        async with admin.transaction() as connection:
            await do_properly(
                connection, f"UPDATE users SET {change} WHERE id = :one", one=alpha.user_id
            )
            await connection.commit()
        await books.send(alpha, beta, "0.01")
        async with books.database.snapshot() as connection:
            words = await said(connection)
            assert where.format(alpha.user_id) in words, change
            assert part in words
