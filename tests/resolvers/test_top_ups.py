"""Top-ups through a provider: started once per key, credited once per payment, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application import apply_provider_fact, attend_top_up, reconcile_top_ups
from domain import ids
from domain.top_ups.provider import Ended, Fact, ProviderAway, ProviderRefused, Source
from domain.top_ups.top_ups import MAXIMUM_PENDING
from persistence.audit import audit
from persistence.top_ups import attending, mismatches, reconciling
from tests.payments import Payments
from tests.resolvers.test_known_outcomes import close
from tests.resolvers.world import Someone, World, new_key

pytestmark = pytest.mark.anyio

FIELDS = (
    "id status amount { amount } checkoutUrl createdAt transaction { reference amount { amount } }"
)
START = f"""
mutation($input: StartTopUpInput!) {{
  startTopUp(input: $input) {{
    __typename
    ... on TopUpStarted {{ replayed topUp {{ {FIELDS} }} }}
    ... on InvalidAmount {{ maximum {{ amount }} }}
    ... on BalanceLimitExceeded {{ maximumTopUp {{ amount }} }}
  }}
}}
"""
READ = f"query($id: ID!) {{ node(id: $id) {{ ... on TopUp {{ {FIELDS} }} }} }}"
STATE = """
{ viewer {
    balance { amount } topUps(first: 2) { nodes { id status } pageInfo { hasNextPage endCursor } }
    notifications(first: 3) { nodes { kind message topUp { id status } } }
} }
"""
WALLET = "{ wallet { topUpMethod } }"


@pytest.fixture
async def payments() -> Payments:
    return Payments()


@pytest.fixture
async def world(new_world: Callable[..., Any], payments: Payments) -> AsyncIterator[World]:
    """A service with that provider; nobody has anything yet."""
    world = await new_world(instant_top_ups=False, top_up_provider="stripe")
    services = world.services
    world.services = replace(services, top_up_provider=payments)
    yield world
    report = await audit.audit(services.database)
    assert report.findings == []


@pytest.fixture
async def alpha(world: World) -> Someone:
    return await world.join("Alpha")


async def start(someone: Someone, amount: str = "25", key: str | None = None) -> Any:
    asked = {"amount": amount, "idempotencyKey": key or new_key()}
    return (await someone.ask(START, input=asked)).one


async def started(someone: Someone, amount: str = "25", key: str | None = None) -> UUID:
    answer = await start(someone, amount, key)
    assert answer["__typename"] == "TopUpStarted", answer
    top_up_id = ids.read_row_id(answer["topUp"]["id"], "TopUp")
    assert top_up_id is not None
    return top_up_id


async def read(someone: Someone, top_up_id: UUID) -> Any:
    return (await someone.ask(READ, id=ids.global_id("TopUp", top_up_id))).one


async def state(someone: Someone) -> Any:
    return (await someone.ask(STATE)).one


async def apply(world: World, *facts: Fact) -> None:
    services = world.services
    provider = services.top_up_provider
    assert provider is not None
    for fact in facts:
        await apply_provider_fact.execute(services, provider, services.limits.currency, fact)


async def attend(world: World, someone: Someone) -> None:
    """Run the job for all of their top-ups as if they were due."""
    services = world.services
    world.sql("UPDATE top_ups SET attend_at = created_at WHERE attend_at IS NOT NULL")
    for user_id, top_up_id in await attending.due(services.database, 100):
        if user_id == someone.user_id:
            await attend_top_up.execute(
                services,
                services.limits.currency,
                services.settings.app_url,
                user_id,
                top_up_id,
            )


async def mismatched(world: World) -> list[str]:
    rows = world.sql("SELECT reason FROM top_up_mismatches ORDER BY reason")
    assert len(rows) == await mismatches.count(world.services.database)
    return [reason for (reason,) in rows]


async def test_a_top_up_is_credited_once_when_it_is_paid(
    world: World, alpha: Someone, payments: Payments
) -> None:
    key = new_key()
    answers = await asyncio.gather(*(start(alpha, "25.50", key) for _ in range(5)))
    assert len(payments.sessions) == 1
    top_up_id = next(iter(payments.sessions))
    shown = await read(alpha, top_up_id)
    assert shown["status"] == "PENDING"
    assert shown["checkoutUrl"] == f"https://pay.example/cs_{top_up_id.hex}"
    assert shown["transaction"] is None
    assert sorted(each["replayed"] for each in answers) == [False, True, True, True, True]
    again = await start(alpha, "25.5", key)
    assert (again["replayed"], again["topUp"]) == (True, shown)
    assert (await start(alpha, "26", key))["__typename"] == "IdempotencyKeyReused"

    paid = payments.pay(top_up_id)
    await asyncio.gather(*(apply(world, paid) for _ in range(5)))
    await apply(world, Ended(paid.top_up, paid.session_id), paid)
    assert (await state(alpha))["balance"] == {"amount": "25.50"}
    shown = await read(alpha, top_up_id)
    assert (shown["status"], shown["checkoutUrl"]) == ("POSTED", None)
    assert shown["transaction"]["amount"] == {"amount": "25.50"}
    assert (await start(alpha, "25.50", key))["topUp"] == shown
    settled = (await close(alpha, key, "TOP_UP")).one
    assert settled["transaction"]["reference"] == shown["transaction"]["reference"]
    assert await mismatched(world) == []


async def test_a_lost_answer_of_the_provider_creates_no_second_session(
    world: World, alpha: Someone, payments: Payments
) -> None:
    payments.lost_answer = ProviderAway("no answer")
    key = new_key()
    first = await started(alpha, key=key)
    assert (await read(alpha, first))["checkoutUrl"] is None
    payments.lost_answer = None
    await attend(world, alpha)
    assert (await read(alpha, first))["checkoutUrl"] is not None
    assert len(payments.sessions) == 1

    # An event may even come before the response to the call that caused it.
    payments.lost_answer = ProviderAway("no answer")
    second = await started(alpha)
    await apply(world, payments.pay(second))
    payments.lost_answer = None
    await attend(world, alpha)
    assert (await read(alpha, second))["status"] == "POSTED"

    payments.trouble = ProviderRefused("no such currency")
    third = await started(alpha)
    assert (await read(alpha, third))["status"] == "FAILED"


async def test_a_top_up_fails_whose_payment_page_was_never_created(
    world: World, alpha: Someone, payments: Payments
) -> None:
    payments.trouble = ProviderAway("the same failure for as long as the key is remembered")
    top_up_id = await started(alpha)
    await attend(world, alpha)
    assert (await read(alpha, top_up_id))["status"] == "PENDING"
    world.sql(
        "UPDATE top_ups SET created_at = created_at - interval '1 hour' WHERE id = %s", top_up_id
    )
    await attend(world, alpha)
    assert (await read(alpha, top_up_id))["status"] == "FAILED"
    told = (await state(alpha))["notifications"]["nodes"]
    assert [each["kind"] for each in told] == ["TOP_UP_FAILED"]


async def test_without_events_the_job_and_the_reconciliation_find_what_happened(
    world: World, alpha: Someone, payments: Payments
) -> None:
    one, two, three = [await started(alpha, amount) for amount in ("1", "2", "3")]
    payments.pay(one)
    payments.facts.append(Ended(payments.checkouts[f"cs_{two.hex}"].top_up, f"cs_{two.hex}"))
    await attend(world, alpha)
    assert [(await read(alpha, each))["status"] for each in (one, two, three)] == [
        "POSTED", "FAILED", "PENDING",
    ]  # fmt: skip
    told = (await state(alpha))["notifications"]["nodes"]
    assert told == [
        {
            "kind": "TOP_UP_FAILED",
            "message": "Your top-up of 2.00 USD failed.",
            "topUp": {"id": ids.global_id("TopUp", two), "status": "FAILED"},
        }
    ]
    payments.pay(three)
    services = world.services
    await reconcile_top_ups.execute(services, services.limits.currency)
    assert (await read(alpha, three))["status"] == "PENDING"
    await reconciling.request(services.database, "stripe")
    payments.trouble = ProviderAway("no answer")
    await reconcile_top_ups.execute(services, services.limits.currency)
    payments.trouble = None
    await reconciling.request(services.database, "stripe")
    assert await reconciling.due(services.database, 1)
    await reconcile_top_ups.execute(services, services.limits.currency)
    assert await reconciling.due(services.database, 1) == []
    assert (await read(alpha, three))["status"] == "POSTED"
    assert (await state(alpha))["balance"] == {"amount": "4.00"}
    page = (await state(alpha))["topUps"]
    assert [node["status"] for node in page["nodes"]] == ["POSTED", "FAILED"]
    assert page["pageInfo"]["hasNextPage"]


async def test_an_interrupted_reconciliation_goes_on_from_its_last_checkpoint(
    world: World, alpha: Someone, payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_top_ups, "EVENTS_BETWEEN_CHECKPOINTS", 1)
    database, currency = world.services.database, world.services.limits.currency
    payments.pay(await started(alpha))
    await reconciling.request(database, "stripe")
    await reconcile_top_ups.execute(world.services, currency)
    assert (await state(alpha))["balance"] == {"amount": "25.00"}
    await reconciling.request(database, "stripe")
    begun = await reconciling.begin(database, "stripe")
    assert begun is not None
    checkpoint = begun[1]
    await reconciling.advance(database, "stripe", checkpoint)
    assert await reconciling.begin(database, "stripe") is None
    await reconciling.request(database, "stripe")
    begun = await reconciling.begin(database, "stripe")
    assert begun is not None
    assert begun[0] == checkpoint - reconciling.OVERLAP


async def test_a_payment_for_a_closed_key_is_refunded_and_never_credited(
    world: World, alpha: Someone, payments: Payments
) -> None:
    key, late = new_key(), new_key()
    top_up_id, other = await started(alpha, key=key), await started(alpha, key=late)
    assert (await close(alpha, key, "TOP_UP")).one["transaction"] is None
    shown = await read(alpha, top_up_id)
    assert (shown["status"], shown["checkoutUrl"]) == ("FAILED", None)
    await attend(world, alpha)
    assert payments.expired == [f"cs_{top_up_id.hex}"]

    paid = payments.pay(other)
    await close(alpha, late, "TOP_UP")
    await apply(world, paid, paid)
    await attend(world, alpha)
    await apply(world, paid, payments.take_back(paid))
    await attend(world, alpha)
    assert payments.refunded == [paid.payment_id]
    assert await mismatched(world) == []
    await apply(world, payments.give_back(payments.take_back(paid)))
    assert await mismatched(world) == ["not_refunded"]
    assert (await state(alpha))["balance"] == {"amount": "0.00"}
    assert (await start(alpha, key=late))["replayed"] is True
    unused = new_key()
    await close(alpha, unused, "TOP_UP")
    assert (await start(alpha, key=unused))["__typename"] == "IdempotencyKeyClosed"


async def test_payments_that_do_not_match_what_was_started_are_reported_and_change_nothing(
    world: World, alpha: Someone, payments: Payments
) -> None:
    top_up_id = await started(alpha)
    beta = await world.join("Beta")
    paid = payments.pay(top_up_id)
    before = world.books()
    await apply(
        world,
        replace(paid, amount_minor=2600, payment_id="pi_amount"),
        replace(paid, currency="EUR", payment_id="pi_currency"),
        replace(paid, session_id="cs_other", payment_id="pi_session"),
        replace(paid, top_up=replace(paid.top_up, user_id=beta.user_id), payment_id="pi_account"),
        replace(paid, top_up=replace(paid.top_up, top_up_id=ids.new_id()), payment_id="pi_top_up"),
    )
    assert world.books() == before
    assert await mismatched(world) == [
        "other_amount", "other_currency", "other_session", "unknown_top_up", "unknown_top_up",
    ]  # fmt: skip
    await apply(world, paid, replace(paid, payment_id="pi_second"))
    assert (await state(alpha))["balance"] == {"amount": "25.00"}
    assert "other_payment" in await mismatched(world)


async def test_what_cannot_be_started_is_refused_and_nothing_is_created(
    world: World, alpha: Someone, payments: Payments
) -> None:
    unverified = await world.join("Unverified", verified=False)
    assert (await start(unverified))["__typename"] == "EmailNotVerified"
    for amount in ("0", "-1", "1.001", "10001"):
        refused = await start(alpha, amount)
        assert refused == {"__typename": "InvalidAmount", "maximum": {"amount": "10000.00"}}
    assert (await start(alpha, key="short"))["__typename"] == "InvalidInput"
    assert (await alpha.add("5"))["__typename"] == "NotAvailable"
    assert (await alpha.ask(WALLET)).one == {"topUpMethod": "CHECKOUT"}
    assert payments.sessions == {}
    assert world.sql("SELECT 1 FROM top_ups") == []

    # What is pending will be credited whatever the balance is, so it counts.
    world.services = replace(
        world.services, limits=replace(world.services.limits, maximum_balance_minor=3_000)
    )
    top_up_id = await started(alpha, "25")
    refused = await start(alpha, "6")
    assert refused == {
        "__typename": "BalanceLimitExceeded", "maximumTopUp": {"amount": "5.00"},
    }  # fmt: skip
    await apply(world, payments.pay(top_up_id))
    for _ in range(MAXIMUM_PENDING):
        await started(alpha, "0.01")
    assert (await start(alpha, "0.01"))["__typename"] == "InvalidInput"


async def test_keys_are_shared_with_instant_top_ups(
    new_world: Callable[..., Any], payments: Payments
) -> None:
    world = await new_world()
    alpha = await world.join("Alpha", balance="5")
    assert (await start(alpha))["__typename"] == "NotAvailable"
    key = new_key()
    await alpha.add("25", key)
    world.services = replace(world.services, top_up_provider=payments)
    assert (await start(alpha, key=key))["__typename"] == "IdempotencyKeyReused"
    pending = new_key()
    await started(alpha, key=pending)
    assert (await alpha.add("25", pending))["__typename"] == "IdempotencyKeyReused"
    assert (await alpha.ask(WALLET)).one == {"topUpMethod": "INSTANT"}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """What happens to a payment at the provider, and the events that arrive of it."""
    happened = ["paid"]
    if draw(st.booleans()):
        happened += ["refund", *draw(st.sampled_from([[], ["refund failed"]]))]
    if draw(st.booleans()):
        happened += ["dispute", *draw(st.sampled_from([[], ["dispute won"]]))]
    return happened, draw(st.lists(st.sampled_from(happened), max_size=8))


@given(histories())
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_every_order_and_repetition_of_events_has_the_same_result(
    world: World, alpha: Someone, payments: Payments, drawn: tuple[list[str], list[str]]
) -> None:
    history, arrived = drawn
    before = Decimal((await state(alpha))["balance"]["amount"])
    paid = payments.pay(await started(alpha, "20"))
    refunded = payments.take_back(paid, 500)
    disputed = payments.take_back(paid, 2000, Source.DISPUTE)
    facts: dict[str, Fact] = {
        "paid": paid,
        "refund": refunded,
        "refund failed": payments.give_back(refunded),
        "dispute": disputed,
        "dispute won": payments.give_back(disputed),
    }
    payments.facts[:] = [facts[each] for each in history]
    # Some at the same time, as from several processes.
    for pair in zip(arrived[::2], arrived[1::2], strict=False):
        await asyncio.gather(*(apply(world, facts[each]) for each in pair))
    await apply(world, *(facts[each] for each in arrived[len(arrived) // 2 * 2 :]))
    services = world.services
    await reconciling.request(services.database, "stripe")
    await reconcile_top_ups.execute(services, services.limits.currency)

    expected = Decimal(20)
    expected -= Decimal(5) if "refund" in history and "refund failed" not in history else 0
    expected = Decimal(0) if history[-1] == "dispute" else expected
    shown = await state(alpha)
    assert Decimal(shown["balance"]["amount"]) - before == expected
    is_reversed = expected < 20
    assert shown["topUps"]["nodes"][0]["status"] == ("REVERSED" if is_reversed else "POSTED")
    assert await mismatched(world) == []
