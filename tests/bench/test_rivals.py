"""The transfer that the rivals call is equivalent to `sendMoney`, in batches too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from bench import bare, users
from domain.ledger import seals
from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import Entry
from persistence.audit import audit
from persistence.engine.database import Database

# The rivals are written for one PostgreSQL.
pytestmark = pytest.mark.undistributed

Connection = psycopg.Connection[dict[str, Any]]
Command = tuple[UUID, UUID, int, str]
ONE, TWO, THREE = (users.person_id(number) for number in (1, 2, 3))
NOBODY = users.person_id(99)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    users.create(database_url, 3)
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as opened:
        bare.prepare(database_url)
        yield opened
        sent = opened.execute("SELECT count(*) FROM transactions WHERE direction = 'outgoing'")
        [moved] = sent.fetchall()
    bare.check_ledgers(database_url, moved["count"])


def alone(connection: Connection, commands: list[Command]) -> list[dict[str, Any]]:
    query = "SELECT * FROM bench_transfer(%s, %s, %s, %s)"
    return [connection.execute(query, command).fetchall()[0] for command in commands]


def together(connection: Connection, commands: list[Command]) -> list[dict[str, Any]]:
    columns = [list(column) for column in zip(*commands, strict=True)]
    query = "SELECT * FROM bench_transfers(%s, %s, %s::bigint[], %s)"
    return connection.execute(query, columns).fetchall()


WAYS = [alone, together]


@pytest.mark.parametrize("transfer", WAYS)
def test_each_has_an_outcome_of_its_own(connection: Connection, transfer: Any) -> None:
    everything = users.OPENING_BALANCE_MINOR
    outcomes = transfer(
        connection,
        [
            (ONE, TWO, everything, "key-0001"),
            (ONE, TWO, 1, "key-0002"),
            (TWO, THREE, everything + 5, "key-0003"),
            (TWO, NOBODY, 1, "key-0004"),
            (THREE, ONE, 10, "key-0005"),
        ],
    )
    assert [each["outcome"] for each in outcomes] == [
        "Sent", "InsufficientFunds", "Sent", "RecipientNotFound", "Sent",
    ]  # fmt: skip
    assert [each["balance"] for each in outcomes if each["outcome"] == "Sent"] == [
        0, everything - 5, 2 * everything - 5,
    ]  # fmt: skip
    assert [each["sequence"] for each in outcomes] == [2, None, 3, None, 3]
    assert outcomes[0]["recipient_name"] == "Person 2"
    written = connection.execute(
        "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    ).fetchall()
    assert written == [{"count": 6}]


@pytest.mark.parametrize("transfer", WAYS)
def test_a_key_moves_once(connection: Connection, transfer: Any) -> None:
    first, other = transfer(connection, [(ONE, TWO, 5, "key-0001"), (TWO, THREE, 5, "key-0001")])
    again, reused = transfer(connection, [(ONE, TWO, 5, "key-0001"), (TWO, THREE, 6, "key-0001")])
    assert (first["replayed"], other["outcome"], again["replayed"]) == (False, "Sent", True)
    told = ("reference", "sequence", "balance", "posted_at")
    assert [again[name] for name in told] == [first[name] for name in told]
    assert reused["outcome"] == "KeyReused"


def test_what_is_read_under_the_locks_can_be_sealed_and_written(
    connection: Connection, database_url: str
) -> None:
    query = "SELECT bench_lock(%s, %s, %s, %s) AS found"
    [row] = connection.execute(query, [[ONE], [TWO], ["key-0001"], [ONE]]).fetchall()
    found = row["found"]
    accounts = {UUID(key): account for key, *account in found["accounts"]}
    assert (list(accounts), found["active"], found["posted"]) == ([ONE, TWO], [str(ONE)], None)
    reference = users.person_id(77)
    posted, changed = [], []
    for user_id, other_id, direction in (
        (ONE, TWO, Direction.OUTGOING),
        (TWO, ONE, Direction.INCOMING),
    ):
        _, balance, sequence, _, before, number = accounts[user_id]
        is_outgoing = direction is Direction.OUTGOING
        entry = Entry(
            user_id, sequence + 1, reference, Kind.TRANSFER, direction, 5, 0, other_id, None,
            balance + (-5 if is_outgoing else 5),
            datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=found["now"]),
            "key-0001" if is_outgoing else None,
        )  # fmt: skip
        seal = seals.seal(b"", entry, bytes.fromhex(before)).hex()
        told = None if is_outgoing else number + 1
        posted.append(
            {
                "user": str(user_id), "sequence": sequence + 1, "reference": str(reference),
                "direction": direction.value, "amount": 5, "counterparty": str(other_id),
                "balance": entry.balance_after_minor, "created": found["now"],
                "key": entry.idempotency_key, "seal": seal, "number": told,
            }
        )  # fmt: skip
        changed.append(
            {
                "id": str(user_id), "balance": entry.balance_after_minor, "sequence": sequence + 1,
                "posted": found["now"], "seal": seal, "number": told or number,
            }
        )  # fmt: skip
    connection.execute("SELECT bench_write(%s, %s)", [json.dumps(changed), json.dumps(posted)])
    assert asyncio.run(_findings(database_url)) == []


async def _findings(database_url: str) -> list[str]:
    database = await Database.open(database_url)
    try:
        return [finding.sentence for finding in (await audit.audit(database)).findings]
    finally:
        await database.close()
