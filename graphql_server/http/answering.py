"""GraphQL over HTTP by its draft specification: POST of JSON, and GET for queries.

https://graphql.github.io/graphql-over-http/draft/ — a request that is refused as a whole is 4xx or 5xes
without `data` for clients that accept `application/graphql-response+json`, and 200 for those that accept
`application/json` alone, unless the HTTP request itself is malformed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
import structlog
from graphql import OperationType
from starlette.types import Receive, Scope, Send

from graphql_server import bodies, errors, facts
from graphql_server.documents import Operation
from graphql_server.errors import HttpError
from graphql_server.execution import Engine, shown_cost
from graphql_server.http import costs, framings, negotiation, reading, streams
from graphql_server.http.costs import Wanted
from graphql_server.http.negotiation import JSON, RESPONSE_JSON
from graphql_server.service import Caller, Context, Header

log = structlog.get_logger(__name__)

#: The content types of single responses.
_CONTENT_TYPES = {each: f"{each}; charset=utf-8" for each in (JSON, RESPONSE_JSON)}
_STREAMS = "text/event-stream or multipart/mixed;subscriptionSpec=1.0"
#: Headers of every response.
COMMON_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept, Origin"),
)


class Response(NamedTuple):
    """A whole answer; beside these headers it has its type, its length and `COMMON_HEADERS`."""

    status: int
    content_type: str
    body: bytes
    headers: Sequence[Header] = ()


async def answer(
    engine: Engine, scope: Scope, body: bytes | Receive
) -> Response | streams.Stream | None:
    """The answer to one POST, or to one GET that has a query, or the stream that answers it.

    None where the client has closed the connection. `body` is that of a POST, or receives it.
    """
    known: facts.RequestFacts = scope["facts"]
    accepted = negotiation.negotiate(known.headers.first(b"accept"))
    media_type = accepted.json or JSON
    status, extra = 200, tuple[Header, ...]()
    context = None
    cost_wanted = Wanted.NO
    try:
        if accepted.is_nothing:
            raise HttpError(
                406,
                f"This address answers {RESPONSE_JSON}, {JSON} and, to subscriptions, {_STREAMS}.",
            )
        request = await reading.read(scope, body)
        cost_wanted = costs.wanted(known.headers)
        operation = await engine.prepare(request, known.client_ip)
        describe(known, operation)
        framing = _framing(accepted, scope["method"], operation, cost_wanted)
        with _EndedWithClient(operation, known):
            # Two such headers are not a valid bearer token.
            authorization = known.headers.joined(b"authorization")
            caller = engine.recognize(operation, authorization)
            if caller is None:
                caller = await engine.authenticate(operation, authorization, known.client_ip)
            context = _context(engine, known, caller, is_stream=framing is not None)
            if framing is not None:
                cost = engine.cost(operation, request) if cost_wanted is Wanted.TOO else None
                return streams.Stream(operation, request, context, framings.FRAMINGS[framing], cost)
            if cost_wanted is Wanted.ONLY:
                payload = await engine.estimate(operation, request, context)
            else:
                payload = await engine.execute(operation, request, context)
            if cost_wanted is Wanted.TOO:
                payload["extensions"] = {"cost": engine.cost(operation, request)}
    except (bodies.Disconnected, _Gone):
        return None
    except (HttpError, errors.RequestError) as error:
        payload = _refused(error, cost_wanted)
        # A client that accepts only streams is informed by the status.
        status, extra = refusal(error, accepted.json or RESPONSE_JSON)
        if context is None and isinstance(error, errors.RequestError):
            extra += error.headers
    except Exception as error:
        masked = errors.internal(error)
        payload, status = {"errors": masked.errors}, 500
    if "errors" in payload:
        known.logged["codes"] = [error["extensions"]["code"] for error in payload["errors"]]
    headers = [*extra]
    if context is not None:
        headers += engine.service.response_headers(context)
    return Response(status, _CONTENT_TYPES[media_type], orjson.dumps(payload), headers)


def _framing(
    accepted: negotiation.Accepted, method: str, operation: Operation, cost_wanted: Wanted
) -> str | None:
    """The framing of the stream; None for a single response. Raises HttpError for an impossible combination."""
    is_subscription = operation.kind is OperationType.SUBSCRIPTION
    framing = None
    if cost_wanted is not Wanted.ONLY:
        framing = accepted.stream(is_subscription=is_subscription)
        if is_subscription and framing is None:
            raise HttpError(
                400 if method == "POST" else 405,
                f"Subscriptions are answered over WebSocket, or as {_STREAMS}: accept one of them.",
            )
    if method != "POST" and operation.kind is OperationType.MUTATION:
        raise HttpError(405, "Mutations are sent by POST.", ((b"allow", b"POST"),))
    return framing


def _refused(error: HttpError | errors.RequestError, cost_wanted: Wanted) -> dict[str, Any]:
    payload: dict[str, Any] = {"errors": error.errors}
    if cost_wanted is not Wanted.NO and isinstance(error, errors.RequestError) and error.cost:
        payload["extensions"] = {"cost": shown_cost(error.cost)}
    return payload


class _Gone(Exception):
    """The client has closed the connection, so the response is no longer needed."""


class _EndedWithClient:
    """Cancels a query, and its statements in the database, if the client disconnects. Raises _Gone.

    A mutation is completed: it may be retried with the same key.
    """

    # For every request: a generator as a context manager would take three times as long.
    __slots__ = ("_facts", "_is_query", "_task", "_was_cancelled")

    def __init__(self, operation: Operation, known: facts.RequestFacts) -> None:
        self._facts = known
        self._is_query = operation.kind is OperationType.QUERY
        self._task: asyncio.Task[Any] | None = None
        self._was_cancelled = False

    def __enter__(self) -> None:
        if not self._is_query:
            return
        if self._facts.is_gone:
            raise _Gone
        self._task = asyncio.current_task()
        if self._task is not None:
            self._facts.when_gone = self._cancel

    def _cancel(self) -> None:
        assert self._task is not None
        self._was_cancelled = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._task is None:
            return
        self._facts.when_gone = None
        if self._was_cancelled and kind is not None and issubclass(kind, asyncio.CancelledError):
            self._task.uncancel()
            raise _Gone from None


async def respond(send: Send, response: Response, *, kind: str = "http") -> None:
    """Send one whole answer; `websocket.http` instead of a handshake."""
    await send(
        {
            "type": f"{kind}.response.start",
            "status": response.status,
            "headers": [
                (b"content-type", response.content_type.encode()),
                (b"content-length", b"%d" % len(response.body)),
                *COMMON_HEADERS,
                *response.headers,
            ],
        }
    )
    await send({"type": f"{kind}.response.body", "body": response.body})


def describe(known: facts.RequestFacts, operation: Operation) -> None:
    """Record the operation for the access log."""
    known.logged["operation"] = operation.label


def refusal(
    error: HttpError | errors.RequestError, media_type: str
) -> tuple[int, tuple[Header, ...]]:
    """The status and headers of the response."""
    if isinstance(error, HttpError):
        return error.status, error.headers
    extensions = error.errors[0]["extensions"]
    headers: tuple[Header, ...] = ()
    if error.code == "UNAUTHENTICATED":
        headers = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
    elif "retryAfterSeconds" in extensions:
        headers = ((b"retry-after", str(extensions["retryAfterSeconds"]).encode()),)
    if error.malformed or media_type == RESPONSE_JSON:
        return error.http_status, headers
    return 200, headers


def _context(
    engine: Engine, known: facts.RequestFacts, caller: Caller | None, *, is_stream: bool
) -> Context:
    """The context of the request for resolvers. Raises HttpError for contradictory cookies."""
    headers = known.headers
    return engine.service.context(
        caller,
        client_ip=known.client_ip,
        request_id=known.request_id,
        user_agent=headers.first(b"user-agent"),
        cookie=headers.joined(b"cookie", "; "),
        can_set_cookies=not is_stream,
    )
