"""Statements as CSV (RFC 4180), in UTF-8 with a byte order mark, by which spreadsheets know the encoding."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from domain.statements.statements import Document, Item, Pages

COLUMNS = (
    "Date",
    "Posted at",
    "Sequence",
    "Reference",
    "Kind",
    "Counterparty",
    "Note",
    "Amount",
    "Fee",
    "Net",
    "Balance",
    "Currency",
    "Seal",
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: What makes a cell a formula for a spreadsheet (OWASP, "CSV Injection"). Where decimals have a comma, as in most
#: of Europe, spreadsheets also begin a cell after a semicolon, without regard to the quotes around all of it.
_FORMULA_STARTS = re.compile("(?:^|(?<=;)) *(?=[=+\\-@\t\r\n＝＋－＠])")


async def render(document: Document, pages: Pages) -> AsyncIterator[bytes]:
    """The file, a page at a time. Amounts are plain numbers, with a point and without separators."""
    yield _BYTE_ORDER_MARK + _line([text(column) for column in COLUMNS]).encode()
    async for items in pages:
        yield "".join(_line(_cells(document, item)) for item in items).encode()


def text(value: str) -> str:
    """The quoted cell of a text, which no spreadsheet takes for a formula."""
    value = _FORMULA_STARTS.sub(r"'\g<0>", value)
    return '"{}"'.format(value.replace('"', '""'))


def _cells(document: Document, item: Item) -> list[str]:
    entry, posted_at = item.entry, document.period.local(item.entry.created_at)
    return [
        posted_at.date().isoformat(),
        posted_at.isoformat(),
        str(entry.sequence),
        text(str(entry.reference)),
        text(entry.kind.name),
        text(item.counterparty or ""),
        text(entry.note or ""),
        document.amount(item.amount_minor),
        document.amount(-entry.fee_minor),
        document.amount(item.net_minor),
        document.amount(entry.balance_after_minor),
        document.currency.code,
        text(item.seal),
    ]


def _line(cells: list[str]) -> str:
    return ",".join(cells) + "\r\n"
