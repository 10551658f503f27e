"""The payment page and the dashboard of the payment provider, as a browser uses them without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import stripe

from dev.stripe.emulator import StripeEmulator
from tests.dev.stripe.conftest import order

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def browser(provider: StripeEmulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=provider.url) as client:
        yield client


def test_a_payer_is_led_back_to_the_wallet_with_the_session(
    client: stripe.StripeClient, browser: httpx.Client
) -> None:
    session = client.v1.checkout.sessions.create(order())
    address = str(session.url)
    page = browser.get(address)
    assert page.status_code == 200
    for words in ("Test payment provider", "25.00 USD", "Wallet top-up", str(session.cancel_url)):
        assert words in page.text
    declined = browser.post(address, data={"method": "declined"})
    assert (declined.status_code, "was declined" in declined.text) == (402, True)
    paid = browser.post(address, data={"method": "card"})
    assert paid.status_code == 303
    back = str(session.success_url).replace("{CHECKOUT_SESSION_ID}", session.id)
    assert paid.headers["location"] == back
    again = browser.post(address, data={"method": "card"})
    assert (again.status_code, "This was paid." in again.text, back in again.text) == (
        200,
        True,
        True,
    )
    assert browser.get("/c/pay/cs_test_unknown").status_code == 404


def test_what_is_written_into_a_page_is_text(
    client: stripe.StripeClient, browser: httpx.Client
) -> None:
    hostile = order()
    hostile["line_items"][0]["price_data"]["product_data"]["name"] = "<script>alert(1)</script>"
    page = browser.get(str(client.v1.checkout.sessions.create(hostile).url))
    assert "&lt;script&gt;" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_dashboard_does_what_its_buttons_say(
    client: stripe.StripeClient, provider: StripeEmulator, browser: httpx.Client
) -> None:
    session = client.v1.checkout.sessions.create(order())
    assert "Waiting for the payer" in browser.get("/test").text

    def press(action: str, **fields: str) -> httpx.Response:
        return browser.post(
            f"/test/control/{action}", data={"session": session.id, **fields}, follow_redirects=True
        )

    assert "Paid" in press("pay", method="card").text
    assert "refunded 5.00 USD" in press("refund", amount="5.00", currency="usd").text
    too_much = press("refund", amount="20.01", currency="usd")
    assert (too_much.status_code, "greater than unrefunded amount" in too_much.text) == (400, True)
    assert "The amount is a number" in press("refund", amount="five", currency="usd").text
    assert "dispute needs response" in press("dispute").text
    assert "dispute lost" in press("close_dispute", outcome="lost").text
    browser.post("/test/control/mode", data={"name": "late", "seconds": "3"})
    assert provider.state()["mode"] == {"name": "late", "seconds": 3}
    assert provider.state()["sessions"][0]["charge"]["amount_refunded"] == 500


def test_pages_of_other_origins_cannot_press_buttons(
    client: stripe.StripeClient, browser: httpx.Client
) -> None:
    session = client.v1.checkout.sessions.create(order())
    foreign = {"origin": "https://evil.example"}
    assert browser.post(str(session.url), headers=foreign).status_code == 403
    pressed = browser.post("/test/control/pay", data={"session": session.id}, headers=foreign)
    assert pressed.status_code == 403
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
