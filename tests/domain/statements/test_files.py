"""Files of statements say the same to the cent, and are what the programs for them expect."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger import money
from domain.statements import camt053_file, csv_file, ofx_file
from domain.statements.statements import Render
from tests.domain.statements import reading
from tests.domain.statements.documents import Ledger, lively
from tests.domain.statements.reading import Read

pytestmark = pytest.mark.anyio

Reader = Callable[[bytes], Read]
FILES: list[tuple[Render, Reader]] = [
    (csv_file.render, reading.csv_statement),
    (ofx_file.render, reading.ofx_statement),
    (camt053_file.render, reading.camt053_statement),
]
XML = FILES[1:]
#: What names and notes may consist of.
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80)


@pytest.mark.parametrize("code", ["USD", "JPY", "KWD", "CLF"])
@pytest.mark.parametrize(("render", "read"), FILES)
async def test_every_file_says_what_the_ledger_says(
    render: Render, read: Reader, code: str
) -> None:
    ledger = lively()
    ledger.currency = money.currency(code)
    found = read(await ledger.rendered(render))

    def whole_units(amount_minor: int) -> Decimal:
        return money.whole_units(amount_minor, ledger.currency)

    assert found.amounts == {
        item.entry.reference: whole_units(item.net_minor) for item in ledger.items
    }
    assert found.opening == whole_units(ledger.opening_minor)
    assert found.closing == whole_units(ledger.balance_minor)
    assert found.seal == ledger.items[-1].seal


@pytest.mark.parametrize(("render", "read"), XML)
async def test_a_statement_without_transactions_has_balances(render: Render, read: Reader) -> None:
    found = read(await Ledger(opening_minor=12_34).rendered(render))
    assert found == Read({}, Decimal("12.34"), Decimal("12.34"), None)


async def test_a_csv_file_without_transactions_has_the_names_of_its_columns() -> None:
    content = await Ledger().rendered(csv_file.render)
    assert reading.read_csv(content) == []
    assert content.decode("utf-8-sig") == ",".join(f'"{n}"' for n in csv_file.COLUMNS) + "\r\n"


async def test_texts_in_csv_are_no_formulas_and_amounts_are_numbers() -> None:
    ledger = Ledger().add(5_000_00)
    hostile = ['=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(A1)", " =1", "＝1", "\t=1"]
    for text in hostile:
        ledger.add(-1_234_50, text, text)
    # Spreadsheets that separate by semicolons begin a cell after each.
    ledger.add(-1, "a;=1;b", 'x; "y"; -2')
    ledger.add(-1, 'O\'Brien, "Zoë"', "a, b\nc")
    content = await ledger.rendered(csv_file.render)
    *rows, cut, last = reading.read_csv(content)[1:]
    for row, text in zip(rows, hostile, strict=True):
        assert row["Counterparty"] == row["Note"] == f"'{text}"
        assert row["Amount"] == "-1234.50"
    assert (cut["Counterparty"], cut["Note"]) == ("a;'=1;b", 'x; "y";\' -2')
    assert (last["Counterparty"], last["Note"]) == ('O\'Brien, "Zoë"', "a, b\nc")
    # Numbers are not quoted, so that spreadsheets take them for numbers.
    assert b",-1234.50,0.00,-1234.50,3765.50,USD," in content


async def test_files_have_the_dates_of_the_time_zone() -> None:
    ledger = lively(20)
    posted = [ledger.period.local(item.entry.created_at) for item in ledger.items]
    rows = reading.read_csv(await ledger.rendered(csv_file.render))
    assert [row["Date"] for row in rows] == [each.date().isoformat() for each in posted]
    assert [row["Posted at"] for row in rows] == [each.isoformat() for each in posted]
    statement = reading.ofx(await ledger.rendered(ofx_file.render))
    assert [each.dtposted.date() for each in statement.transactions] == [
        item.entry.created_at.date() for item in ledger.items
    ]
    assert ofx_file.time(posted[0], ledger.period) == "20260101080000.000[+1.00:CET]"
    camt = reading.camt053(await ledger.rendered(camt053_file.render))
    entries = camt.findall(f"{{{camt053_file.NAMESPACE}}}Ntry")
    assert [reading.value(each, "BookgDt/DtTm") for each in entries] == [
        each.isoformat() for each in posted
    ]
    assert [reading.value(each, "ValDt/Dt") for each in entries] == [
        each.date().isoformat() for each in posted
    ]


async def test_a_fee_is_part_of_the_booked_amount_and_is_shown() -> None:
    ledger = Ledger().add(100_00).add(-50_00, "Anna", fee_minor=25)
    last = reading.ofx(await ledger.rendered(ofx_file.render)).transactions[-1]
    assert (last.trntype, last.trnamt, last.name) == ("DEBIT", Decimal("-50.25"), "Anna")
    assert last.memo == "Includes a fee of 0.25."
    assert last.fitid == str(UUID(int=2))
    entry = reading.camt053(await ledger.rendered(camt053_file.render)).findall(
        f"{{{camt053_file.NAMESPACE}}}Ntry"
    )[-1]
    assert reading.value(entry, "Amt") == "50.25"
    assert reading.value(entry, "Chrgs/TtlChrgsAndTaxAmt") == "0.25"
    assert reading.value(entry, "NtryDtls/TxDtls/AmtDtls/TxAmt/Amt") == "50.00"
    assert reading.value(entry, "NtryDtls/TxDtls/RltdPties/Cdtr/Pty/Nm") == "Anna"
    row = reading.read_csv(await ledger.rendered(csv_file.render))[-1]
    assert (row["Amount"], row["Fee"], row["Net"]) == ("-50.00", "-0.25", "-50.25")


@settings(max_examples=25)
@given(st.lists(st.tuples(texts, texts), max_size=5))
async def test_any_names_and_notes_are_read_back(said: list[tuple[str, str]]) -> None:
    ledger = Ledger().add(1_000_00)
    for name, note in said:
        ledger.add(-1_00, name, note)
    for render, read in FILES:
        assert len(read(await ledger.rendered(render)).amounts) == 1 + len(said)
    rows = reading.read_csv(await ledger.rendered(csv_file.render))[1:]
    assert [
        (row["Counterparty"].replace("'", ""), row["Note"].replace("'", "")) for row in rows
    ] == [(name.replace("'", ""), note.replace("'", "")) for name, note in said]
