"""Export all data held about a user: requested by its owner, made by a job, downloaded by its owner.

The archive is made of files of JSON Lines and a CSV of all transactions. It is read, compressed and stored a
page at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from domain.exports import data_exports
from domain.exports.archive import Archive, File
from domain.ledger import money
from domain.ledger.seals import Receipt
from domain.ledger.transfers import Entry
from domain.people.accounts import Person
from domain.statements import csv_file, periods
from domain.statements.statements import Document, Item, Owner, Statement, Totals
from persistence.engine.database import Database
from persistence.leaving import exports, held_data
from persistence.leaving.held_data import Section
from persistence.ledger import history, period_totals
from persistence.people import accounts

#: The version of the format, which docs/api.md describes.
FORMAT = 1

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class ExportServices(Protocol):
    """What making an export needs."""

    @property
    def database(self) -> Database: ...
    @property
    def currency(self) -> money.Currency: ...
    @property
    def app_url(self) -> str: ...


class _Superseded(Exception):
    """Another attempt has begun, or the account was closed."""


async def execute(services: ExportServices, user_id: UUID, export_id: UUID) -> None:
    """Attempt to make an export that is due. What remains of earlier attempts is deleted."""
    attempt = await exports.begin(services.database, user_id, export_id)
    if attempt is None:
        return
    position = size = 0
    try:
        async for chunk in _archive(services, user_id):
            if not await exports.add_chunk(services.database, attempt, position, chunk):
                return
            position, size = position + 1, size + len(chunk)
    except data_exports.TooLarge:
        await exports.fail(services.database, attempt)
        return
    await exports.finish(services.database, attempt, size)


async def _archive(services: ExportServices, user_id: UUID) -> AsyncIterator[bytes]:
    db, now = services.database, datetime.now(UTC)
    archive = Archive(now)
    counts: dict[str, int] = {}
    profile = await held_data.profile(db, user_id)
    totals = await period_totals.totals(db, user_id, _BEGINNING, now, through=profile["sequence"])
    render = _Rendering(db, services.currency)
    with archive.file("profile.jsonl") as file:
        file.add(await render.record(profile, frozenset({"balance", "confirm_above"}), frozenset()))
        counts["profile.jsonl"] = file.records
    for section in held_data.SECTIONS:
        with archive.file(f"{section.name}.jsonl") as file:
            async for page in section.pages(db, user_id):
                await _add(file, render, section, page)
                for chunk in archive.take():
                    yield chunk
            counts[f"{section.name}.jsonl"] = file.records
    with archive.file("transactions.jsonl") as file:
        async for entries in _entries(db, user_id, totals):
            await _add_transactions(file, render, db, entries)
            for chunk in archive.take():
                yield chunk
        counts["transactions.jsonl"] = file.records
    with archive.file("transactions.csv") as file:
        document = _document(services, user_id, profile, totals, now)
        async for part in csv_file.render(document, _pages(render, db, user_id, totals)):
            file.write(part)
            for chunk in archive.take():
                yield chunk
        counts["transactions.csv"] = totals.count
    with archive.file("export.json") as file:
        about = {"format": FORMAT, "createdAt": now, "issuer": services.app_url}
        file.add(
            {**about, "currency": services.currency.code, "userId": user_id, "records": counts}
        )
    for chunk in archive.take(is_last=True):
        yield chunk


async def _add(
    file: File, render: _Rendering, section: Section, page: list[Mapping[str, Any]]
) -> None:
    await render.know({row[column] for row in page for column in section.people})
    for row in page:
        record = {column: row[column] for column in section.columns}
        file.add(await render.record(record, section.amounts, section.people))


async def _add_transactions(
    file: File, render: _Rendering, db: Database, entries: list[Entry]
) -> None:
    await render.know({entry.counterparty_id for entry in entries})
    carrying = [(e.user_id, e.sequence) for e in entries if e.metadata_digest is not None]
    metadata = await history.metadata(db, carrying) if carrying else {}
    for entry in entries:
        pairs = metadata.get((entry.user_id, entry.sequence), ())
        file.add(
            {
                "sequence": entry.sequence,
                "reference": entry.reference,
                "kind": entry.kind.name,
                "direction": entry.direction.name,
                "amount": render.amount(entry.amount_minor),
                "fee": render.amount(entry.fee_minor),
                "counterparty": render.user(entry.counterparty_id),
                "note": entry.note,
                "metadata": [{"key": key, "value": value} for key, value in pairs],
                "balanceAfter": render.amount(entry.balance_after_minor),
                "createdAt": entry.created_at,
                "idempotencyKey": entry.idempotency_key,
                "apiTokenId": entry.api_token_id,
                "reverses": entry.reverses,
                "feeRefunded": render.amount(entry.fee_refunded_minor),
                "seal": Receipt.of(entry).render(),
            }
        )


async def _entries(db: Database, user_id: UUID, totals: Totals) -> AsyncIterator[list[Entry]]:
    after = 0
    while after < totals.through:
        found = await period_totals.entries(
            db, user_id, after=after, through=totals.through, limit=held_data.PAGE_RECORDS
        )
        if not found:
            return
        yield [*found]
        after = found[-1].sequence


async def _pages(
    render: _Rendering, db: Database, user_id: UUID, totals: Totals
) -> AsyncIterator[list[Item]]:
    async for entries in _entries(db, user_id, totals):
        await render.know({entry.counterparty_id for entry in entries})
        yield [Item(entry, render.name(entry.counterparty_id)) for entry in entries]


def _document(
    services: ExportServices,
    user_id: UUID,
    profile: Mapping[str, Any],
    totals: Totals,
    now: datetime,
) -> Document:
    zone = profile["time_zone"]
    period = periods.Period(profile["created_at"].date(), now.date(), zone)
    owner = Owner(user_id, profile["name"], profile["email"])
    statement = Statement(user_id, period, totals)
    return Document(statement, owner, services.currency, now, services.app_url)


class _Rendering:
    """Renders records as the API would: amounts as decimals, users by name, names in camel case."""

    #: As many users as are remembered.
    _MAXIMUM_KNOWN = 10_000

    def __init__(self, db: Database, currency: money.Currency) -> None:
        self._db = db
        self._currency = currency
        self._known: dict[UUID, Person] = {}

    async def know(self, user_ids: set[UUID | None]) -> None:
        """Look up users that records are about to name."""
        if len(self._known) > self._MAXIMUM_KNOWN:
            self._known.clear()
        missing = {each for each in user_ids if each is not None and each not in self._known}
        if missing:
            self._known |= await accounts.people(self._db, missing)

    async def record(
        self, row: Mapping[str, Any], amounts: frozenset[str], people: frozenset[str]
    ) -> dict[str, Any]:
        """The record of a row. The users in it are known."""
        record: dict[str, Any] = {}
        for column, value in row.items():
            if column in people:
                record[_camel(column.removesuffix("_id"))] = self.user(value)
            elif column in amounts:
                record[_camel(column)] = self.amount(value)
            else:
                record[_camel(column)] = value
        return record

    def amount(self, minor: int | None) -> str | None:
        """The amount in whole units, such as "12.34"."""
        return None if minor is None else str(money.Money(minor, self._currency).amount)

    def user(self, user_id: UUID | None) -> dict[str, Any] | None:
        """A user, as they are named now."""
        if user_id is None:
            return None
        known = self._known.get(user_id)
        handle = None if known is None else known.handle
        return {"id": user_id, "name": self.name(user_id), "handle": handle}

    def name(self, user_id: UUID | None) -> str | None:
        """The name of a user that is known."""
        known = None if user_id is None else self._known.get(user_id)
        return None if known is None else known.name


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
