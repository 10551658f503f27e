"""Totals and entries of a period, from the ledger."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from domain import ids
from domain.statements import insights
from domain.statements.insights import Flow
from domain.statements.periods import Period, day_start
from domain.statements.statements import Statement, Totals
from persistence.engine.database import Database
from persistence.ledger import period_parts, period_totals
from tests.books import Books, Someone

pytestmark = pytest.mark.anyio

#: When Berlin's clocks are set forward, and midnight is 23:00 and then 22:00 UTC.
FIRST_DAY = date(2026, 3, 27)


def insert(
    books: Books,
    someone: Someone,
    posted: list[tuple[datetime, int, int]],
    people: Sequence[UUID] = (),
) -> None:
    """Entries of that user at those times; outgoing amounts are negative, and may have a fee.

    They went to these people in turn.
    """
    balance, rows = 0, []
    for sequence, (created_at, amount, fee) in enumerate(posted, 1):
        balance += amount - fee
        is_top_up = amount > 0
        rows.append(
            (
                someone.user_id,
                sequence,
                ids.new_id(),
                *(("top_up", "incoming") if is_top_up else ("transfer", "outgoing")),
                abs(amount),
                fee,
                None if is_top_up else people[sequence % len(people)] if people else ids.new_id(),
                balance,
                created_at,
                f"key-{sequence:05}",
                sequence.to_bytes(32),
            )
        )
    with books.connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee, "
            "counterparty_id, balance_after, created_at, idempotency_key, seal) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )


def expected(posted: list[tuple[datetime, int, int]], start: datetime, end: datetime) -> Totals:
    """The totals by adding up all entries."""
    earlier = [each for each in posted if each[0] < start]
    within = [each for each in posted if start <= each[0] < end]
    opening = sum(amount - fee for _, amount, fee in earlier)
    return Totals(
        opening_minor=opening,
        incoming_minor=sum(amount for _, amount, _ in within if amount > 0),
        outgoing_minor=-sum(amount for _, amount, _ in within if amount < 0),
        fees_minor=sum(fee for _, _, fee in within),
        closing_minor=opening + sum(amount - fee for _, amount, fee in within),
        count=len(within),
        through=len(earlier) + len(within),
        seal=(len(earlier) + len(within)).to_bytes(32) if within else None,
    )


async def read(db: Database, user_id: object, totals: Totals, size: int) -> list[int]:
    """The sequences of the entries of those totals, read in pages."""
    found: list[int] = []
    after = totals.after
    while after < totals.through:
        page = await period_totals.entries(
            db,
            user_id,
            after=after,
            through=totals.through,
            limit=size,
        )
        found += [entry.sequence for entry in page]
        after = found[-1]
    return found


async def test_adjacent_periods_have_every_entry_once_and_their_balances_match(
    books: Books, db: Database
) -> None:
    someone, other = books.join(), books.join()
    choose = random.Random(13)
    periods = [
        Period(
            FIRST_DAY + timedelta(days=number), FIRST_DAY + timedelta(days=number), "Europe/Berlin"
        )
        for number in range(5)
    ]
    edges = [period.start for period in periods] + [periods[-1].end]
    # At the microsecond at which a day begins, at those next to it, and twice at the same time.
    instants = sorted(
        edge + timedelta(microseconds=choose.choice([-1, 0, 0, 1])) for edge in edges * 6
    )
    posted = [(edges[0] - timedelta(days=30), 1_000_00, 0)]
    for instant in instants:
        amount = choose.choice([-1, 1]) * choose.randint(1, 500)
        posted.append((instant, amount, choose.randint(0, 3) if amount < 0 else 0))
    insert(books, someone, posted)
    insert(books, other, [(edges[1], 7, 0)])

    found = [
        await period_totals.totals(db, someone.user_id, period.start, period.end)
        for period in periods
    ]
    assert found == [expected(posted, period.start, period.end) for period in periods]
    assert all(one.closing_minor == other.opening_minor for one, other in pairwise(found))
    sequences = [await read(db, someone.user_id, totals, 4) for totals in found]
    whole = await period_totals.totals(db, someone.user_id, edges[0], edges[-1])
    assert [each for part in sequences for each in part] == await read(
        db, someone.user_id, whole, 100
    )
    assert whole == expected(posted, edges[0], edges[-1])

    # What is read up to a sequence does not change when entries follow.
    middle = found[2].through
    assert await period_totals.totals(
        db, someone.user_id, edges[0], edges[-1], through=middle
    ) == expected(posted[:middle], edges[0], edges[-1])
    later = edges[-1] + timedelta(days=1), edges[-1] + timedelta(days=2)
    nothing = await period_totals.totals(db, someone.user_id, *later)
    assert nothing == expected(posted, *later)
    assert (nothing.count, nothing.through) == (0, len(posted))
    newcomer = await period_totals.totals(db, books.join().user_id, edges[0], datetime.now(UTC))
    assert newcomer == Totals(0, 0, 0, 0, 0, 0, 0)


async def test_the_opening_balance_is_read_by_index(books: Books, db: Database) -> None:
    someone = books.join()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    insert(books, someone, [(start + timedelta(minutes=number), 1, 0) for number in range(3_000)])
    books.connection.execute("ANALYZE transactions")
    late = start + timedelta(minutes=2_995)
    totals = await period_totals.totals(db, someone.user_id, late, late + timedelta(days=1))
    assert (totals.opening_minor, totals.count, totals.closing_minor) == (2_995, 5, 3_000)
    plan = books.connection.execute(
        "EXPLAIN (ANALYZE, TIMING off, FORMAT json) "
        + str(period_totals._TOTALS.compile())
        .replace(":user_id", f"'{someone.user_id}'")
        .replace(":start", f"'{late.isoformat()}'")
        .replace(":end", f"'{(late + timedelta(days=1)).isoformat()}'")
        .replace(":through", str(2**63 - 1))
    ).fetchone()
    assert plan is not None
    assert max(_rows(plan[0][0]["Plan"])) <= 5  # type: ignore[index]


def _rows(node: dict[str, object]) -> list[float]:
    read = float(node["Actual Rows"]) + float(node.get("Rows Removed by Filter", 0))  # type: ignore[arg-type]
    return [read, *(rows for child in node.get("Plans", []) for rows in _rows(child))]  # type: ignore[attr-defined]


async def test_the_parts_of_a_period_add_up_to_its_totals(books: Books, db: Database) -> None:
    someone = books.join()
    choose = random.Random(17)
    period = Period(date(2025, 11, 20), date(2026, 4, 5), "America/Sao_Paulo")
    people = [ids.new_id() for _ in range(5)]
    posted = [(period.start - timedelta(days=3), 1_000_00, 0)]
    for _ in range(200):
        seconds = choose.randrange(int((period.end - period.start).total_seconds()) + 100_000)
        amount = choose.choice([-1, 1]) * choose.randint(1, 500)
        fee = choose.randint(0, 3) if amount < 0 else 0
        posted.append((period.start + timedelta(seconds=seconds), amount, fee))
    posted.sort()
    insert(books, someone, posted, people)
    totals = await period_totals.totals(db, someone.user_id, period.start, period.end)
    months, days = period.months(), period.days(40)
    ends = [day_start(day + timedelta(days=1), period.zone) for day in days]
    parts = await period_parts.read(db, someone.user_id, totals, months, ends, people=3)

    statement = Statement(someone.user_id, period, totals)
    found = insights.months(statement, parts.flows)
    assert [(month.flow, month.closing_minor) for month in found] == [
        (Flow.of(each), each.closing_minor)
        for each in (expected(posted, month.start, month.end) for month in months)
    ]
    assert found[-1].closing_minor == totals.closing_minor
    assert parts.balances == [expected(posted, end, end).opening_minor for end in ends]
    assert Flow.of(totals).without(month.flow for month in found) == Flow()
    with_people = insights.Insights(statement, found, [], parts.people)
    assert (len(parts.people.flows), parts.people.count) == (3, 5)
    top_ups = [amount for at, amount, _ in posted if amount > 0 and period.start <= at < period.end]
    assert with_people.others.incoming_minor == sum(top_ups)
    flows = list(parts.people.flows.values())
    assert flows == sorted(flows, key=lambda flow: -flow.outgoing_minor)
    assert Flow.of(totals).without([*flows, with_people.others]) == Flow()

    nobody = await period_parts.read(db, someone.user_id, totals, months, ends, people=0)
    assert (nobody.people.flows, nobody.people.count) == ({}, 5)
