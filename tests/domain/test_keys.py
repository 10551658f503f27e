"""Idempotency keys: closed for ever, refused too late, and used with metadata."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.authority import Session
from domain.ledger import metadata, settling
from domain.ledger.add_balance import AddBalance
from domain.ledger.close_key import CloseIdempotencyKey, CloseKey
from domain.ledger.decisions import Command, Done, Key, Posted
from domain.ledger.kinds import Kind
from domain.ledger.metadata import StoreMetadata
from domain.ledger.send_money import SendMoney
from tests.domain import worlds
from tests.domain.worlds import ALPHA, BETA, NOW, World

LATER = NOW + timedelta(microseconds=1)


def closing(key: Key | None = None, *, session_id: object = worlds.SESSION) -> CloseIdempotencyKey:
    user_id, kind, text = key or worlds.send().key
    return CloseIdempotencyKey(Session(user_id, session_id), kind, text)  # type: ignore[arg-type]


def two() -> worlds.Ledger:
    return worlds.ledger_of(worlds.account(), worlds.account(BETA))


# ================================================================ closing


def test_an_unused_key_is_closed_and_moves_nothing_afterwards() -> None:
    ledger = two()
    before = dict(ledger.accounts)
    settlement = settling.settle(ledger, [closing(), worlds.send(), closing()])
    closed, refused, again = settlement.outcomes
    assert closed == again == Done(before[ALPHA])
    assert isinstance(refused, errors.IdempotencyKeyClosed)
    assert settlement.effects == [CloseKey(worlds.send().key, NOW)]
    assert ledger.accounts == before
    assert not settlement.entries


def test_a_key_that_moved_money_is_answered_with_its_entry_and_stays_open() -> None:
    ledger = two()
    settlement = settling.settle(ledger, [worlds.send(), closing(), worlds.send()])
    first, closed, again = settlement.outcomes
    assert isinstance(first, Posted)
    assert closed == again == Posted(first.entry, ledger.accounts[ALPHA], replayed=True)
    assert not settlement.effects


def test_a_key_is_closed_for_its_user_and_its_kind_alone() -> None:
    ledger = two()
    settlement = settling.settle(
        ledger, [closing(), worlds.add(), worlds.send(sender=BETA, recipient=ALPHA)]
    )
    assert [type(outcome) for outcome in settlement.outcomes] == [Done, Posted, Posted]


def test_who_has_not_verified_the_address_can_close_a_key() -> None:
    ledger = worlds.ledger_of(worlds.account(sequence=0, balance_minor=0, verified=False))
    assert isinstance(worlds.settle_one(ledger, closing()), Done)


def test_an_ended_session_closes_nothing() -> None:
    settlement = settling.settle(two(), [closing(session_id=worlds.ENDED_SESSION)])
    assert isinstance(settlement.outcomes[0], errors.Unauthenticated)
    assert not settlement.effects


@given(worlds.worlds(), st.data())
def test_whatever_else_happens_a_closed_key_never_moves_money(
    world: World, data: st.DataObject
) -> None:
    commands: list[Command] = [*world.commands]
    for command in world.commands:
        at = data.draw(st.integers(0, len(commands)))
        commands.insert(at, closing(command.key))
    settlement = settling.settle(world.fresh_ledger(), commands)
    closed: set[Key] = set()
    moved: set[Key] = set()
    for command, outcome in zip(commands, settlement.outcomes, strict=True):
        if isinstance(outcome, Done):
            closed.add(command.key)
        elif isinstance(outcome, Posted):
            moved.add(command.key)
    assert not closed & moved
    assert {effect.key for effect in settlement.effects if isinstance(effect, CloseKey)} == closed


# ================================================================ not after


@pytest.mark.parametrize("command", [worlds.send(), worlds.add()])
def test_a_command_is_carried_out_until_its_instant_and_refused_after_it(
    command: SendMoney | AddBalance,
) -> None:
    command = replace(command, not_after=NOW)
    assert isinstance(worlds.settle_one(two(), command), Posted)
    ledger = replace(two(), now=LATER)
    untouched = dict(ledger.accounts)
    assert isinstance(worlds.settle_one(ledger, command), errors.TooLate)
    assert ledger.accounts == untouched
    # The key is unused: with more time it moves money.
    outcome = worlds.settle_one(ledger, replace(command, not_after=None))
    assert isinstance(outcome, Posted)
    assert not outcome.replayed


def test_a_replay_is_answered_however_late_it_is() -> None:
    ledger = two()
    command = replace(worlds.send(), not_after=NOW)
    first = worlds.settle_one(ledger, command)
    ledger.now = LATER
    again = worlds.settle_one(ledger, command)
    assert isinstance(first, Posted)
    assert isinstance(again, Posted)
    assert (again.entry, again.replayed) == (first.entry, True)


def test_a_closed_key_is_told_before_it_is_too_late() -> None:
    ledger = replace(two(), now=LATER)
    settlement = settling.settle(ledger, [closing(), replace(worlds.send(), not_after=NOW)])
    assert isinstance(settlement.outcomes[1], errors.IdempotencyKeyClosed)


# ================================================================ metadata

PAIRS = [("order", "A-17"), ("branch", "Köln")]


@pytest.mark.parametrize("command", [worlds.send(), worlds.add()])
def test_metadata_is_on_the_callers_entry_and_stored_in_order(
    command: SendMoney | AddBalance,
) -> None:
    given_metadata = metadata.of(PAIRS)
    settlement = settling.settle(two(), [replace(command, metadata=given_metadata)])
    own, *others = settlement.entries
    [effect] = settlement.effects
    assert isinstance(effect, StoreMetadata)
    assert (effect.user_id, effect.sequence) == (own.user_id, own.sequence)
    assert effect.metadata == given_metadata
    assert own.metadata_digest == effect.metadata.digest
    assert all(entry.metadata_digest is None for entry in others)


@pytest.mark.parametrize(
    ("pairs", "is_same"),
    [
        (PAIRS, True),
        ([(" order ", "A-17"), ("branch", "Ko\u0308ln")], True),
        (PAIRS[::-1], False),
        (PAIRS[:1], False),
        ([], False),
        ([("order", "A-18"), PAIRS[1]], False),
        ([("order", "\x00"), PAIRS[1]], False),
    ],
)
@pytest.mark.parametrize("command", [worlds.send(), worlds.add()])
def test_metadata_is_part_of_the_input(
    pairs: list[metadata.Pair], is_same: bool, command: SendMoney | AddBalance
) -> None:
    first, again = settling.settle(
        two(),
        [
            replace(command, metadata=metadata.of(PAIRS)),
            replace(command, metadata=metadata.of(pairs)),
        ],
    ).outcomes
    assert isinstance(first, Posted)
    assert isinstance(again, Posted if is_same else errors.IdempotencyKeyReused)


def test_metadata_given_only_the_second_time_is_another_input() -> None:
    _, again = settling.settle(
        two(), [worlds.send(), replace(worlds.send(), metadata=metadata.of(PAIRS))]
    ).outcomes
    assert isinstance(again, errors.IdempotencyKeyReused)


def test_no_pairs_are_no_metadata() -> None:
    settlement = settling.settle(two(), [replace(worlds.send(), metadata=metadata.of([]))])
    assert settlement.entries[0].metadata_digest is None
    assert not settlement.effects


@pytest.mark.parametrize(
    ("pairs", "path"),
    [
        ([("", "x")], ("metadata", "0", "key")),
        ([(" \t", "x")], ("metadata", "0", "key")),
        ([("a", ""), ("k" * 41, "x")], ("metadata", "1", "key")),
        ([("k", "v" * 501)], ("metadata", "0", "value")),
        ([("a", "1"), ("b", "2"), (" a", "3")], ("metadata", "2", "key")),
        ([("a\x00", "1")], ("metadata", "0", "key")),
        ([("a", "\u202e\x07")], ("metadata", "0", "value")),
        ([(str(number), "") for number in range(21)], ("metadata",)),
    ],
)
def test_metadata_out_of_bounds_is_refused_with_its_place(
    pairs: list[metadata.Pair], path: tuple[str, ...]
) -> None:
    outcome = worlds.settle_one(two(), replace(worlds.send(), metadata=metadata.of(pairs)))
    assert isinstance(outcome, errors.InvalidInput)
    assert [each.path for each in outcome.fields] == [path]


def test_metadata_at_its_bounds_is_accepted() -> None:
    pairs = [("🧀" * 38 + f"{number:02}", "ü" * 500) for number in range(20)]
    outcome = worlds.settle_one(two(), replace(worlds.send(), metadata=metadata.of(pairs)))
    assert isinstance(outcome, Posted)


texts = st.text(max_size=4)
metadatas = st.builds(
    metadata.Metadata,
    st.lists(st.tuples(texts, texts), min_size=1, max_size=3).map(tuple),
    st.sampled_from([b"a" * 16, b"b" * 16]),
)


@given(metadatas, metadatas)
def test_only_the_same_pairs_with_the_same_salt_have_the_same_digest(
    one: metadata.Metadata, other: metadata.Metadata
) -> None:
    assert (one.digest == other.digest) == (one == other)


def test_the_form_of_a_digest_stays_as_it_is() -> None:
    # Seals in the world depend on it.
    digest = metadata.Metadata((("order", "A-17"), ("branch", "Köln")), bytes(range(16))).digest
    assert digest.hex() == "8c8631305e7df47aa34d8f2481fe17dc63b40f0f051b751f17f428a5f0144fb5"


def test_each_metadata_has_a_salt_of_its_own() -> None:
    one, other = metadata.of(PAIRS), metadata.of(PAIRS)
    assert one is not None
    assert other is not None
    assert one.digest != other.digest
    assert metadata.is_same(one, other)


def test_a_key_of_another_kind_is_another_key() -> None:
    assert worlds.send().key == Key(ALPHA, Kind.TRANSFER, "key-00000001") != worlds.add().key
