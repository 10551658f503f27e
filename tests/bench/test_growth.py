"""The growing database of bench/growth, and its plot."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

from bench.growth import loading, operations
from bench.growth.plot import plot
from persistence.audit import audit
from persistence.audit.audit import AuditReport
from persistence.engine.database import Database

KEY = b"the key of the seals"
SIZE = 30


def test_the_books_of_a_loaded_database_are_in_order(database_url: str) -> None:
    loading.load(database_url, SIZE, active=[loading.LONG, 2], audit_key=KEY)

    async def audited() -> AuditReport:
        database = await Database.open(database_url)
        try:
            return await audit.audit(database, audit_key=KEY)
        finally:
            await database.close()

    report = asyncio.run(audited())
    assert report.findings == []
    assert (report.people, report.entries) == (SIZE, 2 * SIZE - 1)
    assert report.balances_minor == loading.AMOUNT_MINOR * report.entries


def test_the_names_of_a_loaded_database_differ() -> None:
    names = {loading.name_of(number) for number in range(1, 100_001)}
    assert len(names) == 100_000
    assert all(len(family) >= 8 for _, family in map(str.split, names))


def test_the_plot_shows_every_operation_and_loads_nothing() -> None:
    measured = {size: dict.fromkeys(operations.OPERATIONS, 2.5) for size in (1_000, 10_000)}
    shown = plot(measured)
    texts = {text.strip() for text in ElementTree.fromstring(shown).itertext()}
    assert {*operations.OPERATIONS, "1,000", "10,000"} <= texts
    assert "<script" not in shown
