"""Receipts kept outside: whether the books still contain what they prove."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import seals
from domain.seals import Receipt
from domain.transfers import EMPTY_BOOK_SEAL
from persistence import audit_seals

_HEAD = text("SELECT book_seal FROM users WHERE id = :user_id")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of what a receipt proves."""

    receipt: str
    is_contained: bool
    sentence: str


async def answers(
    connection: AsyncConnection, receipts: Iterable[str], keys: Sequence[bytes]
) -> list[Answer]:
    """An answer to each receipt, in order.

    The first of the keys is the one of now: whatever else the book has must be sealed with it. A
    receipt may be of any of them.
    """
    asked = list(receipts)
    read: dict[str, Receipt | str] = {each: _read(each) for each in asked}
    by_person: dict[UUID, set[Receipt]] = defaultdict(set)
    for receipt in read.values():
        if isinstance(receipt, Receipt):
            by_person[receipt.user_id].add(receipt)
    found: dict[Receipt, Answer] = {}
    for user_id, of_person in by_person.items():
        found |= await _of_person(connection, user_id, of_person, keys)
    return [
        found[receipt] if isinstance(receipt, Receipt) else Answer(each, False, receipt)
        for each in asked
        for receipt in [read[each]]
    ]


def _read(receipt: str) -> Receipt | str:
    try:
        return Receipt.read(receipt)
    except ValueError as error:
        return f"This is no receipt: {error}"


async def _of_person(
    connection: AsyncConnection, user_id: UUID, receipts: Iterable[Receipt], keys: Sequence[bytes]
) -> dict[Receipt, Answer]:
    book = audit_seals.Book(user_id.bytes, keys[0])
    #: By key, the seal that the newest line so far has by what the lines say.
    made = dict.fromkeys(keys, EMPTY_BOOK_SEAL)
    wanted = {receipt.sequence for receipt in receipts}
    stood: dict[int, set[bytes]] = {}
    async for row in audit_seals.rows_of(connection, user_id):
        for key, before in made.items():
            made[key] = seals.seal_content(key, row.content, before)
        if row.sequence in wanted:
            stood[row.sequence] = set(made.values())
        book.follow(row)
    head: bytes | None = await connection.scalar(_HEAD, {"user_id": user_id})
    return {receipt: _answer(receipt, book, head, stood) for receipt in receipts}


def _answer(
    receipt: Receipt, book: audit_seals.Book, head: bytes | None, stood: dict[int, set[bytes]]
) -> Answer:
    where = f"line {receipt.sequence} of {receipt.user_id}"
    is_contained = False
    if head is None:
        sentence = f"It is of {where}, who is nobody here."
    elif receipt.sequence > book.sequence:
        sentence = (
            f"It proves {where}, but that book ends at line {book.sequence}: what came after it was "
            "cut off."
        )
    elif receipt.seal not in stood.get(receipt.sequence, ()):
        sentence = f"It does not prove {where} as it is now: {_what_happened(receipt, book)}"
    elif book.fault is not None:
        row, what = book.fault
        sentence = f"Up to {where} all is as it was, but {row} is at fault. {what}"
    elif head != book.head:
        sentence = f"Up to {where} all is as it was, but the head of the book is of another line."
    else:
        is_contained = True
        sentence = f"Contained: {where}, and every line before it, is as it was."
    return Answer(receipt.render(), is_contained, sentence)


def _what_happened(receipt: Receipt, book: audit_seals.Book) -> str:
    if book.fault is None:
        return "that line or one before it was changed, or the receipt is of another AUDIT_KEY (or forged)."
    row, what = book.fault
    return f"{row} is at fault. {what}"
