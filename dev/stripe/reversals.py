"""What takes money back: refunds, refunds that fail, and disputes with their end."""

from __future__ import annotations

from dev.stripe import objects, refusals
from dev.stripe.provider import Cause, Provider
from dev.stripe.store import Object

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
INQUIRY = "warning_needs_response"
#: Disputes in these states hold none of the money.
_HOLDS_NOTHING = frozenset({"won", INQUIRY, "warning_closed"})
CLOSED = frozenset({"won", "lost", "warning_closed"})


def refund(
    provider: Provider,
    account: str,
    attempt: Object,
    *,
    amount: int | None,
    cause: Cause,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Object:
    """Return money of a charge, all that is left of it without an amount. Raises `Refusal`."""
    left = attempt["amount_captured"] - attempt["amount_refunded"]
    if attempt["status"] != "succeeded":
        raise refusals.not_possible(
            f"Charge {attempt['id']} has not succeeded and cannot be refunded."
        )
    if attempt["disputed"] and _is_withdrawn(provider, account, attempt):
        raise refusals.not_possible(
            f"Charge {attempt['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left == 0:
        raise refusals.not_possible(
            f"Charge {attempt['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = left if amount is None else amount
    if amount > left:
        raise refusals.not_possible(
            f"Refund amount ({objects.shown(amount, attempt['currency'])}) is greater than "
            f"unrefunded amount on charge ({objects.shown(left, attempt['currency'])})",
            param="amount",
        )
    with provider.store.change():
        returned = objects.refund(
            provider.now(), attempt, amount=amount, reason=reason, metadata=metadata or {}
        )
        provider.store.put(account, returned)
        previous = _refunded(provider, account, attempt, amount)
        provider.emit(account, "refund.created", returned, cause)
        provider.emit(account, "charge.refunded", attempt, cause, previous)
    return returned


def fail_refund(provider: Provider, account: str, returned: Object, cause: Cause) -> Object:
    """The payer's bank returns a refund: the money is with the wallet's owner again. Raises `Refusal`."""
    if returned["status"] != "succeeded":
        raise refusals.not_possible(f"Refund {returned['id']} is {returned['status']}.")
    with provider.store.change():
        attempt = provider.get(account, "charge", returned["charge"])
        _refunded(provider, account, attempt, -returned["amount"])
        previous = {"status": returned["status"]}
        failed = returned | {
            "status": "failed",
            "failure_reason": "expired_or_canceled_card",
            "failure_balance_transaction": objects.new_id("txn_3"),
        }
        provider.store.put(account, failed)
        provider.emit(account, "refund.updated", failed, cause, previous)
        provider.emit(account, "refund.failed", failed, cause)
        provider.emit(account, "charge.refund.updated", failed, cause, previous)
    return failed


def _refunded(provider: Provider, account: str, attempt: Object, amount: int) -> Object:
    total = attempt["amount_refunded"] + amount
    return provider.change(
        account, attempt, amount_refunded=total, refunded=total == attempt["amount_captured"]
    )


def open_dispute(
    provider: Provider,
    account: str,
    attempt: Object,
    *,
    amount: int | None,
    cause: Cause,
    is_inquiry: bool = False,
) -> Object:
    """The payer's bank takes the money back, for now; an inquiry only asks. Raises `Refusal`."""
    if attempt["status"] != "succeeded" or attempt["disputed"]:
        raise refusals.not_possible(f"Charge {attempt['id']} cannot be disputed (again).")
    left = attempt["amount"] - attempt["amount_refunded"]
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise refusals.not_possible(f"Charge {attempt['id']} has less than this to dispute.")
    with provider.store.change():
        dispute = objects.dispute(provider.now(), attempt, amount=amount, reason="fraudulent")
        if is_inquiry:
            dispute |= {"status": INQUIRY, "is_charge_refundable": True}
        provider.store.put(account, dispute)
        provider.change(account, attempt, disputed=True)
        provider.emit(account, "charge.dispute.created", dispute, cause)
        if not is_inquiry:
            _withdraw(provider, account, dispute, cause)
    return dispute


def escalate(provider: Provider, account: str, dispute: Object, cause: Cause) -> Object:
    """An inquiry becomes a dispute. Raises `Refusal`."""
    if dispute["status"] != INQUIRY:
        raise refusals.not_possible("This is no open inquiry.")
    with provider.store.change():
        previous = provider.change(
            account, dispute, status="needs_response", is_charge_refundable=False
        )
        provider.emit(account, "charge.dispute.updated", dispute, cause, previous)
        _withdraw(provider, account, dispute, cause)
    return dispute


def close_dispute(
    provider: Provider, account: str, dispute: Object, *, won: bool, cause: Cause
) -> Object:
    """Decide a dispute: the money comes back, or it is gone. Raises `Refusal`."""
    if dispute["status"] in CLOSED:
        raise refusals.not_possible("This dispute is already closed.")
    is_inquiry = dispute["status"] == INQUIRY
    status = "warning_closed" if is_inquiry else "won" if won else "lost"
    with provider.store.change():
        previous = provider.change(account, dispute, status=status)
        provider.emit(account, "charge.dispute.closed", dispute, cause, previous)
        if status == "won":
            _move(provider, account, dispute, dispute["amount"])
            provider.emit(account, "charge.dispute.funds_reinstated", dispute, cause)
    return dispute


def _withdraw(provider: Provider, account: str, dispute: Object, cause: Cause) -> None:
    _move(provider, account, dispute, -dispute["amount"])
    provider.emit(account, "charge.dispute.funds_withdrawn", dispute, cause)


def _is_withdrawn(provider: Provider, account: str, attempt: Object) -> bool:
    disputes = provider.find(account, "dispute", charge=attempt["id"])
    return any(dispute["status"] not in _HOLDS_NOTHING for dispute in disputes)


def _move(provider: Provider, account: str, dispute: Object, amount: int) -> None:
    moved = {
        "id": objects.new_id("txn_1"),
        "object": "balance_transaction",
        "amount": amount,
        "created": provider.now(),
        "currency": dispute["currency"],
        "fee": 0,
        "net": amount,
        "source": dispute["id"],
        "type": "adjustment",
    }
    provider.change(
        account, dispute, balance_transactions=[*dispute["balance_transactions"], moved]
    )
