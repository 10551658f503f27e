"""Statements as data for the template of the PDF: every text with its direction, every amount as shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from domain.ledger.kinds import Direction
from domain.statements.statements import Document, Item, Pages

#: A longer word is broken at any character.
_WORD_CHARACTERS = 24
_LONG_WORD = re.compile(rf"\S{{{_WORD_CHARACTERS + 1},}}")
#: A longer name is not kept on one line.
_LINE_CHARACTERS = 36
_MINUS = "\u2212"


async def parts(document: Document, pages: Pages) -> AsyncIterator[dict[str, Any]]:
    """The head, then the rows of each page, then an empty part."""
    yield {"head": head(document)}
    async for items in pages:
        yield {"rows": [row(document, item) for item in items]}
    yield {}


def head(document: Document) -> dict[str, Any]:
    """What the first and the last page say about the whole statement."""
    period, owner, totals = document.period, document.owner, document.statement.totals
    requested = period.local(document.created_at)
    days = f"{_long(period.first_day)} to {_long(period.last_day)}"
    lines = [
        ["Opening balance", amount(document, totals.opening_minor)],
        ["Money in", amount(document, totals.incoming_minor)],
        ["Money out", amount(document, -totals.outgoing_minor)],
    ]
    if totals.fees_minor:
        lines.append(["Fees", amount(document, -totals.fees_minor)])
    return {
        "title": "Account statement",
        "issuer": "Mini Wallet",
        "address": urlsplit(document.issuer).netloc,
        "name": directed(owner.name),
        "email": owner.email,
        "period": days,
        "facts": [
            ["Currency", document.currency.code],
            ["Transactions", f"{totals.count:,}"],
            ["Time zone", period.time_zone],
            ["Created", f"{_long(requested.date())}, {requested:%H:%M}"],
        ],
        "totals": lines,
        "closing": f"{amount(document, totals.closing_minor)} {document.currency.code}",
        "last_day": _long(period.last_day),
        "has_fees": totals.fees_minor > 0,
        "widest": _widest(document),
        "seal": document.statement.receipt,
        "footer": f"Account statement, {days}",
    }


def row(document: Document, item: Item) -> dict[str, Any]:
    """One entry."""
    entry = item.entry
    posted_at = document.period.local(entry.created_at)
    return {
        "date": posted_at.date().isoformat(),
        "time": f"{posted_at:%H:%M}",
        "title": _title(item),
        "note": None if entry.note is None else directed(entry.note),
        "amount": amount(document, item.amount_minor),
        "fee": amount(document, -entry.fee_minor),
        "balance": amount(document, entry.balance_after_minor),
        "incoming": entry.direction is Direction.INCOMING,
    }


def amount(document: Document, amount_minor: int) -> str:
    """The amount with separators, such as −1,234.50."""
    return f"{document.whole_units(amount_minor):,f}".replace("-", _MINUS)


def directed(text: str) -> dict[str, Any]:
    """The text in pieces (`_pieces`), and whether it runs from right to left.

    It runs as its first strong character does (UAX #9, P2).
    """
    return {"pieces": _pieces(text), "rtl": is_right_to_left(text)}


def is_right_to_left(text: str) -> bool:
    """Whether the first strong character outside of isolates is from a script that runs that way."""
    depth = 0
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("LRI", "RLI", "FSI"):
            depth += 1
        elif kind == "PDI":
            depth = max(0, depth - 1)
        elif not depth and kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def _title(item: Item) -> dict[str, Any]:
    """What happened, and the name of the counterparty, which has a direction of its own."""
    name = item.counterparty
    if name is None:
        return {"words": item.title, "name": None, "together": False}
    words = item.title.removesuffix(name).rstrip()
    return {"words": words, "name": directed(name), "together": len(name) <= _LINE_CHARACTERS}


def _widest(document: Document) -> list[str]:
    """Amounts that are as long as the longest of each column can be."""
    totals = document.statement.totals
    columns = [-max(totals.incoming_minor, totals.outgoing_minor)]
    if totals.fees_minor:
        columns.append(-totals.fees_minor)
    columns.append(totals.opening_minor + totals.incoming_minor)
    return [re.sub("[0-9]", "0", amount(document, each)) for each in columns]


def _pieces(text: str) -> list[str | list[str]]:
    """The text, with the words that are longer than a line could be as lists of their parts."""
    pieces: list[str | list[str]] = []
    place = 0
    for word in _LONG_WORD.finditer(text):
        pieces.append(text[place : word.start()])
        starts = range(word.start(), word.end(), _WORD_CHARACTERS)
        pieces.append([text[start : min(start + _WORD_CHARACTERS, word.end())] for start in starts])
        place = word.end()
    return [*pieces, text[place:]]


def _long(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"
