"""Proving the books: every kind of damage, and the rows at fault."""

from __future__ import annotations

from persistence.database import Database


async def audit(db: Database) -> None:
    raise NotImplementedError
