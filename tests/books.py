"""People with books, made straight in a migrated database, and money moved through the real ledger."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import psycopg

from domain import ids, money, text, transfers
from persistence.database import Database
from persistence.ledger import Ledger, Movement

LIMITS = money.limits(
    "USD", maximum_transfer="10000", maximum_top_up="10000", maximum_balance="1000000"
)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Someone:
    """A verified person who is signed in."""

    user_id: UUID
    session_id: UUID
    name: str
    email: str


@dataclass
class Books:
    """A database with people in it."""

    url: str
    database: Database
    ledger: Ledger
    connection: psycopg.Connection[tuple[object, ...]]

    def join(self, name: str = "Zoë") -> Someone:
        """Somebody new, with nothing in the wallet."""
        user_id, session_id = ids.new_id(), ids.new_id()
        email = f"person.{next(_numbers)}@example.com"
        self.connection.execute(
            "INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash) "
            "VALUES (%s, %s, %s, %s, now(), '-')",
            [user_id, name, text.search_text(name), email],
        )
        self.connection.execute(
            "INSERT INTO email_addresses (address, user_id) VALUES (%s, %s)", [email, user_id]
        )
        self.connection.execute(
            "INSERT INTO sessions (user_id, id, created_at, last_used_at, generation, refresh_hash, "
            "rotated_at) VALUES (%s, %s, now(), now(), 1, %s, now())",
            [user_id, session_id, bytes(32)],
        )
        return Someone(user_id, session_id, name, email)

    async def add(self, someone: Someone, amount: str = "1") -> Movement:
        """Top somebody's wallet up."""
        return await self.ledger.move(
            transfers.AddBalance(
                user_id=someone.user_id,
                amount=Decimal(amount),
                idempotency_key=f"key-of-a-test-{next(_numbers)}",
                reference=ids.new_id(),
                session_id=someone.session_id,
            )
        )

    async def send(
        self, sender: Someone, recipient: Someone, amount: str = "0.01", note: str | None = None
    ) -> Movement:
        """Move money from one to the other."""
        return await self.ledger.move(
            transfers.SendMoney(
                user_id=sender.user_id,
                recipient_id=recipient.user_id,
                amount=Decimal(amount),
                note=note,
                idempotency_key=f"key-of-a-test-{next(_numbers)}",
                reference=ids.new_id(),
                session_id=sender.session_id,
            )
        )


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Books]:
    """Books in the migrated database at that address."""
    database = await Database.open(url, pool_size=4)
    ledger = await Ledger.open(url, LIMITS, connections=4)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            yield Books(url, database, ledger, connection)
    finally:
        await ledger.close()
        await database.close()
