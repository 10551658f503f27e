"""The wallet of one user, as a program uses it.

Derived from `_async/wallet.py` by `python -m clients.generate`: do not edit.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from mini_wallet_client import documents, models
from mini_wallet_client._sync.listening import Listening
from mini_wallet_client._sync.requests import Requests
from mini_wallet_client._sync.schedules import Schedules
from mini_wallet_client._sync.statements import Statements
from mini_wallet_client._sync.top_ups import TopUps
from mini_wallet_client._sync.transport import Transport
from mini_wallet_client.inputs import Confirmation, confirmation_input, entries, recipient
from mini_wallet_client.operation import Operation
from mini_wallet_client.retries import Retries
from mini_wallet_client.sessions import Session
from mini_wallet_client.values import Amount, exact, new_key, require_address, require_token
from mini_wallet_client.webhooks import document_of

_TRANSFER = models.TransactionKind.TRANSFER
_TOP_UP = models.TransactionKind.TOP_UP


class Wallet(Listening, Requests, Schedules, Statements, TopUps):
    """The wallet of one user.

    With `token`, as an API token (`mw_…`); with `session`, or after `login`, as a signed-in user. The
    tokens of a session are replaced as they expire: `on_session` is called with the newest, to be kept
    (None when it has ended). Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        session: Session | None = None,
        on_session: Callable[[Session | None], object] | None = None,
        retries: Retries | None = None,
        timeout_seconds: float = 15.0,
        http: httpx.Client | None = None,
    ) -> None:
        """`url` is the address of the service, such as `https://wallet.example`.

        Raises ValueError for an address or a token that cannot be one.
        """
        require_address(url)
        require_token(token)
        self._transport = Transport(
            f"{url.rstrip('/')}/graphql",
            token=token,
            session=session,
            on_session=on_session,
            retries=retries or Retries(),
            http=http or httpx.Client(timeout=timeout_seconds),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.http.close()

    def execute(self, document: str, variables: Mapping[str, object] | None = None) -> Any:
        """The data of any operation of the API. It is sent once: repeat it where that is safe."""
        operation: Operation[Any] = Operation("operation", document, lambda data: data)
        return self._transport.execute(operation, variables, is_repeatable=False)

    # ------------------------------------------------ signing in

    @property
    def session(self) -> Session | None:
        """The session that is used, with its newest tokens."""
        return self._transport.session

    def login(self, email: str, password: str) -> models.LoginResult:
        """Sign in; with SignedIn, everything that follows is done as that user.

        With SecondFactorRequired, go on with `complete_login`.
        """
        result = self._once(documents.LOGIN, {"email": email, "password": password})
        if isinstance(result, models.SignedIn):
            self._transport.use_session(Session.of(result.credentials))
        return result

    def complete_login(
        self, challenge: str, *, totp_code: str | None = None, recovery_code: str | None = None
    ) -> models.CompleteLoginResult:
        """Sign in with the challenge of SecondFactorRequired and either code; then as `login`."""
        factor = {"recoveryCode": recovery_code} if totp_code is None else {"totpCode": totp_code}
        values = {"challenge": challenge, "secondFactor": factor}
        result = self._once(documents.COMPLETE_LOGIN, values)
        if isinstance(result, models.SignedIn):
            self._transport.use_session(Session.of(result.credentials))
        return result

    def logout(self, *, everywhere: bool = False) -> models.LogoutResult:
        """End the session, or all sessions of the user."""
        result = self._once(documents.LOGOUT, {"everywhere": everywhere})
        if isinstance(result, models.SignedOut):
            self._transport.use_session(None)
        return result

    def confirm_session(
        self, password: str | None = None, *, totp_code: str | None = None
    ) -> models.ConfirmSessionResult:
        """Confirm the session for an hour, as creating API tokens and webhooks requires.

        Of an account with a second factor, the password does not.
        """
        if totp_code is None:
            return self._once(documents.CONFIRM_SESSION, {"password": password})
        factor = {"secondFactor": {"totpCode": totp_code}}
        return self._once(documents.CONFIRM_SESSION, factor)

    def close_account(self, password: str) -> models.CloseAccountResult:
        """Close the account, whose balance must be zero. Signing in within 30 days reopens it."""
        result = self._once(documents.CLOSE_ACCOUNT, {"password": password})
        if isinstance(result, models.AccountClosed):
            self._transport.use_session(None)
        return result

    def export_data(self) -> str:
        """Start an export of all data held about the user; a mail to the returned address follows when it
        is ready. Requires a confirmed session."""
        return self._transport.execute(documents.EXPORT_DATA)

    def data_exports(self) -> tuple[models.DataExport, ...]:
        """The exports that are not deleted yet, the latest first, with the addresses of their files, which
        are valid for five minutes. Requires a confirmed session."""
        return self._transport.execute(documents.DATA_EXPORTS)

    def create_api_token(
        self,
        name: str,
        scopes: Sequence[models.Scope],
        *,
        daily_limit: Amount | None = None,
        expires_at: datetime | None = None,
    ) -> models.CreateApiTokenResult:
        """Create an API token. Its secret is in this answer and nowhere else."""
        limit = None if daily_limit is None else exact(daily_limit)
        given = {"name": name, "scopes": scopes, "dailyLimit": limit, "expiresAt": expires_at}
        return self._once(documents.CREATE_API_TOKEN, given)

    def revoke_api_token(self, api_token_id: str) -> models.RevokeApiTokenResult:
        """Revoke an API token, for ever."""
        return self._once(documents.REVOKE_API_TOKEN, {"apiTokenId": api_token_id})

    def credential(self) -> models.Credential | None:
        """What this client is authenticated by, and what that allows; None if by nothing."""
        return self._transport.execute(documents.CREDENTIAL)

    # ------------------------------------------------ moving money

    def send_money(
        self,
        to: models.Recipient | models.User,
        amount: Amount,
        *,
        note: str | None = None,
        key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        not_after: datetime | None = None,
        confirmation: Confirmation | None = None,
        give_up_after_seconds: float | None = None,
    ) -> models.SendMoneyResult:
        """Send money, once: a lost answer is asked for again with the same key.

        A program that can be restarted makes the key itself (`new_key()`, or from what it pays), stores
        it before this call and gives it again afterwards. Raises OutcomeUnknown, which has the key, when
        no answer came for `give_up_after_seconds` (60). After `not_after` the service moves nothing.

        ConfirmationRequired asks for a second factor: call again with the `confirmation` and the same `key`.
        """
        given = {
            "recipient": recipient(to),
            "amount": exact(amount),
            "note": note,
            "idempotencyKey": key or new_key(),
            "metadata": entries(metadata),
            "notAfter": not_after,
            "confirmation": confirmation_input(confirmation),
        }
        return self._transport.once_per_key(
            documents.SEND_MONEY,
            given,
            kind=_TRANSFER,
            give_up_after_seconds=give_up_after_seconds,
        )

    def add_balance(
        self,
        amount: Amount,
        *,
        key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        not_after: datetime | None = None,
        give_up_after_seconds: float | None = None,
    ) -> models.AddBalanceResult:
        """Add to the user's own balance, once, as `send_money` sends once."""
        given = {
            "amount": exact(amount),
            "idempotencyKey": key or new_key(),
            "metadata": entries(metadata),
            "notAfter": not_after,
        }
        return self._transport.once_per_key(
            documents.ADD_BALANCE,
            given,
            kind=_TOP_UP,
            give_up_after_seconds=give_up_after_seconds,
        )

    def close_key(
        self, kind: models.TransactionKind | str, key: str
    ) -> models.CloseIdempotencyKeyResult:
        """Make the outcome of a key final: the transaction it made, or none now and none ever."""
        given = {"kind": kind, "idempotencyKey": key}
        return self._transport.execute(documents.CLOSE_IDEMPOTENCY_KEY, {"input": given})

    def preview_transfer(
        self, amount: Amount, to: models.Recipient | models.User | None = None
    ) -> models.TransferPreviewResult:
        """The fee and the effect of a transfer, and who would get it, without sending it."""
        given = {
            "amount": exact(amount),
            "recipient": None if to is None else recipient(to),
        }
        return self._transport.execute(documents.TRANSFER_PREVIEW, given)

    # ------------------------------------------------ reading

    def viewer(self) -> models.Viewer | None:
        """The user's account and balance; None if signed out."""
        return self._transport.execute(documents.VIEWER)

    def settings(self) -> models.WalletSettings:
        """The service's currency, limits and fee."""
        return self._transport.execute(documents.WALLET_SETTINGS)

    def transaction_by_key(
        self, kind: models.TransactionKind | str, key: str
    ) -> models.Transaction | None:
        """What a key has moved so far. None is not final: see `close_key`."""
        variables = {"kind": kind, "idempotencyKey": key}
        return self._transport.execute(documents.TRANSACTION_BY_IDEMPOTENCY_KEY, variables)

    def transaction_by_reference(self, reference: str) -> models.Transaction | None:
        """The transaction with the reference that both sides share."""
        return self._transport.execute(documents.TRANSACTION_BY_REFERENCE, {"reference": reference})

    def contacts(self, first: int = 100) -> tuple[models.User, ...]:
        """The users that the user exchanged money with, the latest first; at most 100."""
        return self._transport.execute(documents.CONTACTS, {"first": first})

    def transactions(
        self, matching: models.TransactionFilter | None = None, *, page_size: int = 100
    ) -> Generator[models.Transaction, None]:
        """All transactions, or those that match, newest first, fetched page by page."""
        given = {"first": page_size, "filter": matching}
        for node in self._pages(documents.TRANSACTIONS, given):
            yield node

    def search_users(self, query: str, *, page_size: int = 20) -> Generator[models.User, None]:
        """Users by a part of the name or a complete address, the best match first."""
        given = {"query": query, "first": page_size}
        for node in self._pages(documents.SEARCH_USERS, given):
            yield node

    def user_by_handle(self, handle: str) -> models.User | None:
        """The user with that handle, with or without "@", also signed out."""
        return self._transport.execute(documents.USER_BY_HANDLE, {"handle": handle})

    def past_notifications(
        self, *, unread_only: bool = False, page_size: int = 50
    ) -> Generator[models.Notification, None]:
        """All notifications so far, newest first, fetched page by page, of at most 90."""
        given = {"first": page_size, "unreadOnly": unread_only}
        for node in self._pages(documents.NOTIFICATION_PAGES, given):
            yield node

    def mark_notifications_read(self, through: int) -> models.MarkNotificationsReadResult:
        """Mark all notifications up to that number as read; only as a signed-in user."""
        given = {"input": {"through": through}}
        return self._transport.execute(documents.MARK_NOTIFICATIONS_READ, given)

    # ------------------------------------------------ webhooks

    def webhooks(self) -> tuple[models.Webhook, ...]:
        """The webhooks of the user, or of the API token."""
        return self._transport.execute(documents.WEBHOOKS)

    def create_webhook(
        self,
        url: str,
        stream: models.WebhookStream = models.WebhookStream.WALLET_EVENTS,
        *,
        after: int | None = None,
        document: str | None = None,
    ) -> models.CreateWebhookResult:
        """Have every event after that number delivered to the address, each in order; else future ones.

        The signing secret is in this answer and nowhere else. Without a document of its own, the webhook
        delivers what `WebhookEvent.wallet_event` and `WebhookEvent.notification` read.
        """
        given = {
            "url": url,
            "stream": stream,
            "document": document or document_of(stream),
            "afterNumber": after,
        }
        return self._once(documents.CREATE_WEBHOOK, given)

    def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        document: str | None = None,
        status: models.WebhookStatus | None = None,
    ) -> models.UpdateWebhookResult:
        """Change what is given; ACTIVE continues a paused or disabled webhook where it stopped."""
        changes = {"url": url, "document": document, "status": status}
        given = {name: value for name, value in changes.items() if value is not None}
        given["webhookId"] = webhook_id
        return self._transport.execute(documents.UPDATE_WEBHOOK, {"input": given})

    def delete_webhook(self, webhook_id: str) -> models.DeleteWebhookResult:
        """Delete a webhook."""
        return self._once(documents.DELETE_WEBHOOK, {"webhookId": webhook_id})

    def replay_webhook(self, webhook_id: str, after: int) -> models.UpdateWebhookResult:
        """Deliver all events after that number again, beginning now."""
        given = {"webhookId": webhook_id, "afterNumber": after}
        return self._transport.execute(documents.REPLAY_WEBHOOK, {"input": given})

    def rotate_webhook_secret(
        self, webhook_id: str, *, overlap_seconds: int = 86_400
    ) -> models.RotateWebhookSecretResult:
        """Have a new secret sign, and the old one too for as long as `overlap_seconds`."""
        given = {"webhookId": webhook_id, "overlapSeconds": overlap_seconds}
        return self._once(documents.ROTATE_WEBHOOK_SECRET, given)

    def test_webhook(self, webhook_id: str, *, send: bool = False) -> models.TestWebhookResult:
        """The request of the latest event; `send` sends it at once, outside the ordered stream."""
        return self._once(documents.TEST_WEBHOOK, {"webhookId": webhook_id, "send": send})
