"""How the payment provider's events arrive: signed, repeated, late, out of order, early, or not at all."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import stripe

from dev.stripe.emulator import StripeEmulator
from tests.dev.stripe.conftest import Endpoint, order
from tests.waiting import block_until

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def pay(client: stripe.StripeClient, provider: StripeEmulator) -> str:
    created = client.v1.checkout.sessions.create(order())
    provider.act("pay", session=created.id)
    return created.id


def test_an_event_is_repeated_until_it_is_accepted(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    endpoint.statuses[:] = [500, 302, 400]
    pay(client, provider)
    kinds = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    block_until(lambda: len(endpoint.events) == 7)
    # One that failed does not hold up the next.
    assert endpoint.types[:4] == [*kinds, "checkout.session.completed"]
    assert sorted(endpoint.types[4:]) == sorted(kinds)
    repeated = {event.id for event in endpoint.events if event.type == kinds[0]}
    assert len(repeated) == 1
    provider.act("idle")
    block_until(lambda: states(provider)[0] == ["delivered"])
    assert provider.state()["events"][3]["deliveries"][0]["attempts"] == 2


def test_events_come_twice_at_the_same_time(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    provider.act("mode", name="twice")
    pay(client, provider)
    provider.act("idle")
    assert len(endpoint.events) == 8
    assert len({event.id for event in endpoint.events}) == 4


def test_held_events_come_in_the_order_that_is_wanted(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    provider.act("mode", name="held")
    session = pay(client, provider)
    provider.act("refund", session=session, amount=100)
    provider.act("idle")
    assert endpoint.events == []
    assert provider.act("release", order="newest") == {"delivered": 6}
    assert endpoint.types[:3] == ["charge.refunded", "refund.created", "checkout.session.completed"]
    assert provider.act("release") == {"delivered": 0}


def test_late_events_wait_and_lost_ones_are_only_listed(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    provider.act("mode", name="late", seconds=3_600)
    pay(client, provider)
    provider.act("mode", name="never")
    pay(client, provider)
    provider.act("idle")
    assert endpoint.events == []
    assert [state for each in states(provider)[:8] for state in each] == ["never"] * 4 + [
        "pending"
    ] * 4
    found = client.v1.events.list({"type": "checkout.session.completed", "limit": 2})
    assert len(found.data) == 2


def test_an_event_arrives_before_the_response_of_the_call_that_caused_it(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    provider.act("mode", name="before_response")
    provider.act("next_session", method="card")
    seen: list[str] = []
    release = threading.Event()
    take = endpoint.take

    def take_slowly(body: bytes, signature: str) -> int:
        release.wait(10)
        return take(body, signature)

    endpoint.take = take_slowly  # type: ignore[method-assign]
    options: Any = {"idempotency_key": "early"}
    thread = threading.Thread(
        target=lambda: seen.append(client.v1.checkout.sessions.create(order(), options).id)
    )
    thread.start()
    block_until(lambda: provider.state()["events"][:1])
    assert seen == []
    release.set()
    thread.join()
    endpoint.take = take  # type: ignore[method-assign]
    assert endpoint.types[-1] == "checkout.session.completed"
    assert endpoint.events[-1].data.object["id"] == seen[0]


def test_it_finds_everything_again_after_it_was_killed(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    provider.act("mode", name="held")
    session = pay(client, provider)
    provider.kill()
    provider.start()
    assert provider.state()["mode"]["name"] == "held"
    assert client.v1.checkout.sessions.retrieve(session).payment_status == "paid"
    assert provider.act("release") == {"delivered": 4}
    assert endpoint.types[-1] == "checkout.session.completed"
    assert provider.file.stat().st_mode & 0o077 == 0


def states(provider: StripeEmulator) -> list[list[str]]:
    """The states of the deliveries of each event, newest first."""
    return [[each["state"] for each in event["deliveries"]] for event in provider.state()["events"]]
