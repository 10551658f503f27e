"""What the connection to the database promises to everybody who uses it."""

from __future__ import annotations

import pytest
from sqlalchemy import exc, text

from persistence.database import Database


async def test_a_statement_that_fails_does_not_repeat_what_it_was_given(db: Database) -> None:
    with pytest.raises(exc.DBAPIError) as failed:
        async with db.transaction() as connection:
            await connection.execute(
                text("SELECT 1 / CAST(:zero AS int) WHERE :given = :given"),
                {"zero": 0, "given": "four walls and a roof"},
            )
    assert "four walls" not in str(failed.value)
