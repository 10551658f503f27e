"""Top-ups over real HTTP: the provider's pages are paid, and its events reach /funding/stripe somehow."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
import stripe

from tests.app.funding import SECRET, Funding, funding, provider

__all__ = ["funding", "provider"]

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]


async def test_a_payment_is_credited_once_however_its_events_arrive(funding: Funding) -> None:
    provider = funding.provider
    modes = ("immediately", "twice", "before_response", "held", "never")
    for mode in modes:
        provider.act("mode", name=mode)
        started = funding.start()
        assert started["status"] == "PENDING"
        assert started["checkoutUrl"].startswith(provider.url)
        await asyncio.to_thread(provider.act, "pay", session=funding.session)
        await asyncio.to_thread(provider.act, "idle")
        if mode == "held":
            assert funding.state()[0] == "60.00"
            await asyncio.to_thread(provider.act, "release", order="newest")
    assert funding.state() == ("80.00", ["PENDING", *["POSTED"] * 4])
    await funding.work()
    await funding.work()
    assert funding.state() == ("100.00", ["POSTED"] * 5)

    # Paid within the call that creates the session, whose answer is then lost.
    provider.act("mode", name="before_response")
    provider.act("next_session", method="card")
    started = funding.start()
    assert started == {**started, "status": "POSTED", "checkoutUrl": None}
    await funding.work()
    assert funding.state()[0] == "120.00"


async def test_delayed_and_failed_payments(funding: Funding) -> None:
    provider = funding.provider
    for outcome in ("succeeded", "failed"):
        funding.start()
        provider.act("pay", session=funding.session, method="delayed")
        provider.act("idle")
        assert funding.state()[1][0] == "PENDING"
        provider.act("finish", session=funding.session, outcome=outcome)
        provider.act("idle")
    funding.start()
    provider.act("expire", session=funding.session)
    provider.act("idle")
    assert funding.state() == ("20.00", ["FAILED", "FAILED", "POSTED"])


async def test_forged_and_old_events_change_nothing(funding: Funding) -> None:
    provider = funding.provider
    provider.act("mode", name="never")
    funding.start()
    provider.act("pay", session=funding.session)
    client = stripe.StripeClient(provider.api_key, base_addresses={"api": provider.url})
    event = client.v1.events.list({"type": "checkout.session.completed"}).data[0]
    body = json.dumps(event.to_dict())
    sign = stripe.WebhookSignature.generate_signature_header
    for signature in (
        None,
        "",
        "t=1,v1=00",
        sign(body, "whsec_of_someone_else"),
        sign(body + " ", SECRET),
        sign(body, SECRET, timestamp=int(time.time()) - 301),
    ):
        refused = funding.send(body.encode(), signature)
        assert (refused.status_code, "errors" in refused.json()) == (400, True), signature
    not_json = b'{"object": "event"'
    assert funding.send(not_json, sign(not_json.decode(), SECRET)).status_code == 400
    assert funding.send(b"\xff", sign("x", SECRET)).status_code == 400
    assert funding.send(b"x" * (256 * 1024 + 1), "t=1,v1=00").status_code == 413
    assert funding.state() == ("0.00", ["PENDING"])

    # Signed, but about another amount than what was started: accepted, so that it is not repeated.
    for changed in ({"amount_total": 999_900}, {"currency": "eur"}):
        session = {**event.to_dict()["data"]["object"], **changed}
        other = json.dumps({**event.to_dict(), "data": {"object": session}})
        assert funding.send(other.encode(), sign(other, SECRET)).status_code == 204
    assert funding.state() == ("0.00", ["PENDING"])
    assert funding.send(body.encode(), sign(body, SECRET)).status_code == 204
    assert funding.state() == ("20.00", ["POSTED"])


async def test_a_provider_without_an_answer_delays_a_top_up_and_creates_no_second_session(
    funding: Funding,
) -> None:
    provider = funding.provider
    provider.act("fault", kind="lost_answer", path="/v1/checkout/sessions", times=1)
    started = funding.start()
    assert (started["status"], started["checkoutUrl"]) == ("PENDING", None)
    await funding.work()
    assert len(provider.state()["sessions"]) == 1
    provider.act("pay", session=funding.session)
    provider.act("idle")
    assert funding.state() == ("20.00", ["POSTED"])
