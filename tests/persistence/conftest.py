"""A migrated database for each test, with users."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from persistence.engine import connections, pinned
from persistence.engine.database import Database
from tests import books as test_books
from tests.books import Books
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
async def books(
    database_url: str, anyio_backend: object, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Books]:
    # A wait for a connection or a lock must not time out because this machine is busy.
    monkeypatch.setattr(connections, "POOL_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(pinned, "LOCK_SECONDS", PATIENCE_SECONDS)
    async with test_books.opened(database_url) as opened:
        yield opened


@pytest.fixture
def db(books: Books) -> Database:
    return books.database
