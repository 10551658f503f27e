"""Refunds and disputes of top-ups: each is taken from the balance once, or waits until it covers it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from application import reconcile_top_ups, reverse_top_up
from domain import ids
from domain.people.restrictions import Restriction
from domain.top_ups.provider import Source
from domain.top_ups.reversing import ReverseTopUp
from persistence.audit import audit
from persistence.operators import operators
from persistence.people import restrictions
from persistence.top_ups import reconciling, reversals, top_ups
from tests.payments import Payments
from tests.resolvers.test_reversals import reverse
from tests.resolvers.test_top_ups import apply, attend, mismatched, read, start, started
from tests.resolvers.world import Someone, World

pytestmark = pytest.mark.anyio

STATE = """
{ viewer {
    balance { amount } restrictions
    transactions(first: 20) { nodes { kind amount { amount } reverses { kind } reversed { amount } } }
    notifications(first: 20) { nodes { kind message } }
} }
"""


@pytest.fixture
async def payments() -> Payments:
    return Payments()


@pytest.fixture
async def world(new_world: Callable[..., Any], payments: Payments) -> AsyncIterator[World]:
    world = await new_world(instant_top_ups=False, top_up_provider="stripe")
    world.services = replace(world.services, top_up_provider=payments)
    yield world
    report = await audit.audit(world.services.database)
    assert report.findings == []


@pytest.fixture
async def alpha(world: World) -> Someone:
    return await world.join("Alpha")


@pytest.fixture
async def beta(world: World) -> Someone:
    return await world.join("Beta")


async def state(someone: Someone) -> Any:
    return (await someone.ask(STATE)).one


async def booked(someone: Someone) -> list[tuple[str, str]]:
    """Kinds and amounts, oldest first."""
    nodes = (await state(someone))["transactions"]["nodes"]
    return [(node["kind"], node["amount"]["amount"]) for node in nodes][::-1]


async def work(world: World) -> None:
    services = world.services
    for user_id, top_up_id in await reversals.due(services.database, 100):
        await reverse_top_up.execute(services, user_id, top_up_id)


async def test_refunds_and_a_dispute_are_taken_back_once_and_at_most_what_was_paid(
    world: World, alpha: Someone, payments: Payments
) -> None:
    top_up_id = await started(alpha, "25")
    paid = payments.pay(top_up_id)
    part, rest = payments.take_back(paid, 1000), payments.take_back(paid, 1500, number=2)
    dispute = payments.take_back(paid, source=Source.DISPUTE)
    # A refund may come before the payment: it is remembered.
    await apply(world, part)
    assert await booked(alpha) == []
    await apply(world, paid)
    assert await booked(alpha) == [("TOP_UP", "25.00"), ("REVERSAL", "10.00")]
    assert (await read(alpha, top_up_id))["status"] == "REVERSED"
    await asyncio.gather(*(apply(world, rest, part, paid) for _ in range(4)))
    await apply(world, dispute, dispute)
    assert await booked(alpha) == [
        ("TOP_UP", "25.00"), ("REVERSAL", "10.00"), ("REVERSAL", "15.00"),
    ]  # fmt: skip
    shown = await state(alpha)
    assert shown["restrictions"] == []
    assert shown["transactions"]["nodes"][-1]["reversed"] == {"amount": "25.00"}
    assert [each["kind"] for each in shown["notifications"]["nodes"]] == [
        "TRANSACTION_REVERSED", "TRANSACTION_REVERSED",
    ]  # fmt: skip
    assert await mismatched(world) == []


async def test_a_dispute_after_the_money_was_sent_on_waits_until_the_balance_covers_it(
    world: World, alpha: Someone, beta: Someone, payments: Payments
) -> None:
    top_up_id = await started(alpha, "25")
    paid = payments.pay(top_up_id)
    await apply(world, paid)
    await alpha.send(beta, "20")
    dispute = payments.take_back(paid, source=Source.DISPUTE)
    await operators.add(world.services.database, beta.email, audit_key=b"")
    # The mails are in the commit of the ledger: a process that is killed after it has sent none.
    recorded = await top_ups.find(world.services.database, alpha.user_id, top_up_id)
    assert recorded is not None
    waiting = await reversals.record(world.services.database, recorded, dispute)
    await world.services.ledger.run(ReverseTopUp(waiting, ids.new_id()))
    assert world.mails(beta.email) == ["verify_email", "balance_short"]
    await apply(world, dispute, dispute)
    assert world.mails(beta.email) == ["verify_email", "balance_short"]
    shown = await state(alpha)
    assert (shown["balance"], shown["restrictions"]) == ({"amount": "5.00"}, ["SENDING", "ADDING"])
    assert (await alpha.send(beta, "1"))["__typename"] == "AccountRestricted"
    assert (await start(alpha))["__typename"] == "AccountRestricted"
    assert (await reversals.shortfall(world.services.database)).amount_minor == 2500
    assert await reversals.due(world.services.database, 10) == []
    await beta.send(alpha, "20")
    assert await reversals.due(world.services.database, 10) == [(alpha.user_id, top_up_id)]
    await asyncio.gather(work(world), work(world), apply(world, dispute))
    shown = await state(alpha)
    assert (shown["balance"], shown["restrictions"]) == ({"amount": "0.00"}, ["SENDING", "ADDING"])
    assert (await booked(alpha))[-1] == ("REVERSAL", "25.00")
    assert (await reversals.shortfall(world.services.database)).count == 0
    kinds = [each["kind"] for each in shown["notifications"]["nodes"]]
    assert kinds.count("ACCOUNT_RESTRICTED") == 1


async def test_what_the_provider_returns_is_credited_again_once(
    world: World, alpha: Someone, payments: Payments
) -> None:
    top_up_id = await started(alpha, "25")
    paid = payments.pay(top_up_id)
    dispute = payments.take_back(paid, source=Source.DISPUTE)
    won = payments.give_back(dispute)
    await apply(world, paid, dispute)
    await asyncio.gather(*(apply(world, won, dispute) for _ in range(4)))
    await apply(world, dispute, won, paid)
    assert await booked(alpha) == [
        ("TOP_UP", "25.00"), ("REVERSAL", "25.00"), ("TOP_UP", "25.00"),
    ]  # fmt: skip
    assert (await read(alpha, top_up_id))["status"] == "POSTED"
    # What was credited again can be refunded.
    await apply(world, payments.take_back(paid, 2500))
    assert (await state(alpha))["balance"] == {"amount": "0.00"}
    assert (await read(alpha, top_up_id))["status"] == "REVERSED"

    # A dispute takes both parts of a payment, of which one was credited again after the refund failed.
    another = payments.pay(await started(alpha, "20"))
    refund = payments.take_back(another, 500, number=3)
    await apply(world, another, refund, payments.give_back(refund))
    assert (await state(alpha))["balance"] == {"amount": "20.00"}
    disputed = payments.take_back(another, source=Source.DISPUTE)
    await asyncio.gather(*(apply(world, disputed) for _ in range(3)))
    assert (await state(alpha))["balance"] == {"amount": "0.00"}
    assert (await booked(alpha))[-2:] == [("REVERSAL", "15.00"), ("REVERSAL", "5.00")]
    await apply(world, payments.give_back(disputed))
    assert (await booked(alpha))[-1] == ("TOP_UP", "20.00")
    await apply(world, payments.take_back(another, number=4))

    # Returned before it was known that it had been taken.
    other = payments.pay(await started(alpha, "3"))
    failed = payments.take_back(other)
    await apply(world, payments.give_back(failed), other, failed)
    assert (await state(alpha))["balance"] == {"amount": "3.00"}


async def test_a_dispute_waits_for_no_more_than_a_refund_has_left(
    world: World, alpha: Someone, beta: Someone, payments: Payments
) -> None:
    top_up_id = await started(alpha, "20")
    paid = payments.pay(top_up_id)
    refund = payments.take_back(paid, 500)
    dispute = payments.take_back(paid, source=Source.DISPUTE)
    await apply(world, paid, refund)
    await alpha.send(beta, "10")
    await apply(world, dispute)
    assert (await reversals.shortfall(world.services.database)).amount_minor == 1500
    await beta.send(alpha, "10")
    await work(world)
    assert (await state(alpha))["balance"] == {"amount": "0.00"}
    # While the refund has gone back to the payer, the rest alone comes back.
    await apply(world, payments.give_back(dispute))
    assert (await state(alpha))["balance"] == {"amount": "15.00"}
    await apply(world, payments.give_back(refund))
    assert (await state(alpha))["balance"] == {"amount": "20.00"}
    assert (await read(alpha, top_up_id))["status"] == "POSTED"


async def test_what_an_operator_has_reversed_of_a_payment_is_not_taken_again(
    world: World, alpha: Someone, beta: Someone, payments: Payments
) -> None:
    services = world.services
    top_up_id = await started(alpha, "20")
    paid = payments.pay(top_up_id)
    refund = payments.take_back(paid, 500)
    dispute = payments.take_back(paid, source=Source.DISPUTE)
    await apply(world, paid, refund, payments.give_back(refund))
    await alpha.send(beta, "10")
    await apply(world, dispute)
    # What was credited again, and a part of the rest: 10 are left of the payment, and 5 in the balance.
    for amount, sequence in ((None, 3), ("5", 1)):
        [(reference,)] = world.sql(
            "SELECT reference FROM transactions WHERE user_id = %s AND sequence = %s",
            alpha.user_id, sequence,
        )  # fmt: skip
        await reverse(world, beta, str(reference), amount)
        if sequence == 3:
            await beta.send(alpha, "5")
    assert (await reversals.shortfall(services.database)).amount_minor == 1000
    await beta.send(alpha, "5")
    await work(world)
    assert (await state(alpha))["balance"] == {"amount": "0.00"}
    await apply(world, payments.give_back(dispute))
    assert (await state(alpha))["balance"] == {"amount": "10.00"}


async def test_refunds_of_closed_accounts_and_of_unknown_payments(
    world: World, alpha: Someone, beta: Someone, payments: Payments
) -> None:
    await operators.add(world.services.database, beta.email, audit_key=b"")
    paid = payments.pay(await started(alpha, "25"))
    late = payments.pay(await started(alpha, "1"))
    await apply(world, paid)
    refund = payments.take_back(paid)
    await apply(world, replace(refund, payment_id="pi_of_something_else"))
    await apply(world, replace(refund, source_id="re_other_currency", currency="EUR"))
    assert await mismatched(world) == ["other_currency"]
    world.sql(
        "UPDATE users SET closed_at = now() WHERE id = %s",
        alpha.user_id,
    )
    await apply(world, refund, refund, late)
    assert (await reversals.shortfall(world.services.database)).count == 1
    assert world.mails(beta.email) == ["verify_email", "balance_short"]
    assert await reversals.due(world.services.database, 10) == []
    await attend(world, alpha)
    assert payments.refunded == [late.payment_id]
    # It is given back before it was taken: nothing is owed any more.
    await apply(world, payments.give_back(refund), refund)
    assert (await reversals.shortfall(world.services.database)).count == 0
    world.sql("UPDATE users SET closed_at = NULL WHERE id = %s", alpha.user_id)
    # An account that owed something is not simply reopened to go on.
    barred = await restrictions.in_force(world.services.database, alpha.user_id)
    assert barred == [Restriction.SENDING, Restriction.ADDING]


async def test_what_is_given_back_to_a_closed_account_is_reported_and_holds_up_nothing(
    world: World, alpha: Someone, beta: Someone, payments: Payments
) -> None:
    services = world.services
    paid = payments.pay(await started(alpha, "25"))
    dispute = payments.take_back(paid, source=Source.DISPUTE)
    await apply(world, paid, dispute)
    world.sql("UPDATE users SET closed_at = now() WHERE id = %s", alpha.user_id)
    payments.give_back(dispute)
    payments.take_back(replace(paid, payment_id="pi_gone"))
    payments.unknown.add("pi_gone")
    other = payments.pay(await started(beta, "3"))
    await reconciling.request(services.database, "stripe")
    await reconcile_top_ups.execute(services, services.limits.currency)
    assert await mismatched(world) == ["account_closed"]
    assert (await state(beta))["balance"]["amount"] == f"{other.amount_minor / 100:.2f}"
    world.sql("UPDATE users SET closed_at = NULL WHERE id = %s", alpha.user_id)
