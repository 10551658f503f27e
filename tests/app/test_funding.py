"""Top-ups over real HTTP: the provider's pages are paid, and its events reach /funding/stripe somehow."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import stripe
from pydantic import SecretStr

from app import wiring
from app.wiring import Opened
from application import attend_top_up, reconcile_top_ups, reverse_top_up
from dev import processes
from dev.stripe.emulator import StripeEmulator
from persistence.audit import audit
from persistence.top_ups import attending, reconciling, reversals
from tests.app.conftest import ALPHA, Api, add_people

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

SECRET = "whsec_of_this_test"
START = """
mutation($input: StartTopUpInput!) { startTopUp(input: $input) {
  __typename ... on TopUpStarted { topUp { id status checkoutUrl } } ... on UserError { message } } }
"""
STATE = "{ viewer { balance { amount } topUps { nodes { status } } } }"


@dataclass
class Funding:
    """A running wallet, its payment provider, and the services of its jobs."""

    api: Api
    provider: StripeEmulator
    opened: Opened
    token: str
    keys: int = 0

    def ask(self, document: str, **variables: Any) -> Any:
        return self.api.data(document, variables, token=self.token)

    def start(self, amount: str = "20") -> Any:
        self.keys += 1
        asked = {"amount": amount, "idempotencyKey": f"top-up-{self.keys:04}"}
        return self.ask(START, input=asked)["startTopUp"]["topUp"]

    @property
    def session(self) -> str:
        """The newest session at the provider."""
        session: str = self.provider.state()["sessions"][0]["id"]
        return session

    def state(self) -> tuple[str, list[str]]:
        """The balance, and the states of the top-ups, newest first."""
        viewer = self.ask(STATE)["viewer"]
        nodes = viewer["topUps"]["nodes"]
        return viewer["balance"]["amount"], [node["status"] for node in nodes]

    def sql(self, statement: str) -> None:
        url = self.api.settings.database_url.get_secret_value()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())

    async def work(self) -> None:
        """Run the jobs that are due now or later."""
        services = self.opened.services
        self.sql("UPDATE top_ups SET attend_at = created_at WHERE attend_at IS NOT NULL")
        for user_id, top_up_id in await attending.due(services.database, 100):
            await attend_top_up.execute(
                services,
                services.limits.currency,
                services.settings.app_url,
                user_id,
                top_up_id,
            )
        await reconciling.request(services.database, "stripe")
        await reconcile_top_ups.execute(services, services.limits.currency)
        for user_id, top_up_id in await reversals.due(services.database, 100):
            await reverse_top_up.execute(services, user_id, top_up_id)

    def send(self, body: bytes, signature: str | None, **headers: str) -> httpx.Response:
        if signature is not None:
            headers["stripe-signature"] = signature
        return self.api.client.post("/funding/stripe", content=body, headers=headers)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[StripeEmulator]:
    emulator = StripeEmulator(
        file=tmp_path / "stripe.sqlite",
        log=tmp_path / "stripe.log",
        api_key="sk_test_of_this_test",
        webhook_secret=SECRET,
        port=processes.free_port(),
        pause_seconds=0.02,
    )
    yield emulator
    emulator.stop()


@pytest.fixture
async def funding(
    start_api: Callable[..., Api], provider: StripeEmulator
) -> AsyncIterator[Funding]:
    api = start_api(
        instant_top_ups=False,
        top_up_provider="stripe",
        stripe_api_key=SecretStr(provider.api_key),
        stripe_webhook_secret=SecretStr(SECRET),
        stripe_api_base=provider.url,
    )
    provider.endpoint = f"{api.url}/funding/stripe"
    provider.start()
    await add_people(api.settings)
    async with wiring.open_services(api.settings) as opened:
        yield Funding(api, provider, opened, api.sign_in(ALPHA))
        report = await audit.audit(opened.services.database)
        assert report.findings == []


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
