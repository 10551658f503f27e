"""Delivers events to the wallet, signed as Stripe signs them, until it accepts them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Sequence

import httpx

from dev.stripe.provider import Provider
from dev.stripe.store import Delivery, Object

TIMEOUT_SECONDS = 20
LONGEST_PAUSE_SECONDS = 3_600
GIVE_UP_SECONDS = 3 * 86_400
LONGEST_IDLE_SECONDS = 3_600


def signature(payload: bytes, secrets: Sequence[str], at: int) -> str:
    """The Stripe-Signature header, with a signature for each secret."""
    signed = str(at).encode() + b"." + payload
    made = [hmac.new(each.encode(), signed, hashlib.sha256).hexdigest() for each in secrets]
    return ",".join([f"t={at}", *(f"v1={each}" for each in made)])


def body(event: Object) -> bytes:
    return json.dumps(event, indent=2).encode()


class Deliveries:
    """The only sender of events: one event after the other, its copies at once."""

    def __init__(
        self, provider: Provider, endpoint: str, secrets: Sequence[str], first_pause_seconds: float
    ) -> None:
        self._provider = provider
        self._endpoint = endpoint
        self._secrets = secrets
        self._first_pause_seconds = first_pause_seconds
        self._awake = asyncio.Event()
        self._under_way: set[int] = set()
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)
        provider.on_delivery = self._awake.set

    async def run(self) -> None:
        """Deliver what is due, for ever."""
        try:
            while True:
                self._awake.clear()
                await self.deliver_due()
                waiting = self._provider.store.deliveries("pending")
                pause = waiting[0].due_at - time.time() if waiting else LONGEST_IDLE_SECONDS
                try:
                    await asyncio.wait_for(self._awake.wait(), max(0.0, pause))
                except TimeoutError:
                    continue
        finally:
            await self._client.aclose()

    async def deliver_due(self) -> None:
        while due := self._due():
            first = [each for each in due if each.event == due[0].event]
            await asyncio.gather(*map(self._attempt, first))

    async def deliver_now(self, events: Sequence[str]) -> None:
        """Deliver these events, in this order, before returning; what is delivered already stays so."""
        for event in events:
            open_ones = [
                each
                for each in self._provider.store.deliveries(event=event)
                if each.state != "delivered" and each.number not in self._under_way
            ]
            await asyncio.gather(*map(self._attempt, open_ones))

    async def repeat(self, event: str, times: int) -> list[str]:
        """Deliver copies of an event at once, whatever happened to it before; the outcomes."""
        return list(await asyncio.gather(*[self._post(event) for _ in range(times)]))

    def _due(self) -> list[Delivery]:
        now = time.time()
        return [
            each
            for each in self._provider.store.deliveries("pending")
            if each.due_at <= now and each.number not in self._under_way
        ]

    async def _attempt(self, delivery: Delivery) -> None:
        self._under_way.add(delivery.number)
        try:
            outcome = await self._post(delivery.event)
        finally:
            self._under_way.discard(delivery.number)
        attempts, now = delivery.attempts + 1, time.time()
        state, due = "delivered", now
        if not is_accepted(outcome):
            pause = self._first_pause_seconds * 2**delivery.attempts
            due = now + min(pause, LONGEST_PAUSE_SECONDS)
            state = "pending" if due - delivery.began_at < GIVE_UP_SECONDS else "failed"
        self._provider.store.change_delivery(
            delivery.number, state=state, due_at=due, attempts=attempts, outcome=outcome
        )

    async def _post(self, identifier: str) -> str:
        """Deliver an event once; the status that the wallet answered, or what went wrong."""
        provider = self._provider
        event = provider.get(provider.account, "event", identifier)
        payload = body({**event, "pending_webhooks": 1})
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "stripe-signature": signature(payload, self._secrets, int(time.time())),
        }
        try:
            response = await self._client.post(self._endpoint, content=payload, headers=headers)
        except httpx.HTTPError as error:
            return type(error).__name__
        outcome = str(response.status_code)
        if is_accepted(outcome):
            # Read again: it may have been delivered by another try meanwhile.
            event = provider.get(provider.account, "event", identifier)
            provider.change(provider.account, event, pending_webhooks=0)
        return outcome


def is_accepted(outcome: str) -> bool:
    return outcome.startswith("2") and outcome.isdigit()
