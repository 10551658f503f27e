"""The provider's objects as its API shows them, with its prefixes and its currencies."""

from __future__ import annotations

import secrets
import string
from decimal import Decimal
from typing import Any

#: The version of the API whose shapes these are; the official library asks for it.
API_VERSION = "2026-10-28.endive"
_ALPHABET = string.ascii_letters + string.digits

_ZERO_DECIMALS = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
_THREE_DECIMALS = frozenset("bhd jod kwd omr tnd".split())
#: Without decimals in use, but counted in hundredths by the API.
_WHOLE_ONLY = frozenset({"isk", "ugx"})
_MINIMUMS = {"gbp": 30, "huf": 17_500, "mxn": 1_000, "sek": 300, "nok": 300, "dkk": 250, "pln": 200}
_MINIMUMS |= {"czk": 1_500, "hkd": 400, "aed": 200, "myr": 200, "thb": 1_000, "bgn": 100}
MAXIMUM_AMOUNT = 99_999_999


def new_id(prefix: str, length: int = 24) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def smallest_amount(currency: str) -> int:
    return _MINIMUMS.get(currency, 50)


def step(currency: str) -> int:
    """What amounts of a currency must be a multiple of."""
    if currency in _WHOLE_ONLY:
        return 100
    return 10 if currency in _THREE_DECIMALS else 1


def shown(amount: int, currency: str) -> str:
    """An amount as people read it."""
    return f"{Decimal(amount).scaleb(-_decimals(currency)):,f} {currency.upper()}"


def in_minor_units(amount: Decimal, currency: str) -> str:
    """An amount as people write it, as the API counts it; a fraction is left for the API to refuse."""
    return f"{amount.scaleb(_decimals(currency)).normalize():f}"


def _decimals(currency: str) -> int:
    return 0 if currency in _ZERO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def session(
    created: int, *, url: str, amount: int, currency: str, expires_at: int, **given: Any
) -> dict[str, Any]:
    """A Checkout Session that is open; `given` are the fields that the caller has set."""
    identifier = new_id("cs_test_a1", 56)
    return {
        "id": identifier,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": amount,
        "amount_total": amount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "client_secret": None,
        "consent": None,
        "created": created,
        "currency": currency,
        "custom_fields": [],
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None},
        "customer": None,
        "customer_details": None,
        "discounts": [],
        "expires_at": expires_at,
        "invoice": None,
        "livemode": False,
        "mode": "payment",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "presentment_details": None,
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{url}/c/pay/{identifier}",
        **given,
    }


def payment_intent(created: int, checkout: dict[str, Any], method: str) -> dict[str, Any]:
    """The payment of a session, not yet attempted."""
    data = checkout["_payment_intent_data"]
    identifier = new_id("pi_3")
    return {
        "id": identifier,
        "object": "payment_intent",
        "amount": checkout["amount_total"],
        "amount_capturable": 0,
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{identifier}_secret_{new_id('')}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": checkout["currency"],
        "customer": None,
        "description": data["description"],
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": data["metadata"],
        "next_action": None,
        "payment_method": None,
        "payment_method_types": [method],
        "processing": None,
        "receipt_email": data["receipt_email"],
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def charge(created: int, intent: dict[str, Any], method: str, status: str) -> dict[str, Any]:
    """One attempt to pay: `succeeded`, `pending` or `failed`."""
    failed = status == "failed"
    return {
        "id": new_id("ch_3"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if failed else intent["amount"],
        "amount_refunded": 0,
        "balance_transaction": new_id("txn_3") if status == "succeeded" else None,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "captured": not failed,
        "created": created,
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": "card_declined" if failed else None,
        "failure_message": "Your card was declined." if failed else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            "network_status": "declined_by_network" if failed else "approved_by_network",
            "type": "issuer_declined" if failed else "authorized",
        },
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": new_id("pm_1"),
        "payment_method_details": {"type": method, method: {"last4": "4242"}},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }


def refund(
    created: int,
    paid: dict[str, Any],
    *,
    amount: int,
    reason: str | None,
    metadata: dict[str, str],
) -> dict[str, Any]:
    return {
        "id": new_id("re_3"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("txn_3"),
        "charge": paid["id"],
        "created": created,
        "currency": paid["currency"],
        "destination_details": {"card": {"type": "pending"}, "type": "card"},
        "metadata": metadata,
        "payment_intent": paid["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def dispute(created: int, paid: dict[str, Any], *, amount: int, reason: str) -> dict[str, Any]:
    return {
        "id": new_id("du_1"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": paid["id"],
        "created": created,
        "currency": paid["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": created + 7 * 86_400,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": paid["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }


def event(
    created: int,
    kind: str,
    about: dict[str, Any],
    *,
    previous: dict[str, Any] | None,
    request: str | None,
    idempotency_key: str | None,
) -> dict[str, Any]:
    data = (
        {"object": about}
        if previous is None
        else {
            "object": about,
            "previous_attributes": previous,
        }
    )
    return {
        "id": new_id("evt_1"),
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": request, "idempotency_key": idempotency_key},
        "type": kind,
    }


def public(item: dict[str, Any]) -> dict[str, Any]:
    """An object without what the provider keeps to itself."""
    return {name: value for name, value in item.items() if not name.startswith("_")}
