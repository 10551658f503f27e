"""The adapter of Stripe, against Stripe's own test mode; collected only with STRIPE_TEST_KEY."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from adapters.stripe import Stripe
from domain.top_ups.provider import Source, TakenBack
from tests.adapters import payment_provider
from tests.waiting import until

pytestmark = pytest.mark.anyio

KEY = os.environ["STRIPE_TEST_KEY"]


@pytest.fixture
async def provider() -> AsyncIterator[Stripe]:
    assert KEY.startswith(("sk_test_", "rk_test_")), "This would move real money."
    opened = Stripe(KEY, "whsec_of_this_test")
    yield opened
    await opened.close()


async def test_it_does_what_a_provider_has_to(provider: Stripe) -> None:
    stranger = Stripe("sk_test_of_nobody", "whsec_of_this_test")
    await payment_provider.check_sessions(provider)
    await payment_provider.check_refusals(provider, stranger)
    await stranger.close()


async def test_a_payment_is_refunded_once(provider: Stripe) -> None:
    top_up = payment_provider.checkout().top_up
    labels = {"user_id": str(top_up.user_id), "top_up_id": str(top_up.top_up_id)}
    began = datetime.now(UTC) - timedelta(minutes=1)
    # A payment page is paid by a person; this is what it makes.
    payment = stripe.StripeClient(KEY).v1.payment_intents.create(
        {
            "amount": 1250,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "confirm": True,
            "metadata": labels,
        }
    )
    assert await provider.owner(payment.id) == top_up
    for _ in range(2):
        await provider.refund(payment.id, top_up)

    async def is_reported() -> bool:
        taken = {
            fact.source_id
            for event in await provider.events(began)
            if isinstance(fact := event.fact, TakenBack)
            and (fact.payment_id, fact.source) == (payment.id, Source.REFUND)
        }
        return len(taken) == 1

    await until(is_reported)
