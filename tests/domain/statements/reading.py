"""Reads the files of statements back, as the programs that they are for do.

Their libraries are imported by the tests that use them, not by each process that collects tests.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID
from xml.etree import ElementTree

from domain.statements.camt053_file import NAMESPACE

if TYPE_CHECKING:
    import xmlschema

_SCHEMA = Path(__file__).parent / "schemas" / "camt.053.001.08.xsd"
_IN = {"c": NAMESPACE}


@dataclass(frozen=True)
class Read:
    """What a file says."""

    #: By how much each transaction changed the balance, by its reference.
    amounts: dict[UUID, Decimal]
    opening: Decimal | None
    closing: Decimal
    seal: str | None


@cache
def schema() -> xmlschema.XMLSchema:
    """The schema that ISO 20022 publishes."""
    import xmlschema

    return xmlschema.XMLSchema(str(_SCHEMA))


def read_csv(content: bytes) -> list[dict[str, str]]:
    """The records. The file is UTF-8 with a byte order mark, and its lines end as RFC 4180 says."""
    text = content.decode("utf-8-sig")
    assert content.startswith(b"\xef\xbb\xbf")
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def csv_statement(content: bytes) -> Read:
    rows = read_csv(content)
    for row in rows:
        assert Decimal(row["Amount"]) + Decimal(row["Fee"]) == Decimal(row["Net"])
    first = rows[0]
    return Read(
        {UUID(row["Reference"]): Decimal(row["Net"]) for row in rows},
        Decimal(first["Balance"]) - Decimal(first["Net"]),
        Decimal(rows[-1]["Balance"]),
        rows[-1]["Seal"],
    )


def ofx(content: bytes) -> Any:
    """The statement, parsed strictly."""
    from ofxtools.Parser import OFXTree

    tree = OFXTree()
    tree.parse(io.BytesIO(content))
    [statement] = tree.convert().statements
    return statement


def ofx_statement(content: bytes) -> Read:
    statement = ofx(content)
    [opening] = statement.ballist
    seal = statement.mktginfo
    return Read(
        {UUID(each.fitid): each.trnamt for each in statement.transactions},
        opening.value,
        statement.balance.balamt,
        seal.rpartition(" ")[2] if seal else None,
    )


def camt053(content: bytes) -> ElementTree.Element:
    """The statement, after the file was validated against the schema."""
    schema().validate(io.BytesIO(content))
    found = ElementTree.fromstring(content).find("c:BkToCstmrStmt/c:Stmt", _IN)
    assert found is not None
    return found


def camt053_statement(content: bytes) -> Read:
    statement = camt053(content)
    balances = {
        value(each, "Tp/CdOrPrtry/Cd"): _signed(each) for each in statement.findall("c:Bal", _IN)
    }
    seal = statement.find("c:AddtlStmtInf", _IN)
    return Read(
        {UUID(value(each, "NtryRef")): _signed(each) for each in statement.findall("c:Ntry", _IN)},
        balances["OPBD"],
        balances["CLBD"],
        None if seal is None else (seal.text or "").rpartition(" ")[2],
    )


def value(of: ElementTree.Element, path: str) -> str:
    """The text of the element at that path."""
    found = of.find("/".join(f"c:{name}" for name in path.split("/")), _IN)
    assert found is not None
    return found.text or ""


def _signed(of: ElementTree.Element) -> Decimal:
    amount = Decimal(value(of, "Amt"))
    return amount if value(of, "CdtDbtInd") == "CRDT" else -amount
