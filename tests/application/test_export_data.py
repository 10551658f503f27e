"""Exports: complete, without secrets, stored in parts, attempted again, and deleted."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from application import export_data
from domain import errors
from domain.exports import data_exports
from domain.exports.archive import Archive
from domain.exports.data_exports import DataExport, ExportStatus
from domain.ledger import money
from persistence import retention
from persistence.audit import audit
from persistence.engine.database import Database
from persistence.leaving import closing, exports
from tests.books import LIMITS, Books, Someone, opened
from tests.persistence.lived_in import lived_in

pytestmark = pytest.mark.anyio


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with opened(database_url) as opened_books:
        yield opened_books


@dataclass(frozen=True)
class Worker:
    database: Database
    currency: money.Currency = LIMITS.currency
    app_url: str = "https://wallet.example.org"


async def export(books: Books, someone: Someone) -> DataExport:
    """A new export of the user, made by a worker."""
    await exports.request(books.database, someone.principal)
    for user_id, export_id in await exports.due(books.database, 10):
        await export_data.execute(Worker(books.database), user_id, export_id)
    return (await exports.list_for(books.database, someone.user_id))[0]


async def read(books: Books, made: DataExport) -> zipfile.ZipFile:
    parts = [part async for part in exports.content(books.database, made)]
    assert sum(map(len, parts)) == made.size
    assert all(len(part) == data_exports.CHUNK_BYTES for part in parts[:-1])
    return zipfile.ZipFile(io.BytesIO(b"".join(parts)))


def records(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).splitlines()]


async def test_an_export_has_all_that_is_held_and_no_secret(books: Books) -> None:
    await lived_in(books)
    rows = books.connection.execute(
        "SELECT u.id, s.id, name, email FROM users AS u JOIN sessions AS s ON s.user_id = u.id "
        "WHERE name IN ('Alpha', 'Beta') ORDER BY name"
    ).fetchall()
    alpha = Someone(*rows[0])  # type: ignore[arg-type]
    made = await export(books, alpha)
    assert made.status is ExportStatus.READY
    archive = await read(books, made)
    assert archive.testzip() is None
    about = records(archive, "export.json")[0]
    for name, count in about["records"].items():
        if name.endswith(".jsonl"):
            assert len(records(archive, name)) == count
    # Every file is filled, except by what this user does not have.
    empty = {name for name, count in about["records"].items() if count == 0}
    assert empty == {"closed-keys.jsonl", "blocked-users.jsonl"}
    [profile] = records(archive, "profile.jsonl")
    assert (profile["name"], profile["email"]) == (alpha.name, alpha.email)
    assert {"sendingRestrictedUntil", "receivingRestrictedUntil", "addingRestrictedUntil"} <= {
        *profile
    }
    reasons = [action["reason"] for action in records(archive, "actions-of-operators.jsonl")]
    assert (
        reasons
        == books.connection.execute(
            "SELECT array_agg(reason ORDER BY position) FROM operator_records WHERE account_id = %s",
            [alpha.user_id],
        ).fetchone()[0]
    )  # type: ignore[index]
    entries = records(archive, "transactions.jsonl")
    rows = list(csv.DictReader(io.StringIO(archive.read("transactions.csv").decode("utf-8-sig"))))
    assert [entry["sequence"] for entry in entries] == [int(row["Sequence"]) for row in rows]
    assert [entry["seal"] for entry in entries] == [row["Seal"] for row in rows]
    assert {entry["counterparty"]["name"] for entry in entries if entry["counterparty"]} == {"Beta"}
    assert {"key": "branch", "value": "Köln"} in [
        pair for entry in entries for pair in entry["metadata"]
    ]
    answers = await audit.check_receipts(books.database, [e["seal"] for e in entries], [b""])
    assert all(answer.is_contained for answer in answers)
    everything = b"".join(archive.read(name) for name in archive.namelist()).lower()
    for secret in (b"hash", b"secret", b"encrypted", b"salt"):
        assert secret not in everything


async def test_one_export_is_made_at_a_time_and_a_worker_that_was_killed_is_replaced(
    books: Books,
) -> None:
    db, zoe = books.database, books.join()
    await exports.request(db, zoe.principal)
    await exports.request(db, zoe.principal)
    [(user_id, export_id)] = await exports.due(db, 10)
    killed = await exports.begin(db, user_id, export_id)
    assert killed is not None
    assert await exports.add_chunk(db, killed, 0, b"half of it")
    assert await exports.due(db, 10) == []
    books.connection.execute("UPDATE data_exports SET attempt_at = now()")
    await export_data.execute(Worker(db), user_id, export_id)
    # It was only slow.
    assert not await exports.add_chunk(db, killed, 1, b"the other half")
    await exports.finish(db, killed, 24)
    [made] = await exports.list_for(db, zoe.user_id)
    (await read(books, made)).testzip()
    told = books.connection.execute(
        "SELECT details ->> 'change', (SELECT count(*) FROM mails) FROM notifications"
    ).fetchall()
    assert told == [("data_exported", 1)]

    later = await export(books, zoe)
    assert await exports.list_for(db, zoe.user_id) == [later]
    with pytest.raises(data_exports.ExportExpired):
        await read(books, made)
    books.connection.execute("UPDATE data_exports SET expires_at = now()")
    assert (await retention.sweep(db))["data_exports"] == 1
    assert books.connection.execute("SELECT count(*) FROM data_export_chunks").fetchone() == (0,)


async def test_an_export_is_given_up_after_some_attempts_and_when_the_account_is_closed(
    books: Books,
) -> None:
    db = books.database
    zoe, leaver = books.join(), books.join()
    for someone in (zoe, leaver):
        await exports.request(db, someone.principal)
    for _ in range(data_exports.MAXIMUM_ATTEMPTS):
        [(user_id, export_id)] = [due for due in await exports.due(db, 10) if due[0] == zoe.user_id]
        assert await exports.begin(db, user_id, export_id) is not None
        books.connection.execute("UPDATE data_exports SET attempt_at = now()")
    await closing.close(db, leaver.principal, password_hash="-", limits=LIMITS)
    for due in await exports.due(db, 10):
        assert await exports.begin(db, *due) is None
    assert await exports.due(db, 10) == []
    statuses = books.connection.execute("SELECT DISTINCT status FROM data_exports").fetchall()
    assert statuses == [("FAILED",)]
    books.connection.execute("UPDATE sessions SET created_at = created_at - interval '2 hours'")
    with pytest.raises(errors.SessionNotConfirmed):
        await exports.request(db, zoe.principal)


def test_an_archive_holds_no_more_than_it_has_not_given_away() -> None:
    archive = Archive(datetime.now(UTC))
    chunks: list[bytes] = []
    held = 0
    with archive.file("a.jsonl") as file:
        for number in range(30_000):
            file.add({"number": number, "square": f"{number**17}"})
            taken = archive.take()
            chunks += taken
            held = max(held, len(archive._sink.content))
    chunks += archive.take(is_last=True)
    assert held < 2 * data_exports.CHUNK_BYTES
    assert len(chunks) > 3
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as read_again:
        assert len(read_again.read("a.jsonl").splitlines()) == 30_000
