"""Seals and receipts: entries have distinct contents, and each seal covers all earlier entries."""

from __future__ import annotations

import hmac
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import seals
from domain.ledger.kinds import Direction, Kind
from domain.ledger.seals import Receipt
from domain.ledger.transfers import EMPTY_LEDGER_SEAL, Entry

KEY = b"a key of the tests that is long enough"
ADDED = ("metadata_digest", "reverses", "fee_refunded_minor")
CONTENT = [field.name for field in fields(Entry) if field.name != "seal"]

numbers = st.integers(-(2**63), 2**63 - 1)
#: Whatever UTF-8 can write, and what a careless encoding would take for something else.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(
    ["", "\x00", "\xff\xff\xff\xff", "None", "☕", "👩‍👩‍👧", "e\u0301", "é"]
)
instants = st.datetimes(timezones=st.just(UTC))
entries = st.builds(
    Entry,
    user_id=st.uuids(),
    sequence=numbers,
    reference=st.uuids(),
    kind=st.sampled_from(Kind),
    direction=st.sampled_from(Direction),
    amount_minor=numbers,
    fee_minor=numbers,
    counterparty_id=st.none() | st.uuids(),
    note=st.none() | texts,
    balance_after_minor=numbers,
    created_at=instants,
    idempotency_key=st.none() | texts,
    api_token_id=st.none() | st.uuids(),
    metadata_digest=st.none() | st.binary(min_size=32, max_size=32),
    reverses=st.none() | st.uuids(),
    fee_refunded_minor=st.none() | numbers,
    seal=st.binary(max_size=3),
)
LINE = Entry(
    user_id=UUID("01900000-0000-7000-8000-000000000001"),
    sequence=2,
    reference=UUID("01900000-0000-7000-8000-00000000000f"),
    kind=Kind.TRANSFER,
    direction=Direction.OUTGOING,
    amount_minor=1234,
    fee_minor=5,
    counterparty_id=UUID("01900000-0000-7000-8000-000000000002"),
    note="für den ☕",
    balance_after_minor=98_761,
    created_at=datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC),
    idempotency_key="lunch-2026-11-22",
)


def what_it_says(entry: Entry) -> list[object]:
    return [getattr(entry, name) for name in CONTENT]


def read_back(content: bytes) -> list[object]:
    """The fields that a content was made of: each length, then so many bytes, and nothing left over."""
    parts: list[bytes | None] = []
    while content:
        length = int.from_bytes(content[:4], "big", signed=True)
        content = content[4:]
        if length < 0:
            parts.append(None)
        else:
            assert len(content) >= length
            parts.append(content[:length])
            content = content[length:]
    added = parts[len(CONTENT) - len(ADDED) :]
    del parts[len(CONTENT) - len(ADDED) :]
    # Entries without metadata are sealed as they were before there was any, and so are those without what
    # reversals have.
    parts.append(added.pop(0) if added and added[0] is not None and len(added[0]) == 32 else None)
    parts += added or [None, None]
    read: list[object] = []
    for name, part in zip(CONTENT, parts, strict=True):
        if part is None:
            read.append(None)
        elif name in {"user_id", "reference", "counterparty_id", "api_token_id", "reverses"}:
            read.append(UUID(bytes=part))
        elif name == "metadata_digest":
            read.append(part)
        elif name in {"kind", "direction", "note", "idempotency_key"}:
            read.append(part.decode())
        else:
            number = int.from_bytes(part, "big", signed=True)
            since = datetime(2000, 1, 1, tzinfo=UTC)
            read.append(since + timedelta(microseconds=number) if name == "created_at" else number)
    return read


@given(entries)
def test_everything_that_an_entry_says_can_be_read_back_from_its_content(entry: Entry) -> None:
    assert read_back(seals.content(entry)) == what_it_says(entry)


@given(entries, entries, st.sampled_from(CONTENT))
def test_no_two_entries_have_the_same_content(one: Entry, other: Entry, name: str) -> None:
    nearly = replace(one, **{name: getattr(other, name)})
    for each in (other, nearly):
        is_same = what_it_says(one) == what_it_says(each)
        assert (seals.content(one) == seals.content(each)) == is_same
        assert (
            seals.seal(KEY, one, EMPTY_LEDGER_SEAL) == seals.seal(KEY, each, EMPTY_LEDGER_SEAL)
        ) == is_same


def test_a_seal_is_of_its_key_and_of_the_entry_before() -> None:
    made = {
        seals.seal(key, LINE, before)
        for key in (b"", KEY, KEY + b"!")
        for before in (EMPTY_LEDGER_SEAL, b"\x01" + bytes(31))
    }
    assert len(made) == 6
    assert {len(each) for each in made} == {seals.SEAL_BYTES}


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 200])
def test_a_seal_is_an_hmac(length: int) -> None:
    key = bytes(range(length))
    data = seals.LABEL + seals.content(LINE) + EMPTY_LEDGER_SEAL
    assert seals.seal(key, LINE, EMPTY_LEDGER_SEAL) == hmac.digest(key, data, "sha256")


def test_the_form_of_a_seal_stays_as_it_is() -> None:
    # Made once and written down: ledgers and receipts that are out in the world depend on it.
    assert seals.seal(KEY, LINE, EMPTY_LEDGER_SEAL).hex() == (
        "864b100a591fb7c23a3053df1a3d32b551682e189740cf68e5b31fa87db56178"
    )
    with_metadata = replace(LINE, metadata_digest=bytes(range(32)))
    assert seals.seal(KEY, with_metadata, EMPTY_LEDGER_SEAL).hex() == (
        "16f471ec8d59ae517516654a29c120a1dc34f0bf0988a2697406090bafaccda2"
    )
    reversal = replace(LINE, reverses=LINE.user_id, fee_refunded_minor=None)
    assert [
        seals.seal(KEY, each, EMPTY_LEDGER_SEAL).hex()
        for each in (reversal, replace(reversal, fee_refunded_minor=0))
    ] == [
        "150e3343af770b41b315da29f5ad10bd27db05ab6584bd35628ee7694b8c8bb5",
        "1711193672ef06eb1b5ef17f67ec61cba140afc837f3d5e9f5c30c0fd0fc8825",
    ]
    assert GOOD == (
        "seal_1_AZAAAAAAcACAAAAAAAAAAQAAAAAAAAACc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M"
    )


@given(st.uuids(), st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_receipt_is_read_as_it_was_written(user_id: UUID, sequence: int, seal: bytes) -> None:
    receipt = Receipt(user_id, sequence, seal)
    assert Receipt.read(receipt.render()) == receipt
    assert len(receipt.render()) == 82


GOOD = Receipt(LINE.user_id, 2, b"s" * 32).render()


@pytest.mark.parametrize(
    "text",
    ["", "seal_1_", GOOD[7:], GOOD[:-1], GOOD + "A", GOOD + "=", GOOD[:-1] + "?", " " + GOOD,
     GOOD.replace("seal_1", "seal_2"), GOOD[:-1] + chr(ord(GOOD[-1]) + 1), GOOD[:20] + "é" + GOOD[21:],
     GOOD[:20] + "+" + GOOD[21:]],
)  # fmt: skip
def test_a_receipt_that_is_written_otherwise_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Receipt.read(text)
