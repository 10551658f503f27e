"""Pages of a filtered ledger: each examines a bounded number of entries, and none is lost or repeated."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from domain.ledger import metadata
from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import Entry
from domain.paging import PageRequest
from persistence.engine.database import Database
from persistence.ledger import pages
from persistence.ledger.pages import EntryFilter
from tests.books import Books, Someone, lines_of, sending

pytestmark = pytest.mark.anyio

NOTES = ("lunch", "rent", "Lunch again", None)
PAIR = ("shop", "1")


async def lived(books: Books, count: int = 40) -> tuple[Someone, list[Someone]]:
    """A user with so many entries of every kind, and those on the other side."""
    chance = random.Random(1)
    user, others = books.join("Alpha"), [books.join(name) for name in ("Beta", "Zoë", "Lunch & Co")]
    await books.add(user, "100")
    for other in others:
        await books.add(other, "100")
    for _ in range(count - 1):
        other, note = chance.choice(others), chance.choice(NOTES)
        match chance.randrange(5):
            case 0:
                await books.add(user, "1")
            case 1 | 2:
                pairs = metadata.of(chance.choice([[], [PAIR], [("shop", "2")]]))
                await books.ledger.move(replace(sending(user, other, note=note), metadata=pairs))
            case _:
                await books.send(other, user, "0.01", note=note)
    return user, others


async def forwards(db: Database, user: Someone, wanted: EntryFilter, size: int) -> list[int]:
    found: list[int] = []
    after = None
    while True:
        page = await pages.page(db, user.user_id, wanted, PageRequest(size, after=after))
        found += [entry.sequence for entry in page.items]
        assert len(page.items) <= size
        if not page.has_next:
            return found
        after = page.end or str(page.items[-1].sequence)


async def backwards(db: Database, user: Someone, wanted: EntryFilter, size: int) -> list[int]:
    found: list[int] = []
    before = None
    while True:
        request = PageRequest(size, before=before, backward=True)
        page = await pages.page(db, user.user_id, wanted, request)
        found = [entry.sequence for entry in page.items] + found
        if not page.has_previous:
            return found
        before = page.start or str(page.items[0].sequence)


def filters(entries: list[Entry], others: list[Someone]) -> list[EntryFilter]:
    names: dict[str, Any] = {"counterparty_id": others[0].user_id}
    middle = {
        "created_from": entries[10].created_at,
        "created_before": entries[-5].created_at,
    }
    return [
        EntryFilter(),
        EntryFilter(kind=Kind.TOP_UP),
        EntryFilter(direction=Direction.OUTGOING),
        EntryFilter(text="lunch"),
        EntryFilter(text="zoe"),
        EntryFilter(text="nothing has this"),
        EntryFilter(text="rent", direction=Direction.INCOMING),
        EntryFilter(**names),
        EntryFilter(**names, text="lunch"),
        EntryFilter(**middle),
        EntryFilter(**middle, kind=Kind.TRANSFER),
        EntryFilter(created_after=entries[10].created_at, text="lunch"),
        EntryFilter(created_after=entries[-1].created_at, text="lunch"),
        EntryFilter(created_before=entries[0].created_at, kind=Kind.TOP_UP),
        EntryFilter(metadata=PAIR),
        EntryFilter(metadata=PAIR, text="lunch"),
        EntryFilter(metadata=PAIR, counterparty_id=others[0].user_id),
        EntryFilter(metadata=PAIR, **middle),
    ]


async def test_however_few_entries_a_page_examines_none_is_lost_or_repeated(
    books: Books, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, others = await lived(books, count=24)
    entries = await lines_of(db, user.user_id)
    for wanted in filters(entries, others):
        monkeypatch.setattr(pages, "EXAMINED_ENTRIES", 10_000)
        whole = await pages.page(db, user.user_id, wanted, PageRequest(100))
        expected = [entry.sequence for entry in whole.items]
        assert not whole.has_next
        for examined, size in ((2, 3), (5, 2), (23, 4)):
            monkeypatch.setattr(pages, "EXAMINED_ENTRIES", examined)
            assert await forwards(db, user, wanted, size) == expected, wanted
            assert await backwards(db, user, wanted, size) == expected, wanted


async def test_the_newest_entries_of_several_users_are_their_first_pages(
    books: Books, db: Database
) -> None:
    user, (beta, *_) = await lived(books, count=24)
    empty = books.join("Empty")
    asked = [
        *((user.user_id, size) for size in (1, 3, 23, 24, 25)),
        (beta.user_id, 100),
        (empty.user_id, 3),
    ]
    found = await pages.newest(db, asked)
    assert list(found) == asked
    for (user_id, size), rows in found.items():
        page = await pages.page(db, user_id, pages.EVERY, PageRequest(size))
        newest = pages.first_page(rows, size)
        assert (newest.items, newest.has_next) == (page.items, page.has_next)


async def test_the_times_of_a_filter_select_what_their_names_say(
    books: Books, db: Database
) -> None:
    user, _ = await lived(books, count=10)
    entries = await lines_of(db, user.user_id)
    at = entries[4].created_at

    async def found(**wanted: Any) -> list[int]:
        return await forwards(db, user, EntryFilter(**wanted), 100)

    assert await found(created_after=at) == [10, 9, 8, 7, 6]
    assert await found(created_from=at) == [10, 9, 8, 7, 6, 5]
    assert await found(created_before=at) == [4, 3, 2, 1]
    assert await found(created_from=at, created_before=entries[6].created_at) == [6, 5]


async def test_a_search_that_finds_nothing_ends_after_so_many_entries_and_says_where(
    books: Books, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "EXAMINED_ENTRIES", 10)
    user, _ = await lived(books)
    stranger = books.join()
    for wanted in (
        EntryFilter(text="nothing has this"),
        EntryFilter(kind=Kind.TOP_UP, text="x"),
        EntryFilter(metadata=PAIR, text="nothing has this"),
        EntryFilter(metadata=PAIR, counterparty_id=stranger.user_id),
    ):
        page = await pages.page(db, user.user_id, wanted, PageRequest(20))
        assert (list(page.items), page.has_next, page.end) == ([], True, "31")
        page = await pages.page(db, user.user_id, wanted, PageRequest(20, after="11"))
        assert (list(page.items), page.has_next, page.end) == ([], False, None)
        request = PageRequest(20, backward=True)
        page = await pages.page(db, user.user_id, wanted, request)
        assert (list(page.items), page.has_previous, page.start) == ([], True, "10")


async def test_what_a_page_reads_of_the_ledger_is_bounded_by_sequences(
    books: Books, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "EXAMINED_ENTRIES", 10)
    user, _ = await lived(books)
    read: list[int] = []

    def note(row: Any) -> Entry:
        entry = original(row)
        read.append(entry.sequence)
        return entry

    original = pages.entry_rows.from_row
    monkeypatch.setattr(pages.entry_rows, "from_row", note)
    wanted = EntryFilter(direction=Direction.INCOMING)
    await pages.page(db, user.user_id, wanted, PageRequest(100, after="30"))
    assert set(read) <= {*range(20, 30), *range(30, 40)}
