"""Read statements of an account, and the files that show them; the caller has checked the scope."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from application.services import Services
from domain import errors
from domain.people.sessions import Principal
from domain.statements import camt053_file, csv_file, links, ofx_file, periods
from domain.statements.statements import (
    Document,
    Format,
    Item,
    Owner,
    Pages,
    Render,
    Statement,
    Totals,
)
from persistence.ledger import period_totals

#: Entries that are read and rendered at once: a few milliseconds in which the process does nothing else.
_PAGE_ENTRIES = 250


@dataclass(frozen=True, slots=True)
class File:
    """A file to download."""

    name: str
    media_type: str
    content: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class _Kind:
    suffix: str
    media_type: str


_KINDS: Mapping[Format, _Kind] = {
    Format.PDF: _Kind("pdf", "application/pdf"),
    Format.CSV: _Kind("csv", "text/csv; charset=utf-8; header=present"),
    Format.OFX: _Kind("ofx", "application/x-ofx"),
    Format.CAMT_053: _Kind("xml", "application/xml; charset=utf-8"),
}
_RENDERERS: Mapping[Format, Render] = {
    Format.CSV: csv_file.render,
    Format.OFX: ofx_file.render,
    Format.CAMT_053: camt053_file.render,
}


async def statement(
    services: Services, user_id: UUID, first_day: date, last_day: date, time_zone: str
) -> Statement:
    """The statement for a range of dates in that time zone, both inclusive.

    Raises InvalidInput for dates that no statement has, or RateLimited if too many of the user's searches
    are waiting.
    """
    period = periods.period(first_day, last_day, time_zone, services.clock())
    async with services.searches.turn(user_id):
        totals = await period_totals.totals(services.database, user_id, period.start, period.end)
    return Statement(user_id, period, totals)


def link(
    services: Services, principal: Principal, of_statement: Statement, file_format: Format
) -> str:
    """The address of a file that says what the statement says, for five minutes."""
    named = links.Link(
        principal,
        of_statement.period,
        of_statement.totals.through,
        file_format,
        services.clock(),
    )
    token = links.render(named, links.keyring(services.settings.jwt_secrets))
    return f"{services.settings.app_url}{links.PATH}{token}"


async def opened(services: Services, token: str) -> links.Link:
    """What the last part of a link's path gives access to.

    Raises NotFound if it is not genuine, LinkExpired, Unauthenticated if the session or API token that made
    it has ended, or Unavailable.
    """
    keys = links.keyring(services.settings.jwt_secrets)
    found = links.read(token, keys, services.clock())
    await services.live.ensure_active(found.principal)
    return found


async def file(services: Services, of_link: links.Link, typeset: Render) -> File:
    """The file of a link; `typeset` makes a PDF. Raises Unavailable."""
    user_id, period = of_link.principal.user_id, of_link.period
    owner = await services.person(user_id)
    if owner is None:
        raise errors.NotFound
    totals = await period_totals.totals(
        services.database, user_id, period.start, period.end, through=of_link.through
    )
    document = Document(
        Statement(user_id, period, totals),
        Owner(user_id, owner.name, owner.email),
        services.limits.currency,
        of_link.created_at,
        services.settings.app_url,
    )
    kind = _KINDS[of_link.format]
    render = _RENDERERS.get(of_link.format, typeset)
    return File(
        f"statement-{period.first_day}-to-{period.last_day}.{kind.suffix}",
        kind.media_type,
        render(document, _pages(services, user_id, totals)),
    )


async def _pages(services: Services, user_id: UUID, totals: Totals) -> Pages:
    after = totals.after
    while after < totals.through:
        found = await period_totals.entries(
            services.database, user_id, after=after, through=totals.through, limit=_PAGE_ENTRIES
        )
        named = {entry.counterparty_id for entry in found if entry.counterparty_id is not None}
        people = await services.people.get(named) if named else {}
        yield [
            Item(entry, people[entry.counterparty_id].name)
            if entry.counterparty_id in people
            else Item(entry, None)
            for entry in found
        ]
        after = found[-1].sequence
