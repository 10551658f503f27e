"""The calls of the API: which address does what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dev.stripe import checkout, listing, reversals
from dev.stripe.parameters import Parameters
from dev.stripe.provider import Cause, Provider
from dev.stripe.refusals import Refusal, not_found
from dev.stripe.store import Object


@dataclass(frozen=True)
class Call:
    """One call that has been authenticated and understood."""

    provider: Provider
    account: str
    given: Parameters
    cause: Cause
    #: What the address names.
    identifier: str = ""

    def get(self, kind: str) -> Object:
        return self.provider.get(self.account, kind, self.identifier)

    def shown(self, item: Object) -> Object:
        """The answer with this object; whatever was not read of the parameters is refused."""
        expand = self.given.texts("expand")
        self.given.finish()
        return listing.expanded(self.provider, self.account, item, expand)


Handler = Callable[[Call], Object]


def find(method: str, path: str) -> tuple[Handler, str]:
    """What answers a call, and the id in its address. Raises `Refusal`."""
    for known, pattern, handler in _ROUTES:
        match = re.fullmatch(pattern, path)
        if match and known == method:
            return handler, match.groupdict().get("id", "")
    raise Refusal(
        f"Unrecognized request URL ({method}: {path}). This provider has only what the wallet uses.",
        status=404,
    )


def _list(kind: str, call: Call) -> Object:
    return listing.page(call.provider, call.account, kind, call.given)


def _retrieve(kind: str, call: Call) -> Object:
    return call.shown(call.get(kind))


def _create_session(call: Call) -> Object:
    expand = call.given.texts("expand")
    created = checkout.create(call.provider, call.account, call.given, call.cause)
    return listing.expanded(call.provider, call.account, created, expand)


def _expire_session(call: Call) -> Object:
    call.given.texts("expand")
    call.given.finish()
    expired = checkout.expire(call.provider, call.account, call.identifier, call.cause)
    return call.shown(expired)


def _line_items(call: Call) -> Object:
    call.given.whole("limit", at_least=1, at_most=listing.MOST)
    call.given.finish()
    items = call.get("checkout.session")["_line_items"]
    return listing.whole(items, f"/v1/checkout/sessions/{call.identifier}/line_items")


def _create_refund(call: Call) -> Object:
    given, provider = call.given, call.provider
    charge, intent = given.text("charge"), given.text("payment_intent")
    amount = given.whole("amount", at_least=1)
    reason = given.text("reason", choices=reversals.REASONS)
    metadata = given.metadata()
    expand = given.texts("expand")
    given.finish()
    if bool(charge) == bool(intent):
        raise Refusal("One of the following params should be provided: payment_intent or charge.")
    if intent is not None:
        charge = provider.get(call.account, "payment_intent", intent, "payment_intent")[
            "latest_charge"
        ]
    if charge is None:
        raise not_found("charge", "", "payment_intent")
    attempt = provider.get(call.account, "charge", charge, "charge")
    returned = reversals.refund(
        *(provider, call.account, attempt),
        amount=amount,
        cause=call.cause,
        reason=reason,
        metadata=metadata,
    )
    return listing.expanded(provider, call.account, returned, expand)


def _accept_dispute(call: Call) -> Object:
    dispute = call.get("dispute")
    call.given.texts("expand")
    call.given.finish()
    closed = reversals.close_dispute(
        call.provider, call.account, dispute, won=False, cause=call.cause
    )
    return call.shown(closed)


def _balance(call: Call) -> Object:
    """Empty: who asks wants to know whether the key works."""
    call.given.finish()
    return {"object": "balance", "available": [], "pending": [], "livemode": False}


def _routes() -> list[tuple[str, str, Handler]]:
    routes: list[tuple[str, str, Handler]] = [
        ("GET", "/v1/balance", _balance),
        ("POST", "/v1/checkout/sessions", _create_session),
        ("POST", "/v1/checkout/sessions/(?P<id>[^/]+)/expire", _expire_session),
        ("GET", "/v1/checkout/sessions/(?P<id>[^/]+)/line_items", _line_items),
        ("POST", "/v1/refunds", _create_refund),
        ("POST", "/v1/disputes/(?P<id>[^/]+)/close", _accept_dispute),
    ]
    for kind, (url, _) in listing.LISTS.items():
        routes.append(("GET", url, partial(_list, kind)))
        routes.append(("GET", f"{url}/(?P<id>[^/]+)", partial(_retrieve, kind)))
    return routes


_ROUTES = _routes()
