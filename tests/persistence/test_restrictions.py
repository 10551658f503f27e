"""Restrictions on real connections: from the commit on, no payment of the account is posted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from domain import errors
from domain.ledger import handlers, restricting
from domain.ledger.decisions import Decision, Ledger
from domain.ledger.handlers import Handler
from domain.ledger.reversals import Target
from domain.ledger.transfers import Account
from domain.people.restrictions import AccountRestricted, Restriction
from persistence.engine import unit_of_work
from persistence.ledger.ledger import Movement
from persistence.people import restrictions
from tests.books import Books, Someone, sending
from tests.reversing import Reverse

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class RestrictWhereShort(Reverse):
    """Reverse the transaction, or bar from sending and adding those who cannot return it."""


def _decide(ledger: Ledger, command: RestrictWhereShort, caller: Account) -> Decision:
    try:
        return handlers.HANDLERS[Reverse].decide(ledger, command, caller)
    except errors.InsufficientFunds:
        chosen = (Restriction.SENDING, Restriction.ADDING)
        effect, notice = restricting.restrict(ledger, command.target.user_ids[0], chosen, None)
        return Decision(effects=[effect], notices=[notice])


handlers.HANDLERS[RestrictWhereShort] = Handler(  # type: ignore[index]
    _decide, lambda _ledger, _command, _earlier: True
)


async def _pay_all_day(
    books: Books, alpha: Someone, beta: Someone, under_way: asyncio.Event
) -> int:
    """Payments one after the other, until one is refused: how many there were."""
    paid = 0
    while True:
        try:
            await books.send(alpha, beta)
        except AccountRestricted:
            return paid
        paid += 1
        if paid == 5:
            under_way.set()


async def test_no_payment_commits_after_the_restriction_has(books: Books) -> None:
    alpha, beta = await books.pair("1000")
    under_way = asyncio.Event()
    payers = [asyncio.create_task(_pay_all_day(books, alpha, beta, under_way)) for _ in range(6)]
    await under_way.wait()
    await unit_of_work.run(
        books.database,
        lambda unit: restrictions.restrict(unit, alpha.user_id, [Restriction.SENDING], None),
    )
    [sent_before] = books.balances(beta)
    paid = await asyncio.gather(*payers)
    assert books.balances(beta) == [sent_before]
    assert sum(paid) == sent_before
    # Others are not barred, nor is the account from anything else.
    await books.send(beta, alpha)
    await books.add(alpha)
    await unit_of_work.run(books.database, lambda unit: restrictions.lift(unit, alpha.user_id))
    await books.send(alpha, beta)
    await books.assert_clean()


async def test_a_command_restricts_an_account_in_its_own_commit_and_later_ones_find_it_so(
    books: Books,
) -> None:
    alpha, beta = await books.pair("10")
    operator = books.join()
    [top_up] = books.connection.execute("SELECT reference FROM transactions").fetchall()
    await books.send(alpha, beta, "9")
    dispute = RestrictWhereShort(operator.authority, Target(top_up[0], (alpha.user_id,)))  # type: ignore[arg-type]
    partly = replace(dispute, amount=Decimal("0.50"), idempotency_key="key-of-a-partial-refund")
    outcomes = await books.ledger.settle([dispute, sending(alpha, beta), partly])
    assert outcomes[0] is None
    assert isinstance(outcomes[1], AccountRestricted)
    assert isinstance(outcomes[2], Movement)
    assert await restrictions.in_force(books.database, alpha.user_id) == [
        Restriction.SENDING, Restriction.ADDING,
    ]  # fmt: skip
    for command in (sending(alpha, beta), replace(sending(alpha, beta), recipient_id=None)):
        with pytest.raises((AccountRestricted, errors.RecipientNotFound)):
            await books.ledger.move(command)
    told = books.connection.execute(
        "SELECT kind FROM notifications WHERE user_id = %s ORDER BY number", [alpha.user_id]
    ).fetchall()
    assert told == [("account_restricted",), ("transaction_reversed",)]
    await unit_of_work.run(books.database, lambda unit: restrictions.lift(unit, alpha.user_id))
    await books.assert_clean()
