"""Ledgers sealed with a key, manual changes to them, and what the audit reports."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain import ids
from domain.authority import ApiToken
from domain.ledger import metadata, money
from domain.ledger.seals import Receipt
from domain.ledger.send_money import SendMoney
from domain.people import sessions
from persistence.audit import audit, seals
from persistence.audit import receipts as audit_receipts
from persistence.people import api_tokens
from tests import row_changes
from tests.books import Books, Someone, lines_of

KEY = b"a key of the tests that is long enough"
FEES = money.limits(
    "USD", maximum_transfer="10000", maximum_top_up="10000", maximum_balance="1000000",
    fee_basis_points=100,
)  # fmt: skip


async def lived_in(books: Books) -> tuple[Someone, Someone]:
    """Two ledgers of six entries, with every field that a line can have."""
    alpha, beta = books.join("Alpha"), books.join("Beta")
    await books.add(alpha, "10")
    await books.add(beta, "10")
    await books.send(alpha, beta, "1", note='Für den Käse \\ "👩‍👩‍👧" {NULL}')
    await books.send(beta, alpha, "0.50")
    token, _ = await api_tokens.create(
        books.database, alpha.principal, name="till", scopes=[sessions.Scope.SEND_MONEY],
        daily_limit_minor=None, expires_at=None,
    )  # fmt: skip
    await books.ledger.move(
        SendMoney(
            authority=ApiToken(alpha.user_id, token.api_token_id), recipient_id=beta.user_id, amount=Decimal("0.10"), note="NULL",
            idempotency_key='a "token\'s" key', reference=ids.new_id(),
            metadata=metadata.of([("order", "A-17"), ("branch", "Köln")]),
        )
    )  # fmt: skip
    await books.send(beta, alpha, "0.25")
    await books.send(alpha, beta, "0.35")
    return alpha, beta


async def found(connection: AsyncConnection, key: bytes = KEY) -> list[str]:
    """The rows whose seals are at fault."""
    return [row async for row, _ in seals.faults(connection, key)]


async def said(connection: AsyncConnection) -> str:
    report = await audit.look(connection, audit_key=KEY)
    return "\n".join(f"{each.table} {each.key}: {each.sentence}" for each in report.findings)


_WITHOUT_CONSTRAINTS = """
DO $$
DECLARE
    each text;
BEGIN
    FOR each IN SELECT conname FROM pg_constraint
        WHERE conrelid = 'transactions'::regclass AND contype IN ('c', 'p', 'u', 'f')
    LOOP
        EXECUTE 'ALTER TABLE transactions DROP CONSTRAINT ' || quote_ident(each);
    END LOOP;
END
$$
"""


async def do(connection: AsyncConnection, *statements: str, **names: object) -> None:
    """Change data manually, without triggers and constraints."""
    await connection.exec_driver_sql(_WITHOUT_CONSTRAINTS)
    await connection.exec_driver_sql("ALTER TABLE transactions ALTER COLUMN seal DROP NOT NULL")
    await do_properly(connection, *statements, **names)


async def do_properly(connection: AsyncConnection, *statements: str, **names: object) -> None:
    """Change data manually, without triggers."""
    await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    for statement in statements:
        assert await row_changes.change(connection, statement, **names) != 0, statement


async def cut_off(connection: AsyncConnection, user_id: UUID, sequence: int) -> None:
    """Delete the entries of a ledger after that one, and adapt the user's row."""
    await do_properly(
        connection,
        "DELETE FROM transactions WHERE user_id = :one AND sequence > :sequence",
        "DELETE FROM outbox WHERE user_id = :one AND (payload ->> 'sequence')::bigint > :sequence",
        # In one statement, because there may be no notification to delete.
        "WITH deleted AS (DELETE FROM notifications WHERE user_id = :one AND sequence > :sequence "
        "RETURNING number) UPDATE users SET notification_number = (SELECT coalesce(max(number), 0) "
        "FROM notifications WHERE user_id = :one AND number NOT IN (SELECT number FROM deleted)) "
        "WHERE id = :one",
        "UPDATE users SET (sequence, balance, last_posted_at, book_seal) = (SELECT sequence, "
        "balance_after, created_at, seal FROM transactions WHERE user_id = :one "
        "AND sequence = :sequence) WHERE id = :one",
        one=user_id, sequence=sequence,
    )  # fmt: skip


async def receipt_of(books: Books, someone: Someone, sequence: int) -> str:
    [entry] = await lines_of(books.database, someone.user_id, after=sequence - 1, limit=1)
    return Receipt.of(entry).render()


async def asked(
    connection: AsyncConnection, *receipts: str, keys: tuple[bytes, ...] = (KEY,)
) -> str:
    answers = await audit_receipts.answers(connection, receipts, keys)
    assert [each.receipt for each in answers] == list(receipts)
    return "\n".join(f"{each.is_contained}: {each.sentence}" for each in answers)
