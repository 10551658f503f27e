"""Checkout Sessions: created, paid at once or later, declined, expired."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from dev.stripe import objects, refusals
from dev.stripe.parameters import Parameters
from dev.stripe.provider import BROWSER, Cause, Provider
from dev.stripe.refusals import Refusal
from dev.stripe.store import Object

HOUR = 3_600
SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * HOUR
MOST_ITEMS = 100
#: How a payer may pay on the payment page.
METHODS = ("card", "declined", "delayed")
TYPES = ("card", "sepa_debit", "us_bank_account")


def create(provider: Provider, account: str, given: Parameters, cause: Cause) -> Object:
    """Create a session from the parameters of the API. Raises `Refusal`."""
    now = provider.now()
    mode = given.demand("mode")
    if mode != "payment":
        raise Refusal("This provider knows the mode `payment` only.", param="mode")
    items, currency, amount = _line_items(given)
    fields = _fields(given)
    expires_at = given.whole("expires_at") or now + LONGEST_SECONDS
    data = _payment_intent_data(given)
    given.texts("expand")
    given.finish()
    if not now + SHORTEST_SECONDS - 60 <= expires_at <= now + LONGEST_SECONDS + 60:
        raise Refusal(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
            "Session creation.",
            param="expires_at",
        )
    _check_amount(amount, currency)
    created = objects.session(
        now,
        url=provider.url,
        amount=amount,
        currency=currency,
        expires_at=expires_at,
        **fields,
        _line_items=items,
        _payment_intent_data=data,
    )
    with provider.store.change():
        provider.store.put(account, created)
        if method := provider.store.fact("next_session", None):
            provider.store.keep_fact("next_session", None)
            pay(provider, created["id"], method)
    return created


def _fields(given: Parameters) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "success_url": _address(given, "success_url", required=True),
        "cancel_url": _address(given, "cancel_url"),
        "client_reference_id": given.text("client_reference_id", longest=200),
        "customer_creation": given.text("customer_creation", choices=("always", "if_required")),
        "customer_email": given.text("customer_email", longest=512),
        "locale": given.text("locale", longest=10),
        "metadata": given.metadata(),
        "payment_method_types": given.texts("payment_method_types") or ["card"],
        "submit_type": given.text("submit_type", choices=("auto", "donate", "pay")),
    }
    given.text("ui_mode", choices=("hosted_page",))
    for kind in fields["payment_method_types"]:
        if kind not in TYPES:
            raise Refusal(f"Invalid payment_method_types: {kind}", param="payment_method_types")
    return fields


def _address(given: Parameters, name: str, *, required: bool = False) -> str | None:
    address = given.text(name, required=required)
    if address is not None and urlsplit(address).scheme not in ("http", "https"):
        raise Refusal(
            "Not a valid URL: the address must begin with http:// or https://.",
            code="url_invalid",
            param=name,
        )
    return address


def _payment_intent_data(given: Parameters) -> dict[str, Any]:
    part = given.part("payment_intent_data") or Parameters({}, "payment_intent_data")
    return {
        "description": part.text("description", longest=1_000),
        "metadata": part.metadata(),
        "receipt_email": part.text("receipt_email", longest=512),
    }


def _line_items(given: Parameters) -> tuple[list[Object], str, int]:
    """The items, their currency, and what they cost together."""
    parts = given.items("line_items")
    if not parts:
        raise refusals.missing("line_items")
    if len(parts) > MOST_ITEMS:
        raise Refusal(f"At most {MOST_ITEMS} line items", param="line_items")
    items = [_line_item(part) for part in parts]
    currencies = {item["currency"] for item in items}
    if len(currencies) > 1:
        raise Refusal(
            "All line items must have the same currency.", param="line_items[1][price_data]"
        )
    return items, currencies.pop(), sum(item["amount_total"] for item in items)


def _line_item(part: Parameters) -> Object:
    quantity = part.whole("quantity", required=True, at_least=1, at_most=999_999) or 1
    data = part.part("price_data", required=True)
    assert data is not None
    currency = data.demand("currency", longest=3).lower()
    if len(currency) != 3 or not currency.isalpha():
        raise Refusal(f"Invalid currency: {currency}.", param=data.name("currency"))
    unit_amount = data.whole("unit_amount", required=True) or 0
    product = data.part("product_data", required=True)
    assert product is not None
    name = product.demand("name", longest=250)
    product.text("description")
    return {
        "id": objects.new_id("li_1"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": unit_amount * quantity,
        "amount_tax": 0,
        "amount_total": unit_amount * quantity,
        "currency": currency,
        "description": name,
        "quantity": quantity,
    }


def _check_amount(amount: int, currency: str) -> None:
    if amount < objects.smallest_amount(currency):
        least = objects.shown(objects.smallest_amount(currency), currency)
        raise Refusal(
            f"The Checkout Session's total amount due must add up to at least {least}",
            code="amount_too_small",
        )
    if amount > objects.MAXIMUM_AMOUNT:
        most = objects.shown(objects.MAXIMUM_AMOUNT, currency)
        raise Refusal(
            f"The Checkout Session's total amount must be no more than {most}",
            code="amount_too_large",
        )
    if amount % objects.step(currency):
        raise Refusal(
            f"Invalid amount: an amount in {currency} must be a multiple of "
            f"{objects.step(currency)}.",
            param="line_items[0][price_data][unit_amount]",
        )


# ================================================================ paying


def pay(provider: Provider, identifier: str, method: str) -> Object:
    """What the payer does on the payment page; returns the session. Raises `Refusal`."""
    with provider.store.change():
        account = provider.store.owner(identifier) or provider.account
        checkout = provider.get(account, "checkout.session", identifier)
        if checkout["status"] != "open":
            raise refusals.not_possible(f"This session is {checkout['status']}.")
        kind = "card" if method != "delayed" else "sepa_debit"
        intent = _intent(provider, account, checkout, kind)
        status = {"card": "succeeded", "declined": "failed", "delayed": "pending"}[method]
        attempt = objects.charge(provider.now(), intent, kind, status)
        provider.store.put(account, attempt)
        provider.change(
            account,
            intent,
            latest_charge=attempt["id"],
            payment_method=attempt["payment_method"],
            payment_method_types=[kind],
        )
        if method == "declined":
            _fail(provider, account, intent, attempt)
        elif method == "delayed":
            provider.change(account, intent, status="processing")
            provider.emit(account, "payment_intent.processing", intent, BROWSER)
            provider.emit(account, "charge.pending", attempt, BROWSER)
            _complete(provider, account, checkout, intent, "unpaid")
        else:
            _succeed(provider, account, intent, attempt)
            _complete(provider, account, checkout, intent, "paid")
    return checkout


def finish_delayed(provider: Provider, identifier: str, *, succeeds: bool) -> Object:
    """The end of a delayed payment. Raises `Refusal`."""
    with provider.store.change():
        account = provider.store.owner(identifier) or provider.account
        checkout = provider.get(account, "checkout.session", identifier)
        if checkout["status"] != "complete" or checkout["payment_status"] == "paid":
            raise refusals.not_possible("This session has no payment that is on its way.")
        intent = provider.get(account, "payment_intent", checkout["payment_intent"])
        if intent["status"] != "processing":
            raise refusals.not_possible("This payment has failed already.")
        attempt = provider.get(account, "charge", intent["latest_charge"])
        if succeeds:
            provider.change(
                account,
                attempt,
                status="succeeded",
                paid=True,
                balance_transaction=objects.new_id("txn_3"),
            )
            _succeed(provider, account, intent, attempt)
            provider.change(account, checkout, payment_status="paid")
        else:
            provider.change(
                account,
                attempt,
                status="failed",
                captured=False,
                failure_code="insufficient_funds",
                failure_message="The payer's account has insufficient funds.",
            )
            _fail(provider, account, intent, attempt)
        outcome = "succeeded" if succeeds else "failed"
        provider.emit(account, f"checkout.session.async_payment_{outcome}", checkout, BROWSER)
    return checkout


def expire(provider: Provider, account: str, identifier: str, cause: Cause) -> Object:
    """Close an open session. Raises `Refusal`."""
    with provider.store.change():
        checkout = provider.get(account, "checkout.session", identifier)
        if checkout["status"] != "open":
            raise refusals.not_possible(
                "Only Checkout Sessions with a status in ['open'] can be expired. This Checkout "
                f"Session has a status of '{checkout['status']}'."
            )
        provider.change(account, checkout, status="expired", url=None)
        provider.emit(account, "checkout.session.expired", checkout, cause)
    return checkout


def expire_due(provider: Provider) -> None:
    """Close the sessions whose time has passed."""
    now = provider.now()
    for account in provider.accounts.values():
        for checkout in provider.find(account, "checkout.session", status="open"):
            if checkout["expires_at"] <= now:
                expire(provider, account, checkout["id"], BROWSER)


def _intent(provider: Provider, account: str, checkout: Object, kind: str) -> Object:
    """The payment of a session: created when the payer first tries, as Stripe does."""
    if checkout.get("_payment_intent"):
        return provider.get(account, "payment_intent", checkout["_payment_intent"])
    intent = objects.payment_intent(provider.now(), checkout, kind)
    provider.store.put(account, intent)
    checkout["_payment_intent"] = intent["id"]
    provider.store.put(account, checkout)
    provider.emit(account, "payment_intent.created", intent, BROWSER)
    return intent


def _succeed(provider: Provider, account: str, intent: Object, attempt: Object) -> None:
    provider.change(
        account,
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        last_payment_error=None,
    )
    provider.emit(account, "charge.succeeded", attempt, BROWSER)
    provider.emit(account, "payment_intent.succeeded", intent, BROWSER)


def _fail(provider: Provider, account: str, intent: Object, attempt: Object) -> None:
    error = {
        "charge": attempt["id"],
        "code": attempt["failure_code"],
        "message": attempt["failure_message"],
        "type": "card_error",
    }
    provider.change(account, intent, status="requires_payment_method", last_payment_error=error)
    provider.emit(account, "charge.failed", attempt, BROWSER)
    provider.emit(account, "payment_intent.payment_failed", intent, BROWSER)


def _complete(
    provider: Provider, account: str, checkout: Object, intent: Object, payment: str
) -> None:
    provider.change(
        account,
        checkout,
        status="complete",
        payment_status=payment,
        payment_intent=intent["id"],
        url=None,
        customer_details={
            "address": None,
            "email": checkout["customer_email"] or "payer@example.org",
            "name": "Test Payer",
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    )
    provider.emit(account, "checkout.session.completed", checkout, BROWSER)
