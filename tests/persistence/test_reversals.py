"""Reversals on real connections: never more than was sent, never below zero, and proved by the audit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from domain import errors
from domain.ledger.reversals import Target
from persistence.audit import audit
from persistence.ledger import originals
from persistence.ledger.ledger import Ledger, Movement
from tests import row_changes
from tests.books import LIMITS, Books, Someone, lines_of, sending
from tests.reversing import Reverse

pytestmark = pytest.mark.anyio


@pytest.fixture
async def with_fee(books: Books) -> AsyncIterator[Ledger]:
    """A ledger that charges three percent."""
    ledger = await Ledger.open(books.url, replace(LIMITS, fee_basis_points=300), connections=4)
    yield ledger
    await ledger.close()


async def target_of(books: Books, movement: Movement) -> Target:
    found = await originals.find(books.database, movement.entry.reference)
    assert found is not None
    return found


def by(operator: Someone, target: Target, amount: str | None = None, *, fee: bool = True) -> Reverse:  # fmt: skip
    return Reverse(operator.authority, target, None if amount is None else Decimal(amount), fee)


async def test_parts_of_a_transfer_and_of_a_top_up_are_reversed_and_the_audit_proves_it(
    books: Books, with_fee: Ledger
) -> None:
    alpha, beta = await books.pair("10.30")
    operator = books.join("Operator")
    sent = await with_fee.move(sending(alpha, beta, "10"))
    target = await target_of(books, sent)
    for amount, fee in (("0.40", True), ("0.30", False), ("3.17", True), (None, True)):
        await with_fee.run(by(operator, target, amount, fee=fee))
    assert books.balances(alpha, beta) == [1029, 0]
    entries = (await lines_of(books.database, alpha.user_id))[2:]
    assert [(e.amount_minor, e.fee_refunded_minor, e.reverses) for e in entries] == [
        (41, 1, target.reference),
        (30, None, target.reference),
        (326, 9, target.reference),
        (632, 19, target.reference),
    ]
    names = [(user_id, target.reference) for user_id in target.user_ids]
    assert await originals.reversed_minor(books.database, names) == dict.fromkeys(names, 1000)
    with pytest.raises(errors.NotReversible):
        await books.ledger.run(by(operator, target))
    [top_up, *_] = await lines_of(books.database, alpha.user_id)
    of_top_up = await originals.find(books.database, top_up.reference)
    assert of_top_up == Target(top_up.reference, (alpha.user_id,))
    await books.ledger.run(by(operator, of_top_up, "10.29"))
    assert books.balances(alpha, beta) == [0, 0]
    report = await audit.audit(books.database)
    assert report.findings == []
    assert (report.fees_minor, report.added_minor["reversal"]) == (1, -1029)
    assert await originals.find(books.database, operator.user_id) is None


async def test_reversals_that_race_each_other_never_exceed_the_transfer(books: Books) -> None:
    alpha, beta = await books.pair("10")
    operators = [books.join() for _ in range(3)]
    target = await target_of(books, await books.send(alpha, beta, "10"))
    await books.add(beta, "50")
    outcomes = await asyncio.gather(
        *(
            books.ledger.run(by(operator, target, "1.50"))
            for operator in operators
            for _ in range(4)
        ),
        return_exceptions=True,
    )
    refused = [each for each in outcomes if isinstance(each, errors.NotReversible)]
    assert len(refused) == 6
    assert all(isinstance(each, Movement | errors.NotReversible) for each in outcomes)
    assert books.balances(alpha, beta) == [900, 5100]
    await books.assert_clean()


async def test_reversals_that_race_the_spending_of_the_money_never_leave_less_than_nothing(
    books: Books,
) -> None:
    alpha, beta = await books.pair("10")
    operator, gamma = books.join(), books.join()
    target = await target_of(books, await books.send(alpha, beta, "10"))
    outcomes = await asyncio.gather(
        *(books.ledger.run(by(operator, target, "2")) for _ in range(5)),
        *(books.ledger.move(sending(beta, gamma, "2")) for _ in range(5)),
        return_exceptions=True,
    )
    refused = [each for each in outcomes if isinstance(each, errors.InsufficientFunds)]
    assert len(refused) == 5
    assert sum(isinstance(each, Movement) for each in outcomes) == 5
    [left, returned, sent_on] = books.balances(beta, alpha, gamma)
    assert (left, returned + sent_on) == (0, 1000)
    await books.assert_clean()


CHANGES = {
    "amount = amount - 1 WHERE reverses IS NOT NULL AND direction = 'outgoing'": "the amount",
    "fee_refunded = 0 WHERE reverses IS NOT NULL AND direction = 'incoming'": "not their share",
    "reverses = gen_random_uuid() WHERE reverses IS NOT NULL": "not in this account ledger",
    "amount = 400 WHERE kind = 'transfer' AND direction = 'outgoing'": "exceed its amount",
    "kind = 'reversal', reverses = gen_random_uuid() WHERE kind = 'transfer'": "reverses a reversal",
}


async def test_a_reversal_that_does_not_fit_is_found(books: Books, with_fee: Ledger) -> None:
    alpha, beta = await books.pair("10.30")
    target = await target_of(books, await with_fee.move(sending(alpha, beta, "10")))
    await with_fee.run(by(books.join("Operator"), target, "5"))
    books.connection.execute("ALTER TABLE transactions DISABLE TRIGGER USER")
    books.connection.execute(
        "ALTER TABLE transactions DROP CONSTRAINT transactions_reverses_check, "
        "DROP CONSTRAINT transactions_transfer_check, DROP CONSTRAINT transactions_reversal_check"
    )
    for change, finding in CHANGES.items():
        async with books.database.transaction() as connection:
            await row_changes.change(connection, f"UPDATE transactions SET {change}")
            report = await audit.look(connection)
        assert any(finding in each.sentence for each in report.findings), change
