"""A migrated database for each test, with users."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from persistence.engine.database import Database
from tests import books as test_books
from tests.books import Books


@pytest.fixture
async def books(database_url: str, anyio_backend: object) -> AsyncIterator[Books]:
    async with test_books.opened(database_url) as opened:
        yield opened


@pytest.fixture
def db(books: Books) -> Database:
    return books.database
