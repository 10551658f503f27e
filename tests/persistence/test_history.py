"""Reading the ledger: pages, filters, single entries, contacts and past balances."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from domain import errors
from domain.ledger.kinds import Direction, Kind
from domain.paging import PageRequest
from persistence.engine.database import Database
from persistence.ledger import history, pages
from persistence.ledger.pages import EntryFilter
from tests.books import Books, Someone, lines_of

pytestmark = pytest.mark.anyio


async def sequences(db: Database, whose: Someone, **wanted: object) -> list[int]:
    found = await pages.page(db, whose.user_id, EntryFilter(**wanted), PageRequest())  # type: ignore[arg-type]
    return [entry.sequence for entry in found.items]


async def busy(books: Books) -> tuple[Someone, Someone, Someone]:
    """Alpha's ledger: 1 top-up, 2 to Beta, 3 to Zoë, 4 from Beta, 5 to Beta, 6 top-up."""
    alpha, beta, zoe = books.join("Alpha"), books.join("Beta_100%"), books.join("Zoë")
    await books.add(alpha, "10")
    await books.send(alpha, beta, "2", note="Rent for März")
    await books.send(alpha, zoe, "1")
    await books.send(beta, alpha, "0.50", note="100% back_up")
    await books.send(alpha, beta, "1", note="back-up")
    await books.add(alpha, "1")
    return alpha, beta, zoe


async def test_pages_go_through_the_ledger_in_both_directions(books: Books, db: Database) -> None:
    alpha, _, _ = await busy(books)

    async def page(**request: object) -> tuple[list[int], bool, bool]:
        found = await pages.page(db, alpha.user_id, EntryFilter(), PageRequest(**request))  # type: ignore[arg-type]
        return [entry.sequence for entry in found.items], found.has_previous, found.has_next

    assert await page(size=4) == ([6, 5, 4, 3], False, True)
    assert await page(size=4, after="3") == ([2, 1], True, False)
    assert await page(size=2, after="3") == ([2, 1], True, False)
    assert await page(size=1, after="3") == ([2], True, True)
    assert await page(size=2, backward=True) == ([2, 1], True, False)
    assert await page(size=2, backward=True, before="2") == ([4, 3], True, True)
    assert await page(size=9, backward=True, before="4") == ([6, 5], False, True)
    assert await page(size=9, after="6", before="2") == ([5, 4, 3], True, True)
    assert await page(size=0) == ([], False, True)
    assert await page(size=9, after="1") == ([], True, False)
    for bad in ("x", "-1", "", "9" * 30, "٣"):
        with pytest.raises(errors.BadUserInput):
            await page(after=bad)


async def test_every_filter_and_all_of_them_together(books: Books, db: Database) -> None:
    alpha, beta, zoe = await busy(books)
    assert await sequences(db, alpha, kind=Kind.TOP_UP) == [6, 1]
    assert await sequences(db, alpha, direction=Direction.OUTGOING) == [5, 3, 2]
    assert await sequences(db, alpha, counterparty_id=zoe.user_id) == [3]
    entries = {entry.sequence: entry for entry in await lines_of(db, alpha.user_id)}
    assert await sequences(db, alpha, created_after=entries[4].created_at) == [6, 5]
    assert await sequences(db, alpha, created_from=entries[4].created_at) == [6, 5, 4]
    assert await sequences(db, alpha, created_before=entries[2].created_at) == [1]
    assert await sequences(
        db,
        alpha,
        kind=Kind.TRANSFER,
        direction=Direction.OUTGOING,
        counterparty_id=beta.user_id,
        created_after=entries[1].created_at,
        created_before=entries[5].created_at,
        text="RENT",
    ) == [2]
    # Whether there is more is asked within the filter.
    page = PageRequest(size=1, after="4")
    found = await pages.page(db, alpha.user_id, EntryFilter(kind=Kind.TOP_UP), page)
    assert ([entry.sequence for entry in found.items], found.has_previous, found.has_next) == (
        [1], True, False,
    )  # fmt: skip


async def test_adjacent_half_open_periods_neither_overlap_nor_leave_a_gap(
    books: Books, db: Database
) -> None:
    alpha, _, _ = await busy(books)
    entries = await lines_of(db, alpha.user_id)
    bounds = [entries[0].created_at, *(entry.created_at for entry in entries), None]
    periods = [
        await sequences(db, alpha, created_from=start, created_before=end)
        for start, end in itertools.pairwise(bounds)
    ]
    assert sorted(itertools.chain(*periods)) == [entry.sequence for entry in entries]


async def test_text_is_looked_for_in_notes_and_names_and_is_no_pattern(
    books: Books, db: Database
) -> None:
    alpha, _, _ = await busy(books)
    assert await sequences(db, alpha, text="marz") == [2]
    assert await sequences(db, alpha, text="ZOE") == [3]
    assert await sequences(db, alpha, text="beta_") == [5, 4, 2]
    assert await sequences(db, alpha, text="_up") == [4]
    assert await sequences(db, alpha, text="100%") == [5, 4, 2]
    assert await sequences(db, alpha, text="%") == [5, 4, 2]
    assert await sequences(db, alpha, text="\\") == []
    assert await sequences(db, alpha, text="\0 ") == [6, 5, 4, 3, 2, 1]


async def test_no_user_sees_the_ledger_of_another(books: Books, db: Database) -> None:
    alpha, beta, zoe = await busy(books)
    assert await sequences(db, zoe) == [1]
    [entry] = await lines_of(db, zoe.user_id)
    assert (entry.direction, entry.counterparty_id) == (Direction.INCOMING, alpha.user_id)
    assert entry.idempotency_key is None
    missing = [(zoe.user_id, sequence) for sequence in (0, -1, 2, 2**63, 10**30)]
    assert await history.entries_by_ids(db, missing) == {}
    both = [(alpha.user_id, 5), (zoe.user_id, 1), (beta.user_id, 99)]
    assert set(await history.entries_by_ids(db, both)) == set(both[:2])
    assert await history.entries_by_ids(db, []) == {}


async def test_a_key_finds_what_it_made_for_its_own_user_and_kind(
    books: Books, db: Database
) -> None:
    alpha, beta, _ = await busy(books)
    made = (await books.send(alpha, beta)).entry
    assert made.idempotency_key is not None
    key = made.idempotency_key
    assert await history.entry_by_key(db, alpha.user_id, Kind.TRANSFER, key) == made
    assert await history.entry_by_key(db, alpha.user_id, Kind.TOP_UP, key) is None
    assert await history.entry_by_key(db, beta.user_id, Kind.TRANSFER, key) is None


async def test_what_came_after_comes_in_order_a_piece_at_a_time(books: Books, db: Database) -> None:
    alpha, _, zoe = await busy(books)
    after = await lines_of(db, alpha.user_id, after=2, limit=3)
    assert [entry.sequence for entry in after] == [3, 4, 5]
    assert await history.newest_sequences(db, [alpha.user_id, zoe.user_id]) == {
        alpha.user_id: 6,
        zoe.user_id: 1,
    }
    assert await history.newest_sequences(db, []) == {}
    seen = {alpha.user_id: 5, zoe.user_id: 1}
    assert await history.newer_sequences(db, seen) == {alpha.user_id: 6}
    assert await history.newer_sequences(db, {}) == {}


async def test_a_past_balance_is_that_of_the_newest_entry_by_then(
    books: Books, db: Database
) -> None:
    alpha, _, _ = await busy(books)
    entries = await lines_of(db, alpha.user_id)
    for entry in entries:
        at = await history.balance_at(db, alpha.user_id, entry.created_at)
        assert at == entry.balance_after_minor
    before = entries[0].created_at - timedelta(microseconds=1)
    assert await history.balance_at(db, alpha.user_id, before) == 0


@pytest.mark.parametrize("latest_entries", [1_000, 2])
async def test_contacts_are_users_met_the_latest_first(
    books: Books, db: Database, monkeypatch: pytest.MonkeyPatch, latest_entries: int
) -> None:
    monkeypatch.setattr(history, "_LATEST_ENTRIES", latest_entries)
    alpha, beta, zoe = await busy(books)
    contacts = await history.contacts(db, alpha.user_id, 8)
    assert [person.user_id for person in contacts] == [beta.user_id, zoe.user_id]
    assert len(await history.contacts(db, alpha.user_id, 1)) == 1
    assert await history.contacts(db, alpha.user_id, 0) == []
    assert await history.contacts(db, books.join().user_id, 8) == []
