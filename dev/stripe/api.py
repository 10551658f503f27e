"""The HTTP side of the API: keys, versions, idempotency, errors, and faults on demand."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dev.stripe import checkout, objects, parameters, refusals, resources
from dev.stripe.parameters import Parameters
from dev.stripe.provider import Cause, Provider
from dev.stripe.refusals import Refusal
from dev.stripe.store import Stored

KEPT_SECONDS = 24 * 3_600
LONGEST_KEY = 255
LARGEST_BODY_BYTES = 1_000_000
FORM = "application/x-www-form-urlencoded"
#: What can go wrong with a call: before it is performed, or after it.
FAULTS = ("error", "error_after", "rate_limit", "timeout", "lost_answer")


@dataclass(frozen=True)
class Answer:
    """The status and the body of a response, and the call that it was first given to."""

    status: int
    body: str
    request: str
    is_replayed: bool = False


@dataclass(frozen=True)
class Asked:
    """One call as it came in."""

    account: str
    method: str
    path: str
    text: str
    key: str | None
    request: str


class Api:
    """Answers what comes in under `/v1`."""

    def __init__(
        self,
        provider: Provider,
        deliver: Callable[[list[str]], Awaitable[None]],
        cut: Callable[[Request], None],
    ) -> None:
        """`deliver` delivers events now; `cut` ends the connection of a request without an answer."""
        self._provider = provider
        self._deliver = deliver
        self._cut = cut
        self._in_progress: set[tuple[str, str]] = set()

    async def answer(self, request: Request) -> Response:
        identifier = objects.new_id("req_", 14)
        try:
            asked = await self._read(request, identifier)
            if asked.key is None:
                return await self._perform(request, asked)
            return await self._once(request, asked)
        except Refusal as refusal:
            return _response(_answer_of(refusal, identifier), identifier, None)

    async def _read(self, request: Request, identifier: str) -> Asked:
        account = self._authenticate(request)
        version = request.headers.get("stripe-version", objects.API_VERSION)
        if version != objects.API_VERSION:
            raise Refusal(
                f"Invalid Stripe API version: {version[:40]}. This provider has {objects.API_VERSION}."
            )
        text, key = request.url.query, None
        if request.method != "GET":
            if request.headers.get("content-type", FORM).partition(";")[0] != FORM:
                raise Refusal(f"Invalid request: parameters are sent as {FORM}.")
            if int(request.headers.get("content-length", 0)) > LARGEST_BODY_BYTES:
                raise Refusal("Request body too large.", status=413)
            text = (await request.body()).decode(errors="replace")
            key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= LONGEST_KEY:
            raise Refusal(
                f"Idempotency keys must be from 1 to {LONGEST_KEY} characters long.",
                kind="idempotency_error",
            )
        return Asked(account, request.method, request.url.path, text, key, identifier)

    def _authenticate(self, request: Request) -> str:
        """The account of the secret key, which comes as Bearer or as the user of Basic."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                given = ""
        if not given:
            raise Refusal(
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth.",
                status=401,
            )
        for key, account in self._provider.accounts.items():
            if hmac.compare_digest(key.encode(), given.encode()):
                return account
        shown = f"{given[:8]}{'*' * 12}{given[-4:]}" if len(given) > 16 else "*" * 12
        raise Refusal(f"Invalid API Key provided: {shown}", status=401)

    # ------------------------------------------------------------ idempotency

    async def _once(self, request: Request, asked: Asked) -> Response:
        """Perform a call with an idempotency key, or repeat the answer that it was given."""
        assert asked.key is not None
        name = (asked.account, asked.key)
        if name in self._in_progress:
            raise Refusal(
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going through): "
                f"{asked.key}.",
                code="idempotency_key_in_use",
                status=409,
            )
        self._provider.store.forget_answers(self._provider.now() - KEPT_SECONDS)
        stored = self._provider.store.answer_to(*name)
        if stored is not None:
            _check_same(asked, stored)
            answer = Answer(stored.status, stored.body, stored.request, is_replayed=True)
            return _response(answer, asked.request, asked.key)
        self._in_progress.add(name)
        try:
            return await self._perform(request, asked)
        finally:
            self._in_progress.discard(name)

    def _keep(self, asked: Asked, answer: Answer) -> None:
        if asked.key is not None:
            stored = Stored(
                *(asked.path, _normal(asked.text), answer.status, answer.body),
                *(asked.request, self._provider.now()),
            )
            self._provider.store.keep_answer(asked.account, asked.key, stored)

    # ------------------------------------------------------------ performing

    async def _perform(self, request: Request, asked: Asked) -> Response:
        provider = self._provider
        handler, identifier = resources.find(asked.method, asked.path)
        checkout.expire_due(provider)
        fault = provider.take_fault(asked.path)
        if fault == "rate_limit":
            raise Refusal("Request rate limit exceeded.", code="rate_limit", status=429)
        if fault == "timeout":
            await _client_leaves(request)
        if fault == "error":
            answer = _answer_of(refusals.internal(), asked.request)
            self._keep(asked, answer)
            return _response(answer, asked.request, asked.key)
        if fault == "timeout":
            return Response(status_code=504)
        answer = self._run(handler, identifier, asked, fails_after=fault == "error_after")
        await self._deliver(provider.take_caused())
        if fault == "lost_answer":
            self._cut(request)
        return _response(answer, asked.request, asked.key)

    def _run(
        self, handler: resources.Handler, identifier: str, asked: Asked, *, fails_after: bool
    ) -> Answer:
        """Perform and keep the answer in one transaction. Raises `Refusal` for what is not kept."""
        given = Parameters(parameters.parse(asked.text))
        cause = Cause(asked.request, asked.key)
        call = resources.Call(self._provider, asked.account, given, cause, identifier)
        try:
            with self._provider.store.change():
                answer = Answer(200, _json(handler(call)), asked.request)
                if fails_after:
                    answer = _answer_of(refusals.internal(), asked.request)
                self._keep(asked, answer)
        except Refusal as refusal:
            self._provider.take_caused()
            if not refusal.stored:
                raise
            answer = _answer_of(refusal, asked.request)
            self._keep(asked, answer)
        return answer


def _check_same(asked: Asked, stored: Stored) -> None:
    if asked.path != stored.path:
        reason = (
            "Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for ('{asked.path}' vs '{stored.path}')."
        )
    elif _normal(asked.text) != stored.parameters:
        reason = (
            "Keys for idempotent requests can only be used with the same parameters they were "
            "first used with."
        )
    else:
        return
    raise Refusal(
        f"{reason} Try using a key other than '{asked.key}' if you meant to execute a different "
        "request.",
        kind="idempotency_error",
    )


def _normal(text: str) -> str:
    """The parameters in an order of their own."""
    return json.dumps(parameters.parse(text), sort_keys=True)


async def _client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer_of(refusal: Refusal, request: str) -> Answer:
    return Answer(refusal.status, _json(refusal.body()), request)


def _response(answer: Answer, request: str, key: str | None) -> Response:
    headers = {"request-id": request, "stripe-version": objects.API_VERSION}
    if key is not None:
        headers["idempotency-key"] = key.encode("latin-1", "replace").decode("latin-1")
    if answer.is_replayed:
        headers |= {"idempotent-replayed": "true", "original-request": answer.request}
    # An error of the provider is final for its key: another try would be given the same answer.
    if answer.status >= 500:
        headers["stripe-should-retry"] = "false" if key else "true"
    return Response(answer.body, answer.status, headers, "application/json")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2)
