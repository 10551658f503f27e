"""The payment provider's API, checked with Stripe's own library."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import httpx
import pytest
import stripe

from dev.stripe import objects
from dev.stripe.emulator import StripeEmulator
from tests.dev.stripe.conftest import KEY, LISTED_KEY, OTHER_KEY, Connect, Endpoint, order
from tests.waiting import block_until

# The library still passes text to httpx in a way that will end.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def test_its_shapes_are_of_the_version_that_the_library_asks_for() -> None:
    assert stripe.api_version == objects.API_VERSION


def test_a_session_is_created_paid_and_found_with_its_payment(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    created = client.v1.checkout.sessions.create(order(), {"idempotency_key": "paid-once"})
    assert created.id.startswith("cs_test_")
    assert created.url == f"{provider.url}/c/pay/{created.id}"
    assert (created.status, created.payment_status) == ("open", "unpaid")
    assert (created.amount_total, created.currency) == (2_500, "usd")
    assert (created.payment_intent, created.livemode) == (None, False)
    provider.act("pay", session=created.id)
    paid = client.v1.checkout.sessions.retrieve(
        created.id, {"expand": ["payment_intent.latest_charge", "line_items"]}
    )
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert paid.metadata is not None
    assert paid.metadata.to_dict() == {"top_up_id": "1"}
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.id.startswith("pi_")
    assert (intent.status, intent.amount_received) == ("succeeded", 2_500)
    assert intent.metadata.to_dict() == {"top_up_id": "1"}
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.paid, intent.latest_charge.amount_captured) == (True, 2_500)
    assert paid.line_items is not None
    assert [item.description for item in paid.line_items.data] == ["Wallet top-up"]
    found = client.v1.checkout.sessions.list({"payment_intent": intent.id})
    assert [each.id for each in found.data] == [created.id]

    provider.act("idle")
    kinds = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    assert endpoint.types == [*kinds, "checkout.session.completed"]
    completed = endpoint.events[-1]
    assert completed.data.object["id"] == created.id
    assert (completed.api_version, completed.livemode) == (stripe.api_version, False)
    assert client.v1.events.retrieve(completed.id).pending_webhooks == 0


def test_a_delayed_payment_is_confirmed_or_fails_later(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    for outcome, status in (("succeeded", "paid"), ("failed", "unpaid")):
        created = client.v1.checkout.sessions.create(order())
        delayed = provider.act("pay", session=created.id, method="delayed")
        assert (delayed["status"], delayed["payment_status"]) == ("complete", "unpaid")
        assert (
            provider.act("finish", session=created.id, outcome=outcome)["payment_status"] == status
        )
        provider.act("idle")
        assert endpoint.types[-1] == f"checkout.session.async_payment_{outcome}"


def test_a_declined_card_leaves_the_session_open_until_it_expires(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    created = client.v1.checkout.sessions.create(order(expires_at=int(time.time()) + 1_900))
    provider.act("pay", session=created.id, method="declined")
    assert client.v1.checkout.sessions.retrieve(created.id).status == "open"
    expired = client.v1.checkout.sessions.expire(
        created.id, options={"idempotency_key": "expire-once"}
    )
    assert (expired.status, expired.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError, match="status of 'expired'"):
        client.v1.checkout.sessions.expire(created.id)
    provider.act("idle")
    assert endpoint.types[-2:] == ["payment_intent.payment_failed", "checkout.session.expired"]
    request = endpoint.events[-1].request
    assert request is not None
    assert request.idempotency_key == "expire-once"

    by_itself = client.v1.checkout.sessions.create(order(expires_at=int(time.time()) + 1_900))
    provider.act("clock", seconds=2_000)
    assert client.v1.checkout.sessions.retrieve(by_itself.id).status == "expired"


def test_refunds_fit_what_was_paid_and_may_fail(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    paid = paid_session(client, provider)
    intent = str(paid.payment_intent)
    part = client.v1.refunds.create({"payment_intent": intent, "amount": 1_000})
    assert (part.amount, part.status, part.payment_intent) == (1_000, "succeeded", intent)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"payment_intent": intent, "amount": 1_501})
    rest = client.v1.refunds.create({"payment_intent": intent})
    assert rest.amount == 1_500
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_already_refunded"
    assert client.v1.charges.list({"payment_intent": intent}).data[0].refunded
    assert provider.act("fail_refund", session=paid.id)["status"] == "failed"
    assert client.v1.charges.list({"payment_intent": intent}).data[0].amount_refunded == 1_000
    refunds = client.v1.refunds.list({"payment_intent": intent})
    assert [(each.id, each.status) for each in refunds.data] == [
        (rest.id, "failed"),
        (part.id, "succeeded"),
    ]
    provider.act("idle")
    assert endpoint.types.count("refund.created") == 2
    assert endpoint.types.count("refund.failed") == 1


def test_a_dispute_withdraws_the_money_and_returns_it_if_it_is_won(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    for outcome in ("won", "lost"):
        endpoint.events.clear()
        paid = paid_session(client, provider)
        opened = provider.act("dispute", session=paid.id)
        assert client.v1.disputes.retrieve(opened["id"]).status == "needs_response"
        with pytest.raises(stripe.InvalidRequestError, match="charged back"):
            client.v1.refunds.create({"payment_intent": str(paid.payment_intent)})
        assert provider.act("close_dispute", session=paid.id, outcome=outcome)["status"] == outcome
        provider.act("idle")
        expected = ["created", "funds_withdrawn", "closed"]
        expected += ["funds_reinstated"] if outcome == "won" else []
        seen = [kind for kind in endpoint.types if "dispute" in kind]
        assert seen == [f"charge.dispute.{each}" for each in expected]


def test_an_inquiry_takes_no_money_until_it_is_a_dispute(
    client: stripe.StripeClient, provider: StripeEmulator, endpoint: Endpoint
) -> None:
    paid = paid_session(client, provider)
    assert provider.act("dispute", session=paid.id, kind="inquiry")["balance_transactions"] == []
    client.v1.refunds.create({"payment_intent": str(paid.payment_intent), "amount": 100})
    assert provider.act("escalate", session=paid.id)["status"] == "needs_response"
    provider.act("idle")
    assert endpoint.types[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    closed = paid_session(client, provider)
    provider.act("dispute", session=closed.id, kind="inquiry")
    ended = provider.act("close_dispute", session=closed.id, outcome="lost")
    assert (ended["status"], ended["balance_transactions"]) == ("warning_closed", [])


def test_lists_are_paged_in_both_directions(
    client: stripe.StripeClient, provider: StripeEmulator, connect: Connect
) -> None:
    # No other test has sessions of this account.
    other = connect(LISTED_KEY)
    made = [other.v1.checkout.sessions.create(order()).id for _ in range(5)][::-1]
    first = other.v1.checkout.sessions.list({"limit": 2})
    assert ([each.id for each in first.data], first.has_more) == (made[:2], True)
    after = other.v1.checkout.sessions.list({"limit": 10, "starting_after": made[1]})
    assert ([each.id for each in after.data], after.has_more) == (made[2:], False)
    before = other.v1.checkout.sessions.list({"limit": 2, "ending_before": made[3]})
    assert ([each.id for each in before.data], before.has_more) == (made[1:3], True)
    assert [each.id for each in first.auto_paging_iter()] == made
    assert client.v1.checkout.sessions.list({"created": {"gt": 2**39}}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such checkout"):
        client.v1.checkout.sessions.list({"starting_after": made[0]})


def test_events_are_listed_by_type_and_delivery(
    client: stripe.StripeClient, provider: StripeEmulator
) -> None:
    provider.act("mode", name="never")
    paid = paid_session(client, provider)
    lost = client.v1.events.list({"types": ["checkout.session.completed"], "limit": 1}).data[0]
    assert lost.data.object["id"] == paid.id
    assert lost.pending_webhooks == 1
    undelivered = client.v1.events.list({"type": "checkout.*", "delivery_success": False})
    assert [each.id for each in undelivered.data] == [lost.id]
    assert provider.act("deliver", event=lost.id) == {"outcomes": ["200"]}
    assert client.v1.events.list({"type": "checkout.*", "delivery_success": False}).data == []


# ================================================================ refusals


@pytest.mark.parametrize(
    ("changes", "message", "param"),
    [
        ({"mode": "subscription"}, "knows the mode", "mode"),
        ({"success_url": ""}, "Missing required param", "success_url"),
        ({"success_url": "javascript:alert(1)"}, "Not a valid URL", "success_url"),
        ({"line_items": []}, "Missing required param", "line_items"),
        ({"expires_at": int(time.time()) + 60}, "between 30 minutes and 24 hours", "expires_at"),
        ({"colour": "red"}, "unknown parameter: colour", "colour"),
        ({"client_reference_id": "x" * 201}, "at most 200", "client_reference_id"),
        ({"metadata": {"key": "x" * 501}}, "values up to 500", "metadata[key]"),
    ],
)
def test_parameters_are_checked(
    client: stripe.StripeClient, changes: dict[str, Any], message: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        client.v1.checkout.sessions.create(order(**changes))
    assert (refused.value.http_status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("usd", 49, "amount_too_small"),
        ("usd", 100_000_000, "amount_too_large"),
        ("kwd", 1_005, None),
        ("isk", 1_050, None),
        ("usd", -1, "parameter_invalid_integer"),
    ],
)
def test_amounts_are_those_that_the_currency_can_charge(
    client: stripe.StripeClient, currency: str, amount: int, code: str | None
) -> None:
    wrong = order()
    wrong["line_items"][0]["price_data"] |= {"currency": currency, "unit_amount": amount}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.checkout.sessions.create(wrong)
    assert refused.value.code == code


def test_keys_accounts_and_addresses_are_told_apart(
    client: stripe.StripeClient, provider: StripeEmulator, connect: Connect
) -> None:
    created = client.v1.checkout.sessions.create(order())
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided: sk_test_"):
        connect("sk_test_that_nobody_has_made").v1.balance.retrieve()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        connect(OTHER_KEY).v1.checkout.sessions.retrieve(created.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    basic = httpx.get(f"{provider.url}/v1/balance", auth=(KEY, ""))
    assert (basic.status_code, basic.json()["object"]) == (200, "balance")
    assert basic.headers["request-id"].startswith("req_")
    assert httpx.get(f"{provider.url}/v1/balance").status_code == 401
    bearer = {"authorization": f"Bearer {KEY}"}
    assert httpx.get(f"{provider.url}/v1/unicorns", headers=bearer).status_code == 404
    old = httpx.get(
        f"{provider.url}/v1/balance", headers={**bearer, "stripe-version": "2020-08-27"}
    )
    assert (old.status_code, old.json()["error"]["type"]) == (400, "invalid_request_error")


# ================================================================ idempotency


def test_a_key_gives_the_first_answer_for_a_day(
    client: stripe.StripeClient, provider: StripeEmulator, connect: Connect
) -> None:
    options: Any = {"idempotency_key": "the-same"}
    first = client.v1.checkout.sessions.create(order(), options)
    again = client.v1.checkout.sessions.create(order(), options)
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["idempotent-replayed"] == "true"
    # What has happened to it since does not show in the stored answer.
    provider.act("pay", session=first.id)
    assert client.v1.checkout.sessions.create(order(), options).status == "open"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        client.v1.checkout.sessions.create(order(client_reference_id="another"), options)
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.refunds.create({"payment_intent": "pi_1"}, options)
    other = connect(OTHER_KEY)
    assert other.v1.checkout.sessions.create(order(), options).id != first.id
    provider.act("clock", seconds=24 * 3_600 + 1)
    assert client.v1.checkout.sessions.create(order(), options).id != first.id


def test_an_error_of_the_provider_is_kept_with_its_key_and_a_refusal_is_not(
    client: stripe.StripeClient, provider: StripeEmulator
) -> None:
    failing: Any = {"idempotency_key": "fails"}
    provider.act("fault", kind="error")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            client.v1.checkout.sessions.create(order(), failing)
        assert failed.value.http_status == 500
    assert client.v1.checkout.sessions.create(order()).status == "open"

    refused: Any = {"idempotency_key": "refused"}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.create(order(mode="setup"), refused)
    assert client.v1.checkout.sessions.create(order(), refused).status == "open"


def test_a_key_that_is_in_use_conflicts(
    client: stripe.StripeClient, provider: StripeEmulator, connect: Connect
) -> None:
    provider.act("fault", kind="timeout")
    options: Any = {"idempotency_key": "slow"}
    failures: list[stripe.StripeError] = []
    impatient = connect(seconds=1)

    def call() -> None:
        with pytest.raises(stripe.APIConnectionError) as failed:
            impatient.v1.checkout.sessions.create(order(), options)
        failures.append(failed.value)

    thread = threading.Thread(target=call)
    thread.start()
    block_until(lambda: provider.state()["faults"] == [])
    with pytest.raises(stripe.StripeError) as conflict:
        client.v1.checkout.sessions.create(order(), options)
    assert conflict.value.http_status == 409
    assert conflict.value.error is not None
    assert conflict.value.error.code == "idempotency_key_in_use"
    thread.join()
    assert len(failures) == 1
    # Nothing was done, so the key is free once the first caller is gone.
    block_until(lambda: _status(client, options) == "open")


def _status(client: stripe.StripeClient, options: Any) -> str | None:
    with contextlib.suppress(stripe.APIError):
        return client.v1.checkout.sessions.create(order(), options).status
    return None


def test_an_answer_that_was_lost_is_found_again_with_its_key(
    client: stripe.StripeClient, provider: StripeEmulator, connect: Connect
) -> None:
    options: Any = {"idempotency_key": "lost"}
    provider.act("fault", kind="lost_answer")
    with pytest.raises(stripe.APIConnectionError):
        client.v1.checkout.sessions.create(order(), options)
    newest = provider.state()["sessions"][0]["id"]
    assert client.v1.checkout.sessions.create(order(), options).id == newest
    # The library does so by itself where it may.
    provider.act("fault", kind="lost_answer")
    patient = connect(retries=1)
    assert patient.v1.checkout.sessions.create(order()).id == provider.state()["sessions"][0]["id"]


def paid_session(client: stripe.StripeClient, provider: StripeEmulator) -> stripe.checkout.Session:
    created = client.v1.checkout.sessions.create(order())
    provider.act("pay", session=created.id)
    return client.v1.checkout.sessions.retrieve(created.id)
