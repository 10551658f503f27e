"""The provider itself: its accounts, its clock, its objects, and the events that each change causes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dev.stripe import objects, refusals
from dev.stripe.store import Object, Store

#: When events are delivered that a change causes.
MODES = ("immediately", "twice", "late", "held", "before_response", "never")
WHAT = {
    "checkout.session": "checkout.session",
    "payment_intent": "payment_intent",
    "charge": "charge",
    "refund": "refund",
    "dispute": "dispute",
    "event": "event",
}


@dataclass(frozen=True)
class Cause:
    """The call of the API that caused an event; empty for what people do in a browser."""

    request: str | None = None
    idempotency_key: str | None = None


BROWSER = Cause()


class Provider:
    """Everything that has no HTTP in it; each method is one change that commits as a whole."""

    def __init__(self, store: Store, url: str, keys: Sequence[str], *, delivers: bool) -> None:
        """`keys`: secret keys, each of an account of its own; events of the first are delivered."""
        self.store = store
        self.url = url
        self.accounts = {key: f"acct_{index}_{key[-8:]}" for index, key in enumerate(keys, 1)}
        self.account = next(iter(self.accounts.values()))
        self._delivers = delivers
        self._caused: list[str] = []
        #: Called when there are new deliveries.
        self.on_delivery: Callable[[], None] = lambda: None

    # ------------------------------------------------------------ time

    def now(self) -> int:
        """The provider's clock in seconds, which tests can put forward."""
        return int(time.time()) + int(self.store.fact("clock", 0))

    def put_forward(self, seconds: int) -> None:
        self.store.keep_fact("clock", int(self.store.fact("clock", 0)) + seconds)

    # ------------------------------------------------------------ objects

    def get(self, account: str, kind: str, identifier: str, param: str = "id") -> Object:
        """An object of that account. Raises `Refusal`."""
        found = self.store.get(account, kind, identifier)
        if found is None:
            raise refusals.not_found(WHAT[kind], identifier, param)
        return found

    def find(self, account: str, kind: str, **filters: str) -> list[Object]:
        """The newest objects with these fields."""
        wanted = {name: [value] for name, value in filters.items()}
        return self.store.newest(account, kind, limit=100, filters=wanted)

    def change(self, account: str, item: Object, **changes: Any) -> dict[str, Any]:
        """Store an object with other fields; returns those that it had before."""
        previous = {name: item[name] for name, value in changes.items() if item[name] != value}
        item.update(changes)
        self.store.put(account, item)
        return previous

    # ------------------------------------------------------------ events

    def emit(
        self,
        account: str,
        kind: str,
        about: Object,
        cause: Cause,
        previous: Mapping[str, Any] | None = None,
    ) -> None:
        """Store an event with a snapshot of the object, and deliver it as the current mode says."""
        event = objects.event(
            self.now(),
            kind,
            objects.public(about),
            previous=dict(previous) if previous else None,
            request=cause.request,
            idempotency_key=cause.idempotency_key,
        )
        delivers = self._delivers and account == self.account
        event["pending_webhooks"] = int(delivers)
        self.store.put(account, event)
        if delivers:
            self._plan(event["id"])

    def _plan(self, event: str) -> None:
        mode = self.mode
        now = time.time()
        state = {"held": "held", "never": "never"}.get(mode["name"], "pending")
        due = now + mode["seconds"] if mode["name"] == "late" else now
        for _ in range(2 if mode["name"] == "twice" else 1):
            self.store.add_delivery(event, state, due, now)
        if mode["name"] == "before_response":
            self._caused.append(event)
        else:
            self.on_delivery()

    def take_caused(self) -> list[str]:
        """The events to be delivered before the response of the call that has caused them."""
        caused, self._caused = self._caused, []
        return caused

    # ------------------------------------------------------------ modes and faults

    @property
    def mode(self) -> dict[str, Any]:
        """The way of delivery: its name, and the seconds of `late`."""
        mode: dict[str, Any] = self.store.fact("mode", {"name": "immediately", "seconds": 0})
        return mode

    def choose_mode(self, name: str, seconds: float) -> None:
        self.store.keep_fact("mode", {"name": name, "seconds": seconds})

    @property
    def faults(self) -> list[dict[str, Any]]:
        """What happens to the next calls of the API, in order."""
        faults: list[dict[str, Any]] = self.store.fact("faults", [])
        return faults

    def add_fault(self, kind: str, path: str, times: int) -> None:
        fault = {"kind": kind, "path": path}
        self.store.keep_fact("faults", [*self.faults, *[fault] * times])

    def clear_faults(self) -> None:
        self.store.keep_fact("faults", [])

    def take_fault(self, path: str) -> str | None:
        """The kind of the first fault that is meant for this path, which is used up."""
        faults = self.faults
        for index, fault in enumerate(faults):
            if path.startswith(fault["path"]):
                self.store.keep_fact("faults", faults[:index] + faults[index + 1 :])
                return str(fault["kind"])
        return None
