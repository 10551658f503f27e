"""Receipts kept outside: whether the books still contain what they prove."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import seals
from domain.ledger.seals import Receipt
from domain.ledger.transfers import EMPTY_LEDGER_SEAL
from persistence.audit import seals as audit_seals
from persistence.ledger.sealed_rows import SealedRow

#: A receipt of between two keys is found where the book went over to the newer one so many lines before.
LINES_BETWEEN_KEYS = 1_000

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


class _Seals:
    """The seals that the newest line so far may have had, by what the lines say."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._of_one_key = dict.fromkeys(keys, EMPTY_LEDGER_SEAL)
        #: What the newest lines say, and the seals of before each.
        self._newest = deque[tuple[bytes, dict[bytes, bytes]]](maxlen=LINES_BETWEEN_KEYS)

    def follow(self, row: SealedRow) -> None:
        """The next line of the book."""
        before = self._of_one_key
        self._newest.append((row.content, before))
        self._of_one_key = {
            key: seals.seal_content(key, row.content, seal) for key, seal in before.items()
        }

    def include(self, seal: bytes) -> bool:
        """Whether the line was given out with that seal, with one key or as the book went over."""
        return seal in self._of_one_key.values() or seal in self._of_two_keys()

    def _of_two_keys(self) -> Iterator[bytes]:
        """Until the books are sealed anew, the lines of the new key stand on those of the old one."""
        for first, (_, before) in reversed(list(enumerate(self._newest))):
            for old, new in permutations(before, 2):
                seal = before[old]
                for content, _ in islice(self._newest, first, None):
                    seal = seals.seal_content(new, content, seal)
                yield seal


def _read(receipt: str) -> Receipt | str:
    try:
        return Receipt.read(receipt)
    except ValueError as error:
        return f"This is no receipt: {error}"


async def _of_person(
    connection: AsyncConnection, user_id: UUID, receipts: Iterable[Receipt], keys: Sequence[bytes]
) -> dict[Receipt, Answer]:
    book = audit_seals.Book(user_id.bytes, keys[0])
    made = _Seals(keys)
    asked: dict[int, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        asked[receipt.sequence].append(receipt)
    stood: set[Receipt] = set()
    async for row in audit_seals.rows_of(connection, user_id):
        made.follow(row)
        stood |= {each for each in asked.get(row.sequence, ()) if made.include(each.seal)}
        book.follow(row)
    head: bytes | None = await connection.scalar(_HEAD, {"user_id": user_id})
    return {receipt: _answer(receipt, book, head, receipt in stood) for receipt in receipts}


def _answer(receipt: Receipt, book: audit_seals.Book, head: bytes | None, stood: bool) -> Answer:
    where = f"line {receipt.sequence} of {receipt.user_id}"
    is_contained = False
    if head is None:
        sentence = f"It is of {where}, who is nobody here."
    elif receipt.sequence > book.sequence:
        sentence = (
            f"It proves {where}, but that book ends at line {book.sequence}: what came after it was "
            "cut off."
        )
    elif not stood:
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
