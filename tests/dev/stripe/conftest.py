"""One payment provider for all tests of it, with an endpoint for its events and the official library."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
import stripe

from dev.stripe.emulator import StripeEmulator

SECRET = "whsec_of_the_tests"
KEY = "sk_test_of_the_tests"
OTHER_KEY = "sk_test_of_another_account"
LISTED_KEY = "sk_test_of_an_account_for_lists"


@dataclass
class Endpoint:
    """Takes events as the wallet does: checks them with the official library, and keeps them."""

    client: stripe.StripeClient
    port: int = 0
    events: list[stripe.Event] = field(default_factory=list)
    #: Statuses for the next events; 200 when there are no more.
    statuses: list[int] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def take(self, body: bytes, signature: str) -> int:
        self.events.append(self.client.construct_event(body, signature, SECRET))
        return self.statuses.pop(0) if self.statuses else 200


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    taken = Endpoint(stripe.StripeClient(KEY))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(taken.take(body, self.headers["stripe-signature"]))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield taken
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def provider(
    endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StripeEmulator]:
    folder = tmp_path_factory.mktemp("stripe")
    server = StripeEmulator(
        file=folder / "stripe.sqlite",
        log=folder / "stripe.log",
        api_key=KEY,
        webhook_secret=SECRET,
        endpoint=f"http://127.0.0.1:{endpoint.port}/funding/stripe",
        other_keys=[OTHER_KEY, LISTED_KEY],
        pause_seconds=0.02,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _calm(provider: StripeEmulator, endpoint: Endpoint) -> Iterator[None]:
    """Each test begins with a provider that behaves, and an endpoint that has taken nothing."""
    yield
    provider.act("mode", name="immediately")
    provider.act("no_faults")
    provider.act("idle")
    endpoint.events.clear()
    endpoint.statuses.clear()


class Connect(Protocol):
    def __call__(
        self, key: str = KEY, *, seconds: float = 5, retries: int = 0
    ) -> stripe.StripeClient: ...


@pytest.fixture
def connect(provider: StripeEmulator) -> Iterator[Connect]:
    """Clients of the official library, which wait that long for an answer."""
    opened: list[stripe.HTTPXClient] = []

    def connect(key: str = KEY, *, seconds: float = 5, retries: int = 0) -> stripe.StripeClient:
        opened.append(stripe.HTTPXClient(timeout=seconds, allow_sync_methods=True))
        return stripe.StripeClient(
            key,
            base_addresses={"api": provider.url},
            max_network_retries=retries,
            http_client=opened[-1],
        )

    yield connect
    for each in opened:
        each.close()


@pytest.fixture
def client(connect: Connect) -> stripe.StripeClient:
    return connect()


def order(**changes: object) -> Any:
    """The parameters of a session."""
    return {
        "mode": "payment",
        "client_reference_id": "top-up-1",
        "metadata": {"top_up_id": "1"},
        "payment_intent_data": {"metadata": {"top_up_id": "1"}},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "usd",
                    "unit_amount": 2_500,
                    "product_data": {"name": "Wallet top-up"},
                },
            }
        ],
        "success_url": "http://127.0.0.1:1/top-ups/1?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:1/top-ups/1",
        **changes,
    }
