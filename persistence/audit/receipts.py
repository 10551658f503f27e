"""Verification of receipts against the account ledgers."""

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

#: While keys are replaced, a receipt may cover entries sealed with either: how many are tried with the newer.
ENTRIES_BETWEEN_KEYS = 1_000

_HEAD = text("SELECT book_seal FROM users WHERE id = :user_id")


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of verifying one receipt."""

    receipt: str
    is_contained: bool
    sentence: str


async def answers(
    connection: AsyncConnection, receipts: Iterable[str], keys: Sequence[bytes]
) -> list[Answer]:
    """An answer for each receipt, in order.

    The first key is the current one: the account ledger must be sealed with it. A receipt may have been
    issued with any of the keys.
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
    """The seals that the newest entry so far may have had with any of the keys."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._of_one_key = dict.fromkeys(keys, EMPTY_LEDGER_SEAL)
        #: The contents of the newest entries, and the previous seal of each by key.
        self._newest = deque[tuple[bytes, dict[bytes, bytes]]](maxlen=ENTRIES_BETWEEN_KEYS)

    def follow(self, row: SealedRow) -> None:
        """Continue with the next entry."""
        before = self._of_one_key
        self._newest.append((row.content, before))
        self._of_one_key = {
            key: seals.seal_content(key, row.content, seal) for key, seal in before.items()
        }

    def include(self, seal: bytes) -> bool:
        """Whether the entry may have had that seal, with one key or while keys were replaced."""
        return seal in self._of_one_key.values() or seal in self._of_two_keys()

    def _of_two_keys(self) -> Iterator[bytes]:
        """Until all entries are resealed, seals of the new key follow seals of the old one."""
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
        return f"This is not a receipt: {error}"


async def _of_person(
    connection: AsyncConnection, user_id: UUID, receipts: Iterable[Receipt], keys: Sequence[bytes]
) -> dict[Receipt, Answer]:
    ledger = audit_seals.LedgerVerification(user_id.bytes, keys[0])
    made = _Seals(keys)
    asked: dict[int, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        asked[receipt.sequence].append(receipt)
    proved: set[Receipt] = set()
    async for row in audit_seals.rows_of(connection, user_id):
        made.follow(row)
        proved |= {each for each in asked.get(row.sequence, ()) if made.include(each.seal)}
        ledger.follow(row)
    head: bytes | None = await connection.scalar(_HEAD, {"user_id": user_id})
    return {receipt: _answer(receipt, ledger, head, receipt in proved) for receipt in receipts}


def _answer(
    receipt: Receipt, ledger: audit_seals.LedgerVerification, head: bytes | None, is_proved: bool
) -> Answer:
    where = f"entry {receipt.sequence} of {receipt.user_id}"
    is_contained = False
    if head is None:
        sentence = f"It is of {where}, but that user does not exist."
    elif receipt.sequence > ledger.sequence:
        sentence = (
            f"It proves {where}, but that account ledger ends at entry {ledger.sequence}: the later "
            "entries were cut off."
        )
    elif not is_proved:
        sentence = f"It does not prove {where} as it is now: {_what_happened(receipt, ledger)}"
    elif ledger.fault is not None:
        row, what = ledger.fault
        sentence = f"Up to {where} nothing has changed, but {row} is damaged. {what}"
    elif head != ledger.head:
        sentence = (
            f"Up to {where} nothing has changed, but the head is not that of the newest entry."
        )
    else:
        is_contained = True
        sentence = f"Contained: {where} and all entries before it are unchanged."
    return Answer(receipt.render(), is_contained, sentence)


def _what_happened(receipt: Receipt, ledger: audit_seals.LedgerVerification) -> str:
    if ledger.fault is None:
        return "that entry or an earlier one was changed, or the receipt is of another AUDIT_KEY (or forged)."
    row, what = ledger.fault
    return f"{row} is damaged. {what}"
