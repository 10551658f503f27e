"""A running wallet with its payment provider, and the short ways to use both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from app import wiring
from app.wiring import Opened
from application import attend_top_up, reconcile_top_ups, reverse_top_up
from dev import processes
from dev.stripe.emulator import StripeEmulator
from persistence.audit import audit
from persistence.top_ups import attending, reconciling, reversals
from tests.app.conftest import ALPHA, BETA, Api, add_people

SECRET = "whsec_of_this_test"
START = """
mutation($input: StartTopUpInput!) { startTopUp(input: $input) {
  __typename ... on TopUpStarted { topUp { id status checkoutUrl } } ... on UserError { message } } }
"""
SEND = """
mutation($input: SendMoneyInput!) { sendMoney(input: $input) {
  __typename ... on MoneySent { transaction { sequence } } ... on UserError { message } } }
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

    def pay(self, amount: str = "20") -> str:
        """The session of a new top-up that was paid; its events are delivered as the mode says."""
        self.start(amount)
        session = self.session
        self.provider.act("pay", session=session)
        self.provider.act("idle")
        return session

    def send_money(self, amount: str) -> str:
        """Send to Beta; the type of the answer."""
        self.keys += 1
        asked = {
            "recipient": {"email": BETA},
            "amount": amount,
            "idempotencyKey": f"transfer-{self.keys:04}",
        }
        answer: str = self.ask(SEND, input=asked)["sendMoney"]["__typename"]
        return answer

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
    emulator.kill()


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
