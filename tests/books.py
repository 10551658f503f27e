"""Users with ledgers, created directly in a migrated database, and money moved through the real ledger."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain import ids, text
from domain.authority import Session
from domain.ledger import money, transfers
from domain.ledger.add_balance import AddBalance
from domain.ledger.pay_request import PayRequest, RequestOf
from domain.ledger.send_money import SendMoney
from domain.people.sessions import Principal
from domain.requests.payment_requests import Draft, PaymentRequest
from persistence.audit import audit
from persistence.engine.database import Database
from persistence.ledger import entry_views
from persistence.ledger.ledger import Ledger, Movement
from persistence.requests import requesting
from tests import row_changes

LIMITS = money.limits(
    "USD", maximum_transfer="10000", maximum_top_up="10000", maximum_balance="1000000"
)

#: Of the ledger.
_CONNECTIONS = 4
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Someone:
    """A verified user who is signed in."""

    user_id: UUID
    session_id: UUID
    name: str
    email: str

    @property
    def authority(self) -> Session:
        """The user, signed in."""
        return Session(self.user_id, self.session_id)

    @property
    def principal(self) -> Principal:
        """The principal of the session."""
        return Principal(self.user_id, session_id=self.session_id)


def adding(someone: Someone, amount: str = "1") -> AddBalance:
    """A command that tops up an account, with a key of its own."""
    return AddBalance(
        authority=someone.authority,
        amount=Decimal(amount),
        idempotency_key=f"key-of-a-test-{next(_numbers)}",
        reference=ids.new_id(),
    )


def sending(
    sender: Someone,
    recipient: Someone,
    amount: str = "0.01",
    *,
    note: str | None = None,
    key: str | None = None,
) -> SendMoney:
    """A command that sends money from one to the other, with a key of its own if none is given."""
    return SendMoney(
        authority=sender.authority,
        recipient_id=recipient.user_id,
        amount=Decimal(amount),
        note=note,
        idempotency_key=key or f"key-of-a-test-{next(_numbers)}",
        reference=ids.new_id(),
    )


def paying(payer: Someone, request: PaymentRequest, *, key: str | None = None) -> PayRequest:
    """A command that pays the request, with a key of its own if none is given."""
    return PayRequest(
        authority=payer.authority,
        asked=RequestOf(request.requester_id, request.request_id),
        idempotency_key=key or f"key-of-a-test-{next(_numbers)}",
        reference=ids.new_id(),
    )


@dataclass
class Books:
    """A database with users."""

    url: str
    database: Database
    ledger: Ledger
    connection: row_changes.Connection

    def join(self, name: str = "Zoë") -> Someone:
        """A new user without money."""
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

    async def pair(self, amount: str = "10") -> tuple[Someone, Someone]:
        """Alpha, with that amount, and Beta, without money."""
        alpha, beta = self.join("Alpha"), self.join("Beta")
        await self.add(alpha, amount)
        return alpha, beta

    async def add(self, someone: Someone, amount: str = "1") -> Movement:
        """Top up an account."""
        return await self.ledger.move(adding(someone, amount))

    async def send(
        self, sender: Someone, recipient: Someone, amount: str = "0.01", note: str | None = None
    ) -> Movement:
        """Send money from one to the other."""
        return await self.ledger.move(sending(sender, recipient, amount, note=note))

    def balances(self, *people: Someone) -> list[int]:
        """The balances, in minor units."""
        rows = self.connection.execute("SELECT id, balance FROM users").fetchall()
        found = dict(rows)
        return [found[person.user_id] for person in people]  # type: ignore[misc]

    async def assert_clean(self) -> None:
        """Assert that the audit finds nothing."""
        assert (await audit.audit(self.database)).findings == []


async def on_each_connection(books: Books, statement: str) -> None:
    """Execute it on each connection that the ledger has open."""
    async with contextlib.AsyncExitStack() as taken:
        for _ in range(_CONNECTIONS):
            connection = await taken.enter_async_context(books.ledger._pool.one())
            await connection.execute(statement.encode())


async def requesting_money(
    books: Books,
    requester: Someone,
    payer: Someone | None,
    amount: str = "0.01",
    *,
    note: str | None = None,
) -> PaymentRequest:
    """A new payment request; open without a payer."""
    payer_id = None if payer is None else payer.user_id
    draft = Draft(requester.user_id, payer_id, payer is None, Decimal(amount), note, None)
    key = f"key-of-a-test-{next(_numbers)}"
    request, _ = await requesting.create(books.database, requester.principal, draft, key, LIMITS)
    return request


async def lines_of(
    db: Database, user_id: UUID, *, after: int = 0, limit: int = 100
) -> list[transfers.Entry]:
    """The entries of a user's ledger, oldest first."""
    position = (user_id, after)
    found = await entry_views.after(db, [position], limit)
    return [view.entry for view in found.get(position, [])]


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Books]:
    """Ledgers in the migrated database with that URL."""
    database = await Database.open(url, pool_size=4)
    ledger = await Ledger.open(url, LIMITS, connections=_CONNECTIONS)
    try:
        with row_changes.Connection.open(url) as connection:
            yield Books(url, database, ledger, connection)
    finally:
        await ledger.close()
        await database.close()
