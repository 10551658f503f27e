"""A migrated database for each test, whose ledgers are sealed with a key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from persistence.engine.database import Database
from persistence.ledger.ledger import Ledger
from tests import books as test_books
from tests import clusters
from tests.books import Books
from tests.persistence.sealed.by_hand import FEES, KEY


@pytest.fixture
async def books(database_url: str, anyio_backend: object) -> AsyncIterator[Books]:
    """Sealed with a key, and with fees."""
    async with test_books.opened(database_url) as opened:
        plain, opened.ledger = (
            opened.ledger,
            await Ledger.open(database_url, FEES, connections=2, audit_key=KEY),
        )
        yield opened
        await opened.ledger.close()
        opened.ledger = plain


@pytest.fixture
async def admin(books: Books, admin_database_url: str) -> AsyncIterator[Database]:
    """The same database for somebody whom no trigger stops."""
    opened = await Database.open(clusters.coordinator(admin_database_url))
    yield opened
    await opened.close()
