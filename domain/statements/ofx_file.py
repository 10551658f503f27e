"""Statements as OFX 2.2, for bookkeeping programs. FITID, which identifies a transaction, is its reference.

https://financialdataexchange.org/ofx
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from domain.statements.periods import Period
from domain.statements.statements import Document, Item, Pages
from domain.statements.xml_text import element, text

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
)
#: The name of the institution, whose codes have at most nine characters.
_BANK = "MINIWALLT"
_SUCCESS = "<STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>"
#: OFX has times to the millisecond; a period ends one before the next begins.
_MILLISECOND = timedelta(milliseconds=1)


async def render(document: Document, pages: Pages) -> AsyncIterator[bytes]:
    """The file, a page at a time. Each amount is by how much the balance changed: with its fee."""
    yield _begin(document).encode()
    async for items in pages:
        yield "".join(_transaction(document, item) for item in items).encode()
    yield _end(document).encode()


def account_id(user_id: UUID) -> str:
    """The account as OFX can name it: 22 characters."""
    return base64.urlsafe_b64encode(user_id.bytes).rstrip(b"=").decode()


def time(instant: datetime, period: Period) -> str:
    """The instant on the clocks of the period's zone, such as 20261128164001.123[+1.00:CET]."""
    local = period.local(instant)
    offset = local.utcoffset() or timedelta()
    minutes = abs(offset) // timedelta(minutes=1)
    sign = "-" if offset < timedelta() else "+"
    # Names of zones that are numbers, such as +03, would be taken for offsets.
    name = f":{local.tzname()}" if (local.tzname() or "").isalpha() else ""
    written = f"{local:%Y%m%d%H%M%S}.{local.microsecond // 1000:03}"
    return f"{written}[{sign}{minutes // 60}.{minutes % 60:02}{name}]"


def _begin(document: Document) -> str:
    period = document.period
    institution = element("FI", element("ORG", "Mini Wallet"), element("FID", _BANK))
    signed_on = element(
        "SONRS",
        _SUCCESS,
        element("DTSERVER", time(document.created_at, period)),
        element("LANGUAGE", "ENG"),
        institution,
    )
    account = element(
        "BANKACCTFROM",
        element("BANKID", _BANK),
        element("ACCTID", account_id(document.owner.user_id)),
        element("ACCTTYPE", "CHECKING"),
    )
    return "".join(
        (
            _HEAD,
            "<OFX>",
            element("SIGNONMSGSRSV1", signed_on),
            f"<BANKMSGSRSV1><STMTTRNRS><TRNUID>0</TRNUID>{_SUCCESS}<STMTRS>",
            element("CURDEF", document.currency.code),
            account,
            "<BANKTRANLIST>",
            element("DTSTART", time(period.start, period)),
            element("DTEND", time(period.end - _MILLISECOND, period)),
            "\n",
        )
    )


def _transaction(document: Document, item: Item) -> str:
    entry = item.entry
    memo = [entry.note or ""]
    if entry.fee_minor:
        memo.append(f"Includes a fee of {document.amount(entry.fee_minor)}.")
    name = item.counterparty or item.title
    return (
        element(
            "STMTTRN",
            element("TRNTYPE", "CREDIT" if item.net_minor > 0 else "DEBIT"),
            element("DTPOSTED", time(entry.created_at, document.period)),
            element("TRNAMT", document.amount(item.net_minor)),
            element("FITID", str(entry.reference)),
            text("NAME", name, 32),
            text("EXTDNAME", name, 100) if len(name) > 32 else "",
            text("MEMO", " ".join(part for part in memo if part), 255),
        )
        + "\n"
    )


def _end(document: Document) -> str:
    statement, period = document.statement, document.period
    totals = statement.totals
    opening = element(
        "BAL",
        element("NAME", "Opening balance"),
        element("DESC", "The balance before the first transaction"),
        element("BALTYPE", "DOLLAR"),
        element("VALUE", document.amount(totals.opening_minor)),
        element("DTASOF", time(period.start, period)),
    )
    closing = element(
        "LEDGERBAL",
        element("BALAMT", document.amount(totals.closing_minor)),
        element("DTASOF", time(document.balance_at - _MILLISECOND, period)),
    )
    seal = f"Seal of the last transaction: {statement.receipt}" if statement.receipt else ""
    return "".join(
        (
            "</BANKTRANLIST>",
            closing,
            element("BALLIST", opening),
            text("MKTGINFO", seal, 360),
            "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n",
        )
    )
