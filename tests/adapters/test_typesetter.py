"""PDFs of statements: complete, of any length in little memory, and not made for those who have gone."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import re
import signal
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import pypdf
import pytest

from adapters.typesetter.typesetter import Typesetter
from domain import errors
from domain.statements import pdf_file
from domain.statements.statements import Item
from tests.domain.statements.documents import NAMES, Ledger, lively
from tests.waiting import until

pytestmark = pytest.mark.anyio

AMOUNT = re.compile("\u2212?[0-9][0-9,]*\\.[0-9]{2}\\b")


def pages_of(content: bytes) -> list[str]:
    reader = pypdf.PdfReader(io.BytesIO(content), strict=True)
    return [page.extract_text() for page in reader.pages]


def amounts(text: str) -> list[Decimal]:
    return [Decimal(each.replace(",", "").replace("\u2212", "-")) for each in AMOUNT.findall(text)]


def expected(ledger: Ledger) -> list[Decimal]:
    """The amounts of the rows, and the closing balance at the end."""
    document = ledger.document
    return [
        document.whole_units(amount_minor)
        for item in ledger.items
        for amount_minor in (
            item.amount_minor,
            *([-item.entry.fee_minor] if document.statement.totals.fees_minor else []),
            item.entry.balance_after_minor,
        )
    ] + [document.whole_units(ledger.balance_minor)]


@pytest.mark.parametrize(("entries", "total"), [(1, True), (101, True), (501, False)])
async def test_a_pdf_has_every_entry_once_and_in_order(entries: int, *, total: bool) -> None:
    ledger = lively(entries)
    content = await ledger.rendered(Typesetter().render)
    pages = pages_of(content)
    text = "\n".join(pages)
    wanted = expected(ledger)
    assert amounts(text)[-len(wanted) :] == wanted
    of = f" of {len(pages)}" if total else ""
    assert [page.splitlines()[-1].partition("Page ")[2] for page in pages] == [
        f"{number}{of}" for number in range(1, len(pages) + 1)
    ]
    # Only the last page of a part may have room left.
    rows = [len(re.findall(r"20\d\d-\d\d-\d\d", page)) for page in pages]
    assert sum(rows) == len(ledger.items)
    assert all(number > 12 for number in rows[:-1])
    assert ledger.document.statement.receipt in text.replace("\n", "")
    assert "Łukasz Żółć" in text


async def test_texts_are_no_markup_and_any_script_has_glyphs() -> None:
    hostile = '#panic("x") $x^2$ *bold* _it_ `raw` \\ @ref <label> // /* {{'
    ledger = Ledger().add(1_000_00)
    for name in (*NAMES, hostile):
        ledger.add(-1_00, name, hostile)
    text = "\n".join(pages_of(await ledger.rendered(Typesetter().render)))
    assert text.count('#panic("x")') == len(NAMES) + 2
    for word in ("Müller", "Иван", "山田太郎", "김민수", "🎉"):
        assert word in text, word


@pytest.mark.parametrize(
    ("text", "rtl"),
    [
        ("User Beta", False),
        ("محمد علي", True),
        ("11/2026 שכר דירה", True),
        ("Rent שכר דירה", False),
        ("🎉 12", False),
        ("\u2068דוד\u2069 Beta", False),
        ("", False),
    ],
)
def test_a_text_runs_in_the_direction_of_its_first_strong_character(text: str, rtl: bool) -> None:
    assert pdf_file.is_right_to_left(text) is rtl


async def test_a_pdf_is_not_made_for_a_reader_who_has_gone() -> None:
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    ledger = lively(5_000)
    content = Typesetter().render(ledger.document, ledger.pages(250))
    assert (await anext(content)).startswith(b"%PDF-1.7")
    assert _processes()
    await content.aclose()  # type: ignore[attr-defined]
    assert not _processes()
    gc.collect()
    assert not reported


async def test_nothing_more_is_read_for_a_process_that_has_ended() -> None:
    ledger, read = lively(5_000), 0

    async def pages() -> AsyncIterator[Sequence[Item]]:
        nonlocal read
        async for page in ledger.pages(250):
            read += 1
            yield page

    content = Typesetter().render(ledger.document, pages())
    await anext(content)
    [process] = _processes()
    os.kill(int(process), signal.SIGKILL)
    before = read
    with pytest.raises(errors.Unavailable, match=r"could not be made\. Try again in a minute\.$"):
        async for _ in content:
            pass
    assert read <= before + 1 < 20


async def test_slow_readers_of_complete_pdfs_keep_no_others_from_being_made() -> None:
    typesetter = Typesetter(made_at_once=1)
    ledger = lively(1)
    slow = typesetter.render(ledger.document, ledger.pages())
    await anext(slow)

    async def is_made() -> bool:
        try:
            return (await ledger.rendered(typesetter.render)).startswith(b"%PDF")
        except errors.Unavailable:
            return False

    await until(is_made)
    await slow.aclose()  # type: ignore[attr-defined]


def _processes() -> list[str]:
    """The typesetting processes of this one."""
    found = []
    for each in Path("/proc/self/task").glob("*/children"):
        for child in each.read_text().split():
            try:
                line = Path(f"/proc/{child}/cmdline").read_bytes()
            except FileNotFoundError:
                continue
            if b"adapters.typesetter.process" in line:
                found.append(child)
    return found
