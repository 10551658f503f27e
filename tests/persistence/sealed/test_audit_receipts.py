"""Receipts reveal entries that were changed or removed after they were issued."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.ledger.seals import Receipt
from persistence.audit import audit
from persistence.engine.database import Database
from tests.books import Books
from tests.persistence.sealed.by_hand import (
    KEY,
    asked,
    cut_off,
    do,
    do_properly,
    lived_in,
    receipt_of,
    said,
)

pytestmark = [pytest.mark.anyio]


async def test_a_receipt_is_contained_however_much_came_after_it(books: Books) -> None:
    alpha, beta = await lived_in(books)
    receipts = [await receipt_of(books, alpha, n) for n in (1, 3, 6)]
    receipts.append(await receipt_of(books, beta, 4))
    await books.add(alpha)
    answers = await audit.check_receipts(books.database, receipts, [KEY])
    assert [answer.is_contained for answer in answers] == [True] * 4
    assert answers[1].sentence.startswith(f"Contained: entry 3 of {alpha.user_id}")


async def test_a_receipt_shows_an_end_that_was_cut_off_on_both_sides(
    books: Books, admin: Database
) -> None:
    alpha, beta = await lived_in(books)
    kept, newest = await receipt_of(books, alpha, 5), await receipt_of(books, alpha, 6)
    async with admin.transaction() as connection:
        await cut_off(connection, alpha.user_id, 5)
        await cut_off(connection, beta.user_id, 5)
        assert (await said(connection)) == ""
        assert "False: It proves entry 6" in await asked(connection, newest)
        assert "ends at entry 5" in await asked(connection, newest)
        assert "True: " in await asked(connection, kept)


async def test_a_receipt_says_what_happened_to_the_ledgers(books: Books, admin: Database) -> None:
    alpha, beta = await lived_in(books)
    receipt, of_beta = await receipt_of(books, alpha, 4), await receipt_of(books, beta, 4)
    change = "UPDATE transactions SET note = 'x' WHERE user_id = :one AND sequence = "
    for sequence, part in ((2, f"False: It does not prove entry 4 of {alpha.user_id}"),
                           (2, f"{alpha.user_id}/2 is damaged"),
                           (5, f"nothing has changed, but {alpha.user_id}/5 is damaged")):  # fmt: skip
        async with admin.transaction() as connection:
            await do(connection, f"{change} {sequence}", one=alpha.user_id)
            words = await asked(connection, receipt, of_beta)
            assert part in words
            assert words.count("True: Contained") == 1, "the other account ledger is unchanged"
    async with admin.transaction() as connection:
        await do(connection, "UPDATE users SET book_seal = sha256('') WHERE id = :one",
                 one=alpha.user_id)  # fmt: skip
        assert "the head is not that of the newest entry" in await asked(connection, receipt)
    async with admin.transaction() as connection:
        await do(connection, "DELETE FROM users WHERE id = :one", one=alpha.user_id)
        assert "does not exist" in await asked(connection, receipt)


async def test_what_is_no_receipt_or_of_another_key_proves_nothing(books: Books) -> None:
    alpha, _ = await lived_in(books)
    receipt = Receipt.read(await receipt_of(books, alpha, 3))
    forged = replace(receipt, seal=b"s" * 32).render()
    async with books.database.snapshot() as connection:
        assert "False: This is not a receipt" in await asked(connection, "seal_1_nonsense", forged)
        assert "of another AUDIT_KEY (or forged)" in await asked(connection, forged)
        words = await asked(connection, receipt.render(), keys=(b"another", KEY))
        assert "nothing has changed, but" in words, "entries must be sealed with the current key"


async def test_a_ledger_that_goes_on_from_a_cut_is_shown_by_the_other_side_and_by_receipts(
    books: Books, admin: Database
) -> None:
    alpha, beta = await lived_in(books)
    kept = await receipt_of(books, alpha, 6)
    async with admin.transaction() as connection:
        await cut_off(connection, alpha.user_id, 5)
        await connection.commit()
    await books.add(alpha, "0.35")
    async with books.database.snapshot() as connection:
        assert f"the other is {{{beta.user_id}/6}}" in await said(connection)
        assert "False: It does not prove entry 6" in await asked(connection, kept)


async def test_what_has_no_other_side_is_cut_off_unseen_but_by_a_receipt(
    books: Books, admin: Database
) -> None:
    alpha, _ = await lived_in(books)
    alone = books.join("Alone")
    await books.add(alone, "3")
    await books.add(alpha, "3")
    receipts = [await receipt_of(books, alone, 1), await receipt_of(books, alpha, 7)]
    async with admin.transaction() as connection:
        await cut_off(connection, alpha.user_id, 6)
        for table in ("transactions", "sessions", "email_addresses", "outbox"):
            await do_properly(
                connection, f"DELETE FROM {table} WHERE user_id = :one", one=alone.user_id
            )
        await do_properly(connection, "DELETE FROM users WHERE id = :one", one=alone.user_id)
        assert await said(connection) == ""
        words = await asked(connection, *receipts)
        assert "that user does not exist" in words
        assert "ends at entry 6" in words
