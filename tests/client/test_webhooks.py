"""Webhooks in the settings: created, tried out, changed, replayed, rotated and deleted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import standardwebhooks
from playwright.sync_api import Locator, Page, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person


class Endpoint:
    """A server that records what it is sent, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[tuple[dict[str, str], str]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.received.append((headers, body))
                self.send_response(endpoint.status)
                self.end_headers()
                self.wfile.write(b"the database is locked")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def verified(self, secret: str, place: int = -1) -> Any:
        """A request's content, if it was signed with the secret."""
        headers, body = self.received[place]
        return standardwebhooks.Webhook(secret).verify(body, headers)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    running = Endpoint()
    yield running
    running.close()


def payload(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Payload")


def preview(page: Page) -> Locator:
    return page.get_by_role("region", name="Preview of the request body")


def take_secret(page: Page) -> str:
    """The secret, which is shown once."""
    dialog = page.get_by_role("dialog", name="Copy your signing secret now")
    secret: str = dialog.get_by_role("code").inner_text()
    dialog.get_by_role("button", name="I’ve saved it").click()
    expect(dialog).to_have_count(0)
    return secret


def test_a_webhook_from_its_creation_to_its_end(
    new_page: NewPage, axe: Axe, alpha: Person, endpoint: Endpoint
) -> None:
    page = new_page(alpha, "/settings/webhooks")
    page.get_by_role("link", name="Create a webhook").click()
    address = page.get_by_role("textbox", name="Endpoint")
    address.fill("http://192.168.1.1/hooks")
    page.get_by_role("button", name="Create webhook").click()
    expect(address).to_have_attribute("aria-invalid", "true")
    expect(address).to_be_focused()
    axe.check(page)
    address.fill(endpoint.url)
    page.get_by_role("button", name="Create webhook").click()
    secret = take_secret(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(endpoint.url.split("/")[2])

    # The preview follows what is typed, and mistakes are named at the field.
    expect(preview(page)).to_contain_text('"amount": "500.00"')
    payload(page).fill("subscription { walletEvents { nonsense } }")
    expect(payload(page)).to_have_attribute("aria-invalid", "true")
    axe.check(page)
    payload(page).fill("subscription { walletEvents { sequence } }")
    expect(preview(page)).to_contain_text('"sequence": 1')
    expect(preview(page)).not_to_contain_text("amount")
    page.get_by_role("button", name="Save").click()
    expect(actions.toast(page, "The webhook is saved")).to_be_visible()

    endpoint.status = 503
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status").get_by_text("Answered 503 after")).to_be_visible()
    expect(page.get_by_role("listitem").get_by_text("the database is locked")).to_be_visible()
    assert endpoint.verified(secret)["data"] == {"walletEvents": {"sequence": 1}}
    axe.check(page)

    page.get_by_role("button", name="New secret…").click()
    page.get_by_role("combobox", name="The old secret stays valid").select_option("For 1 hour")
    axe.check(page)
    page.get_by_role("button", name="Create secret").click()
    successor = take_secret(page)
    expect(page.get_by_text("Each request is signed with both.")).to_be_visible()
    endpoint.status = 200
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Your endpoint accepted it in")).to_be_visible()
    for each in (secret, successor):
        assert endpoint.verified(each)["number"] == 1

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("This webhook is paused")).to_be_visible()
    axe.check(page)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()

    page.get_by_role("button", name="Delete webhook").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()


def test_events_are_delivered_and_delivered_again(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person, endpoint: Endpoint
) -> None:
    page = new_page(alpha, "/settings/webhooks/new", viewport=PHONE, color_scheme="dark")
    page.get_by_role("textbox", name="Endpoint").fill(endpoint.url)
    page.get_by_role("combobox", name="Start").select_option("After an event of your choice")
    number = page.get_by_role("textbox", name="After event number")
    number.fill("one")
    page.get_by_role("button", name="Create webhook").click()
    expect(number).to_have_attribute("aria-invalid", "true")
    number.fill("0")
    page.get_by_role("button", name="Create webhook").click()
    take_secret(page)
    alpha.send("3", beta)
    expect(page.get_by_role("listitem").filter(has_text="Event 2")).to_contain_text("Accepted")
    expect(page.get_by_text("All 2 events")).to_be_visible()
    axe.check(page)
    page.get_by_role("button", name="Send again…").click()
    page.get_by_role("textbox", name="After event number").fill("1")
    axe.check(page)
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    expect(page.get_by_role("listitem").filter(has_text="Event 2")).to_have_count(2)
    assert [json.loads(body)["number"] for _, body in endpoint.received] == [1, 2, 2]

    # An endpoint that is gone ends deliveries, until the owner has repaired it.
    endpoint.status = 410
    alpha.send("1", beta)
    expect(page.get_by_role("region", name="Messages").get_by_text("was disabled")).to_be_visible()
    expect(page.get_by_text("This webhook is disabled")).to_be_visible()
    axe.check(page)
    endpoint.status = 200
    page.get_by_role("link", name="Notifications, 1 unread").click()
    page.get_by_role("main").get_by_role("link", name="was disabled").click()
    page.get_by_role("button", name="Enable again").click()
    expect(page.get_by_role("listitem").filter(has_text="Event 3").first).to_contain_text(
        "Accepted"
    )
