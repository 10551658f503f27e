"""Actions besides the API: what payers and banks do, and failures of the provider and the network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from dev.stripe import api, checkout, objects, reversals
from dev.stripe.deliveries import Deliveries
from dev.stripe.parameters import Parameters
from dev.stripe.provider import BROWSER, MODES, Provider
from dev.stripe.refusals import Refusal, not_found
from dev.stripe.store import Object

LONGEST_SECONDS = 86_400
MOST_TIMES = 100
IDLE_POLL_SECONDS = 0.02
IDLE_SECONDS = 30
MOST_SHOWN = 100

Result = Mapping[str, Any]


class Actions:
    """Each action by its name; its parameters are texts, as a form or as JSON."""

    def __init__(self, provider: Provider, deliveries: Deliveries) -> None:
        self._provider = provider
        self._deliveries = deliveries
        self._known: dict[str, Callable[[Parameters], Result | Awaitable[Result]]] = {
            "pay": self._pay,
            "finish": self._finish,
            "expire": self._expire,
            "refund": self._refund,
            "fail_refund": self._fail_refund,
            "dispute": self._dispute,
            "escalate": self._escalate,
            "close_dispute": self._close_dispute,
            "mode": self._mode,
            "fault": self._fault,
            "no_faults": self._no_faults,
            "next_session": self._next_session,
            "release": self._release,
            "deliver": self._deliver,
            "clock": self._clock,
            "idle": self._idle,
        }

    async def perform(self, name: str, values: Mapping[str, str]) -> Result:
        """Perform an action; events of the mode `before_response` are delivered first. Raises `Refusal`."""
        action = self._known.get(name)
        if action is None:
            raise not_found("action", name)
        given = Parameters(dict(values))
        result = action(given)
        answer = result if isinstance(result, Mapping) else await result
        given.finish()
        await self._deliveries.deliver_now(self._provider.take_caused())
        return answer

    # ------------------------------------------------------------ payers

    def _pay(self, given: Parameters) -> Result:
        method = given.text("method", choices=checkout.METHODS) or "card"
        return objects.public(checkout.pay(self._provider, given.demand("session"), method))

    def _finish(self, given: Parameters) -> Result:
        succeeds = given.text("outcome", choices=("succeeded", "failed")) != "failed"
        session = given.demand("session")
        return objects.public(checkout.finish_delayed(self._provider, session, succeeds=succeeds))

    def _expire(self, given: Parameters) -> Result:
        session = given.demand("session")
        account = self._provider.store.owner(session) or ""
        return objects.public(checkout.expire(self._provider, account, session, BROWSER))

    def _charge(self, given: Parameters) -> tuple[str, Object]:
        """The account and the last charge of the session."""
        session = given.demand("session")
        account = self._provider.store.owner(session) or ""
        paid = self._provider.get(account, "checkout.session", session)
        if paid["payment_intent"] is None:
            raise Refusal("This session has not been paid.")
        intent = self._provider.get(account, "payment_intent", paid["payment_intent"])
        return account, self._provider.get(account, "charge", intent["latest_charge"])

    # ------------------------------------------------------------ banks

    def _refund(self, given: Parameters) -> Result:
        amount = given.whole("amount", at_least=1)
        account, paid = self._charge(given)
        return reversals.refund(self._provider, account, paid, amount=amount, cause=BROWSER)

    def _fail_refund(self, given: Parameters) -> Result:
        account, paid = self._charge(given)
        returned = self._provider.find(account, "refund", charge=paid["id"], status="succeeded")
        if not returned:
            raise Refusal("This session has no refund that could fail.")
        return reversals.fail_refund(self._provider, account, returned[0], BROWSER)

    def _dispute(self, given: Parameters) -> Result:
        amount = given.whole("amount", at_least=1)
        kind = given.text("kind", choices=("dispute", "inquiry"))
        account, paid = self._charge(given)
        return reversals.open_dispute(
            *(self._provider, account, paid),
            amount=amount,
            cause=BROWSER,
            is_inquiry=kind == "inquiry",
        )

    def _disputed(self, given: Parameters) -> tuple[str, Object]:
        account, paid = self._charge(given)
        disputes = self._provider.find(account, "dispute", charge=paid["id"])
        if not disputes:
            raise Refusal("This session has no dispute.")
        return account, disputes[0]

    def _escalate(self, given: Parameters) -> Result:
        return reversals.escalate(self._provider, *self._disputed(given), BROWSER)

    def _close_dispute(self, given: Parameters) -> Result:
        won = given.text("outcome", required=True, choices=("won", "lost")) == "won"
        account, dispute = self._disputed(given)
        return reversals.close_dispute(self._provider, account, dispute, won=won, cause=BROWSER)

    # ------------------------------------------------------------ failures

    def _mode(self, given: Parameters) -> Result:
        name = given.text("name", required=True, choices=MODES)
        seconds = given.whole("seconds", at_most=LONGEST_SECONDS)
        self._provider.choose_mode(name or MODES[0], seconds or 0)
        return self._provider.mode

    def _fault(self, given: Parameters) -> Result:
        kind = given.text("kind", required=True, choices=api.FAULTS)
        path = given.text("path") or "/v1/"
        times = given.whole("times", at_least=1, at_most=MOST_TIMES) or 1
        self._provider.add_fault(kind or "", path, times)
        return {"faults": self._provider.faults}

    def _no_faults(self, _given: Parameters) -> Result:
        self._provider.clear_faults()
        return {"faults": []}

    def _next_session(self, given: Parameters) -> Result:
        """The next session is paid while the call that creates it is in progress."""
        method = given.text("method", required=True, choices=checkout.METHODS)
        self._provider.store.keep_fact("next_session", method)
        return {"method": method}

    async def _release(self, given: Parameters) -> Result:
        """Deliver what is held, one event after the other."""
        newest = given.text("order", choices=("oldest", "newest")) == "newest"
        held = list(dict.fromkeys(each.event for each in self._provider.store.deliveries("held")))
        await self._deliveries.deliver_now(held[::-1] if newest else held)
        return {"delivered": len(held)}

    async def _deliver(self, given: Parameters) -> Result:
        """Deliver an event now, again if it was delivered before."""
        times = given.whole("times", at_least=1, at_most=MOST_TIMES) or 1
        return {"outcomes": await self._deliveries.repeat(given.demand("event"), times)}

    def _clock(self, given: Parameters) -> Result:
        seconds = given.whole("seconds", required=True)
        assert seconds is not None
        self._provider.put_forward(seconds)
        checkout.expire_due(self._provider)
        return {"now": self._provider.now()}

    async def _idle(self, _given: Parameters) -> Result:
        """Wait until every event that is to be delivered now was delivered once. Raises `Refusal`."""
        deadline = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < deadline:
            waiting = self._provider.store.deliveries("pending")
            if not any(each.attempts == 0 and each.due_at <= time.time() for each in waiting):
                return {"pending": len(waiting)}
            await asyncio.sleep(IDLE_POLL_SECONDS)
        raise Refusal("The events were not delivered in time.", status=503)

    # ------------------------------------------------------------ looking

    def state(self) -> dict[str, Any]:
        """Everything there is to see, newest first."""
        provider = self._provider
        account = provider.account
        sessions = provider.store.newest(account, "checkout.session", limit=MOST_SHOWN)
        events = provider.store.newest(account, "event", limit=MOST_SHOWN)
        return {
            "mode": provider.mode,
            "faults": provider.faults,
            "now": provider.now(),
            "sessions": [self._summary(account, each) for each in sessions],
            "events": [self._event_summary(each) for each in events],
        }

    def _summary(self, account: str, session: Object) -> dict[str, Any]:
        provider = self._provider
        summary = {**objects.public(session), "charge": None, "refunds": [], "dispute": None}
        if intent := session.get("_payment_intent"):
            payment = provider.get(account, "payment_intent", intent)
            charge = provider.get(account, "charge", payment["latest_charge"])
            disputes = provider.find(account, "dispute", charge=charge["id"])
            summary |= {
                "charge": charge,
                "payment": payment,
                "refunds": provider.find(account, "refund", charge=charge["id"]),
                "dispute": disputes[0] if disputes else None,
            }
        return summary

    def _event_summary(self, event: Object) -> dict[str, Any]:
        deliveries = self._provider.store.deliveries(event=event["id"])
        return {
            "id": event["id"],
            "type": event["type"],
            "created": event["created"],
            "about": event["data"]["object"]["id"],
            "deliveries": [
                {"state": each.state, "attempts": each.attempts, "outcome": each.outcome}
                for each in deliveries
            ],
        }
