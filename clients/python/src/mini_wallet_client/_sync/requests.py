"""Requesting money, and paying what others request.

Derived from `_async/requests.py` by `python -m clients.generate`: do not edit.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime

from mini_wallet_client import documents, models
from mini_wallet_client._sync.base import Part
from mini_wallet_client.inputs import (
    Confirmation,
    confirmation_input,
    entries,
    id_of,
    recipient,
    recipients,
)
from mini_wallet_client.values import Amount, exact, new_key


class Requests(Part):
    """Payment requests of one wallet."""

    def request_money(
        self,
        amount: Amount,
        payer: models.Recipient | models.User | None = None,
        *,
        note: str | None = None,
        expires_at: datetime | None = None,
        key: str | None = None,
        give_up_after_seconds: float | None = None,
    ) -> models.RequestMoneyResult:
        """Request money from a user, or without `payer` from anyone who has the link, once per key.

        A lost answer is asked for again, as with `send_money`; the keys are separate from those that
        move money. Raises OutcomeUnknown, which has the key.
        """
        key = key or new_key()
        given = {
            "payer": None if payer is None else recipient(payer),
            "amount": exact(amount),
            "note": note,
            "expiresAt": expires_at,
            "idempotencyKey": key,
        }
        return self._transport.once_per_key(
            documents.REQUEST_MONEY, given, give_up_after_seconds=give_up_after_seconds
        )

    def split_bill(
        self,
        total: Amount,
        payers: Sequence[models.Recipient | models.User],
        *,
        amounts: Sequence[Amount] | None = None,
        includes_viewer: bool = True,
        note: str | None = None,
        expires_at: datetime | None = None,
        key: str | None = None,
        give_up_after_seconds: float | None = None,
    ) -> models.SplitBillResult:
        """Request a share of a bill from each payer, once per key: equal shares, or these `amounts`.

        The same call with the same key gives the split as it is then, with what was paid so far.
        """
        given = {
            "total": exact(total),
            "payers": recipients(payers),
            "amounts": None if amounts is None else [exact(amount) for amount in amounts],
            "includesViewer": includes_viewer,
            "note": note,
            "expiresAt": expires_at,
            "idempotencyKey": key or new_key(),
        }
        return self._transport.once_per_key(
            documents.SPLIT_BILL, given, give_up_after_seconds=give_up_after_seconds
        )

    def pay_request(
        self,
        request: models.PaymentRequest | str,
        *,
        key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        not_after: datetime | None = None,
        confirmation: Confirmation | None = None,
        give_up_after_seconds: float | None = None,
    ) -> models.PayRequestResult:
        """Pay a request, or the one with that id, once, as `send_money` sends once.

        The key is one of a transfer: no other transfer can have it, and `close_key("TRANSFER", key)`
        makes its outcome final. ConfirmationRequired is answered as that of `send_money`.
        """
        given = {
            "paymentRequestId": id_of(request),
            "idempotencyKey": key or new_key(),
            "metadata": entries(metadata),
            "notAfter": not_after,
            "confirmation": confirmation_input(confirmation),
        }
        return self._transport.once_per_key(
            documents.PAY_REQUEST,
            given,
            kind=models.TransactionKind.TRANSFER,
            give_up_after_seconds=give_up_after_seconds,
        )

    def decline_request(self, request: models.PaymentRequest | str) -> models.CloseRequestResult:
        """Decline a request to the user. A lost answer is asked for again."""
        given = {"paymentRequestId": id_of(request)}
        return self._transport.execute(documents.DECLINE_REQUEST, {"input": given})

    def cancel_request(self, request: models.PaymentRequest | str) -> models.CloseRequestResult:
        """Cancel a request of the user. A lost answer is asked for again."""
        given = {"paymentRequestId": id_of(request)}
        return self._transport.execute(documents.CANCEL_REQUEST, {"input": given})

    def remind_payer(self, request: models.PaymentRequest | str) -> models.RemindPayerResult:
        """Notify the payer again: once a day, three times in all. A lost answer is not asked for again."""
        return self._once(documents.REMIND_PAYER, {"paymentRequestId": id_of(request)})

    def block_user(self, user: models.User | str) -> models.BlockUserResult:
        """Have neither of the two find the other, or request money from the other; not with an API token."""
        return self._transport.execute(documents.BLOCK_USER, {"input": {"userId": id_of(user)}})

    def unblock_user(self, user: models.User | str) -> models.BlockUserResult:
        """End a block by the user; not with an API token."""
        return self._transport.execute(documents.UNBLOCK_USER, {"input": {"userId": id_of(user)}})

    def blocked_users(self) -> tuple[models.User, ...]:
        """The users whom the user has blocked; not with an API token."""
        return self._transport.execute(documents.BLOCKED_USERS)

    def payment_request(self, token: str) -> models.PaymentRequest | None:
        """What a link requests, also signed out; `token` is its last part, or the whole link."""
        return self._transport.execute(documents.PAYMENT_REQUEST, {"token": token})

    def payment_requests(
        self, matching: models.PaymentRequestFilter | None = None, *, page_size: int = 100
    ) -> Generator[models.PaymentRequest, None]:
        """All payment requests by and to the user, or those that match, newest first."""
        given = {"first": page_size, "filter": matching}
        for node in self._pages(documents.PAYMENT_REQUESTS, given):
            yield node
