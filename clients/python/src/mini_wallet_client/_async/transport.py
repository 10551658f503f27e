"""Sends operations over HTTP: repeated where that is safe, with a fresh access token when one expired."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from mini_wallet_client import answers, documents, errors, files, models
from mini_wallet_client.operation import Operation
from mini_wallet_client.retries import Attempts, Retries
from mini_wallet_client.sessions import Session
from mini_wallet_client.values import UserError, to_json
from mini_wallet_client.waiting import _async as waiting

Result = TypeVar("Result")
log = logging.getLogger("mini_wallet_client")
#: Refusals of every attempt with the same input, whenever it arrives.
_FINAL = (
    models.CannotPayYourself,
    models.IdempotencyKeyClosed,
    models.IdempotencyKeyReused,
    models.InvalidAmount,
    models.InvalidInput,
    models.RequestClosed,
    models.TooLate,
)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_ACCEPT = "application/graphql-response+json, application/json;q=0.9"


class Transport:
    """A connection to the service as one user."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        session: Session | None,
        on_session: Callable[[Session | None], object] | None,
        retries: Retries,
        http: httpx.AsyncClient,
    ) -> None:
        self.url = url
        self.http = http
        self.retries = retries
        self.session = session
        self._token = token
        self._on_session = on_session
        self._refreshing = waiting.Lock()
        #: Changes when a user signs in or out: what was begun before must not be done by another one.
        self.sign_ins = 0

    @property
    def bearer(self) -> str | None:
        """The token that the next request carries."""
        session = self.session
        return self._token if session is None else session.access_token

    def headers(self, bearer: str | None) -> dict[str, str]:
        """The headers of a request."""
        return {} if bearer is None else {"authorization": f"Bearer {bearer}"}

    def use_session(self, session: Session | None, *, is_renewed: bool = False) -> None:
        """Continue with this session, or without any; tells who keeps it."""
        self.sign_ins += not is_renewed
        self.session = session
        if self._on_session is not None:
            self._on_session(session)

    async def execute(
        self,
        operation: Operation[Result],
        variables: Mapping[str, object] | None = None,
        *,
        attempts: Attempts | None = None,
        is_repeatable: bool = True,
    ) -> Result:
        """The operation's result. Raises WalletError."""
        attempts = attempts or self.retries.start()
        body = {"query": operation.document, "variables": to_json(variables or {})}
        sign_ins = self.sign_ins
        while True:
            try:
                data = await self._send_signed_in(body, sign_ins)
                break
            except errors.TemporaryError as error:
                pause = attempts.note(error) if is_repeatable else None
                if pause is None:
                    raise
                log.info("%s is repeated in %.1f s: %s", operation.name, pause, error)
            await waiting.sleep(pause)
        return operation.parse(data)

    async def once_per_key(
        self,
        operation: Operation[Result],
        given: Mapping[str, object],
        *,
        kind: models.TransactionKind | None = None,
        give_up_after_seconds: float | None,
    ) -> Result:
        """The result of an operation with an idempotency key. Raises OutcomeUnknown to give up.

        `kind` is that of the transaction, if it moves money.
        """
        key = str(given["idempotencyKey"])
        attempts = self.retries.start(give_up_after_seconds)
        try:
            result = await self.execute(operation, {"input": given}, attempts=attempts)
        except errors.WalletError as error:
            # An earlier attempt whose answer was lost may have taken effect all the same.
            if attempts.are_ambiguous or not errors.is_refusal(error):
                raise errors.OutcomeUnknown(kind, key, str(error)) from error
            raise
        is_refused = isinstance(result, UserError) and not isinstance(result, _FINAL)
        if is_refused and attempts.may_be_in_transit:
            reason = "the last attempt was refused, and an earlier one may still arrive"
            raise errors.OutcomeUnknown(kind, key, reason)
        return result

    async def download(self, url: str, path: Path) -> None:
        """Write a file of the service to the path, from the start again where it was cut off."""
        attempts = self.retries.start()
        while True:
            try:
                await self._download(url, path)
                return
            except errors.TemporaryError as error:
                pause = attempts.note(error)
                if pause is None:
                    raise
            await waiting.sleep(pause)

    async def _download(self, url: str, path: Path) -> None:
        try:
            async with self.http.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    text = (await response.aread()).decode("utf-8", "replace")
                    raise answers.no_file(response.status_code, response.headers, text)
                with files.written(path) as file:
                    async for chunk in response.aiter_bytes():
                        file.write(chunk)
        except httpx.RequestError as error:
            raise errors.ConnectionFailed(f"{type(error).__name__} {error}".strip()) from error

    async def refresh(self, expired: str) -> None:
        """Replace the access token, unless that has happened meanwhile. Raises Unauthenticated."""
        async with self._refreshing:
            session = self.session
            if session is None:
                raise errors.Unauthenticated("The session has ended: sign in again.")
            if session.access_token != expired:
                return
            variables = {"input": {"refreshToken": session.refresh_token}}
            body = {"query": documents.REFRESH_SESSION.document, "variables": variables}
            result = await self._refreshed(body)
            if self.session is not session:
                return
            if isinstance(result, models.SignedIn):
                self.use_session(Session.of(result.credentials), is_renewed=True)
                return
            self.use_session(None)
            raise errors.Unauthenticated(result.message)

    async def _refreshed(self, body: dict[str, Any]) -> models.RefreshSessionResult:
        """Repeats a lost answer: for 30 seconds the old token gives the same new ones."""
        attempts = self.retries.start(20)
        while True:
            try:
                return documents.REFRESH_SESSION.parse(await self._send(body, None))
            except errors.TemporaryError as error:
                pause = attempts.note(error)
                if pause is None:
                    raise
            await waiting.sleep(pause)

    def require_same_user(self, sign_ins: int) -> None:
        """Raises Unauthenticated if a user has signed in or out since."""
        if self.sign_ins != sign_ins:
            raise errors.Unauthenticated("The user signed out, or another one in, meanwhile.")

    async def _send_signed_in(self, body: dict[str, Any], sign_ins: int) -> Any:
        self.require_same_user(sign_ins)
        bearer = self.bearer
        try:
            return await self._send(body, bearer)
        except errors.Unauthenticated:
            if self.session is None or bearer is None:
                raise
        await self.refresh(bearer)
        self.require_same_user(sign_ins)
        return await self._send(body, self.bearer)

    async def _send(self, body: dict[str, Any], bearer: str | None) -> Any:
        headers = {"accept": _ACCEPT, **self.headers(bearer)}
        try:
            response = await self.http.post(self.url, json=body, headers=headers)
        except httpx.RequestError as error:
            failure = errors.ConnectionFailed(f"{type(error).__name__} {error}".strip())
            failure.was_sent = not isinstance(error, _NOT_SENT)
            raise failure from error
        return answers.read(response.status_code, response.headers, response.content)
