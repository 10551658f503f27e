"""Statements as ISO 20022 camt.053.001.08 (BankToCustomerStatementV08), for accounting systems.

https://www.iso20022.org/iso-20022-message-definitions
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from domain.ledger.kinds import Kind
from domain.statements.statements import Document, Item, Pages
from domain.statements.xml_text import element, text

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

_HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>\n'
_MICROSECOND = timedelta(microseconds=1)


async def render(document: Document, pages: Pages) -> AsyncIterator[bytes]:
    """The file, a page at a time. Each amount is by how much the balance changed: with its fee."""
    yield (_HEAD + _header(document) + "<Stmt>" + _summary(document) + "\n").encode()
    async for items in pages:
        yield "".join(_entry(document, item) for item in items).encode()
    yield (_seal(document) + "</Stmt></BkToCstmrStmt></Document>\n").encode()


def reference(of: UUID) -> str:
    """A reference in 32 hexadecimal digits: the standard has room for 35 characters."""
    return of.hex


def _header(document: Document) -> str:
    period = document.period
    # Files of one period with the same content have the same name.
    message = (
        f"{period.first_day:%Y%m%d}-{period.last_day:%Y%m%d}-{document.statement.totals.through}"
    )
    created = element("CreDtTm", _time(document, document.created_at))
    return element("GrpHdr", element("MsgId", message[:35]), created)


def _summary(document: Document) -> str:
    period, owner, totals = document.period, document.owner, document.statement.totals
    identifier = f"{period.first_day:%Y%m%d}-{period.last_day:%Y%m%d}"
    last = document.balance_at - _MICROSECOND
    net_minor = totals.closing_minor - totals.opening_minor
    net = element(
        "TtlNetNtry",
        element("Amt", document.amount(abs(net_minor))),
        element("CdtDbtInd", _indicator(net_minor)),
    )
    return "".join(
        (
            element("Id", identifier),
            element("CreDtTm", _time(document, document.created_at)),
            element(
                "FrToDt",
                element("FrDtTm", _time(document, period.start)),
                element("ToDtTm", _time(document, period.end - _MICROSECOND)),
            ),
            element(
                "Acct",
                element("Id", element("Othr", element("Id", reference(owner.user_id)))),
                element("Ccy", document.currency.code),
                element("Ownr", text("Nm", owner.name, 140)),
            ),
            _balance(document, "OPBD", totals.opening_minor, period.first_day.isoformat()),
            _balance(document, "CLBD", totals.closing_minor, period.local(last).date().isoformat()),
            element(
                "TxsSummry",
                element("TtlNtries", element("NbOfNtries", str(totals.count)), net),
                element("TtlCdtNtries", element("Sum", document.amount(totals.incoming_minor))),
                element(
                    "TtlDbtNtries",
                    element("Sum", document.amount(totals.outgoing_minor + totals.fees_minor)),
                ),
            ),
        )
    )


def _balance(document: Document, code: str, amount_minor: int, day: str) -> str:
    return element(
        "Bal",
        element("Tp", element("CdOrPrtry", element("Cd", code))),
        _amount(document, amount_minor),
        element("CdtDbtInd", _indicator(amount_minor)),
        element("Dt", element("Dt", day)),
    )


def _entry(document: Document, item: Item) -> str:
    entry, known = item.entry, reference(item.entry.reference)
    is_credit = item.net_minor > 0
    parties = ""
    if item.counterparty:
        party = element("Pty", text("Nm", item.counterparty, 140))
        parties = element("RltdPties", element("Dbtr" if is_credit else "Cdtr", party))
    note = text("Ustrd", entry.note or "", 140)
    details = element(
        "TxDtls",
        element("Refs", element("AcctSvcrRef", known), element("EndToEndId", known)),
        _amount(document, item.net_minor),
        element("CdtDbtInd", _indicator(item.net_minor)),
        element("AmtDtls", element("TxAmt", _amount(document, entry.amount_minor))),
        parties,
        element("RmtInf", note) if note else "",
    )
    return (
        element(
            "Ntry",
            element("NtryRef", known),
            _amount(document, item.net_minor),
            element("CdtDbtInd", _indicator(item.net_minor)),
            "<RvslInd>true</RvslInd>" if entry.kind is Kind.REVERSAL else "",
            "<Sts><Cd>BOOK</Cd></Sts>",
            element("BookgDt", element("DtTm", _time(document, entry.created_at))),
            element(
                "ValDt", element("Dt", document.period.local(entry.created_at).date().isoformat())
            ),
            element("AcctSvcrRef", known),
            element("BkTxCd", element("Prtry", element("Cd", entry.kind.name))),
            _charges(document, entry.fee_minor) if entry.fee_minor else "",
            element("NtryDtls", details),
            text("AddtlNtryInf", item.title, 500),
        )
        + "\n"
    )


def _charges(document: Document, fee_minor: int) -> str:
    fee = _amount(document, fee_minor)
    record = element("Rcrd", fee, "<CdtDbtInd>DBIT</CdtDbtInd>", "<ChrgInclInd>true</ChrgInclInd>")
    return element(
        "Chrgs",
        element("TtlChrgsAndTaxAmt", document.amount(fee_minor), Ccy=document.currency.code),
        record,
    )


def _seal(document: Document) -> str:
    receipt = document.statement.receipt
    return text("AddtlStmtInf", f"Seal of the last entry: {receipt}", 500) if receipt else ""


def _amount(document: Document, amount_minor: int) -> str:
    return element("Amt", document.amount(abs(amount_minor)), Ccy=document.currency.code)


def _indicator(amount_minor: int) -> str:
    return "CRDT" if amount_minor >= 0 else "DBIT"


def _time(document: Document, instant: datetime) -> str:
    return document.period.local(instant).isoformat()
