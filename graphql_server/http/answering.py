"""GraphQL over HTTP by its draft specification: POST of JSON, and GET for queries.

https://graphql.github.io/graphql-over-http/draft/ — a request that is refused as a whole is 4xx or 5xes
without `data` for who accepts `application/graphql-response+json`, and 200 for who accepts
`application/json` alone, unless the HTTP request itself is malformed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson
import structlog
from graphql import OperationType
from starlette.types import Receive, Scope, Send

from app.http import device_cookie, refresh_cookie
from graphql_server import bodies, errors, facts
from graphql_server.documents import Operation
from graphql_server.execution import Engine, GraphQLRequest, read_request
from graphql_server.http import framings, negotiation, streams
from graphql_server.http.negotiation import JSON, RESPONSE_JSON
from resolvers import request as requests

log = structlog.get_logger(__name__)

_STREAMS = "text/event-stream or multipart/mixed;subscriptionSpec=1.0"

Header = tuple[bytes, bytes]


class HttpError(Exception):
    """The HTTP request is wrong, whatever its GraphQL: the status stands for every media type."""

    def __init__(self, status: int, message: str, headers: tuple[Header, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.errors = [{"message": message, "extensions": {"code": errors.BAD_USER_INPUT}}]


async def answer(
    engine: Engine, scope: Scope, receive: Receive, send: Send
) -> streams.Stream | None:
    """Answer one POST, or one GET that has a query; or have the stream that answers it, to be served."""
    accepted = negotiation.negotiate(facts.header(scope["headers"], b"accept"))
    media_type = accepted.json or JSON
    status, extra = 200, tuple[Header, ...]()
    context = None
    try:
        if accepted.is_nothing:
            raise HttpError(
                406,
                f"This address answers {RESPONSE_JSON}, {JSON} and, to subscriptions, {_STREAMS}.",
            )
        request = await read(scope, receive)
        operation = await engine.prepare(request, scope["facts"].client_ip)
        describe(scope, operation.root_fields)
        is_subscription = operation.kind is OperationType.SUBSCRIPTION
        framing = accepted.stream(is_subscription=is_subscription)
        if is_subscription and framing is None:
            raise HttpError(
                400 if scope["method"] == "POST" else 405,
                f"Subscriptions are answered over WebSocket, or as {_STREAMS}: accept one of them.",
            )
        if scope["method"] != "POST" and operation.kind is OperationType.MUTATION:
            raise HttpError(405, "Mutations are sent by POST.", ((b"allow", b"POST"),))
        with _ended_with_client(operation, scope["facts"]):
            context = await make_context(engine, scope, operation)
            if framing is not None:
                return streams.Stream(operation, request, context, framings.FRAMINGS[framing])
            payload = await engine.execute(operation, request, context)
    except (bodies.Disconnected, _Gone):
        return None
    except (HttpError, errors.RequestError) as error:
        payload = {"errors": error.errors}
        # Who accepts nothing but streams is told by the status.
        status, extra = refusal(error, accepted.json or RESPONSE_JSON)
    except Exception as error:
        masked = errors.internal(error)
        payload, status = {"errors": masked.errors}, 500
    if "errors" in payload:
        scope["facts"].logged["codes"] = [
            error["extensions"]["code"] for error in payload["errors"]
        ]
    headers = [*extra]
    if context is not None:
        headers += _cookies_to_set(context)
    await respond(send, status, f"{media_type}; charset=utf-8", orjson.dumps(payload), headers)
    return None


class _Gone(Exception):
    """The client has closed the connection, so that nobody waits for the answer."""


@contextmanager
def _ended_with_client(operation: Operation, known: facts.RequestFacts) -> Iterator[None]:
    """Cancel a query, and its statements in the database, when the client goes away. Raises _Gone.

    A mutation is finished: it may be retried with the same key.
    """
    task = asyncio.current_task()
    if operation.kind is not OperationType.QUERY or task is None:
        yield
        return
    if known.is_gone:
        raise _Gone
    was_cancelled_by_client = False

    def cancel() -> None:
        nonlocal was_cancelled_by_client
        was_cancelled_by_client = True
        task.cancel()

    known.when_gone = cancel
    try:
        yield
    except asyncio.CancelledError:
        if not was_cancelled_by_client:
            raise
        task.uncancel()
        raise _Gone from None
    finally:
        known.when_gone = None


async def respond(
    send: Send,
    status: int,
    content_type: str,
    body: bytes,
    headers: list[Header],
    *,
    kind: str = "http",
) -> None:
    """Send one whole answer, never to be kept by a cache; `websocket.http` instead of a handshake."""
    await send(
        {
            "type": f"{kind}.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                (b"vary", b"Accept, Origin"),
                *headers,
            ],
        }
    )
    await send({"type": f"{kind}.response.body", "body": body})


def describe(scope: Scope, root_fields: frozenset[str]) -> None:
    """Have the access log say what was asked for."""
    scope["facts"].logged["operation"] = ",".join(sorted(root_fields)) or "__typename"


def refusal(
    error: HttpError | errors.RequestError, media_type: str
) -> tuple[int, tuple[Header, ...]]:
    """The status and headers with which to answer it."""
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


async def make_context(engine: Engine, scope: Scope, operation: Any) -> requests.RequestContext:
    """What resolvers know of this request.

    Raises RequestError for a bad token, and HttpError for two refresh cookies.
    """
    headers = scope["headers"]
    authorization = user_agent = cookie = None
    for name, value in headers:
        if name == b"authorization":
            # Two are no bearer token.
            given = value.decode("latin-1")
            authorization = given if authorization is None else f"{authorization}, {given}"
        elif name == b"user-agent":
            user_agent = value.decode("latin-1")
        elif name == b"cookie":
            cookie = f"{cookie}; {value.decode('latin-1')}" if cookie else value.decode("latin-1")
    secure = engine.services.settings.secure_cookies
    received = refresh_cookie.read(cookie, secure=secure)
    if received.is_ambiguous:
        raise HttpError(
            400,
            "The request carries two refresh cookies: delete the cookies of this site, and sign in again.",
            (_set_cookie(refresh_cookie.clear(secure=secure)),),
        )
    known: facts.RequestFacts = scope["facts"]
    principal = await engine.authenticate(operation, authorization, known.client_ip)
    return requests.RequestContext(
        services=engine.services,
        principal=principal,
        client_ip=known.client_ip,
        user_agent=user_agent,
        refresh_cookie=received.token,
        device_token=device_cookie.read(cookie, secure=secure),
        has_outdated_cookie=received.is_outdated,
        request_id=known.request_id,
    )


def _cookies_to_set(context: requests.RequestContext) -> list[Header]:
    secure = context.services.settings.secure_cookies
    headers = []
    if context.has_outdated_cookie:
        headers.append(_set_cookie(refresh_cookie.clear_outdated()))
    if context.cookie_to_set:
        lifetime = context.cookie_seconds
        headers.append(
            _set_cookie(refresh_cookie.render(context.cookie_to_set, lifetime, secure=secure))
        )
    elif context.cookie_to_set is not None:
        headers.append(_set_cookie(refresh_cookie.clear(secure=secure)))
    if context.device_token_to_set is not None:
        headers.append(
            _set_cookie(device_cookie.render(context.device_token_to_set, secure=secure))
        )
    return headers


def _set_cookie(cookie: str) -> Header:
    return b"set-cookie", cookie.encode("latin-1")


# ================================================================ reading


async def read(scope: Scope, receive: Receive) -> GraphQLRequest:
    """The request in the body or in the address. Raises HttpError, RequestError and Disconnected."""
    if scope["method"] != "POST":
        return _read_address(scope["query_string"])
    _check_content_type(facts.header(scope["headers"], b"content-type"))
    try:
        body = await bodies.read(scope, receive)
    except bodies.TooLarge:
        raise HttpError(
            413,
            f"The body is larger than {bodies.MAXIMUM_BYTES // 1024} KiB.",
            ((b"connection", b"close"),),
        ) from None
    except bodies.TooSlow:
        message = "The body took too long to arrive: send the request again."
        raise HttpError(408, message, ((b"connection", b"close"),)) from None
    except bodies.Encoded as error:
        raise HttpError(
            415,
            bodies.ENCODED.format(coding=error.coding),
            ((b"accept-encoding", b"identity"), (b"connection", b"close")),
        ) from None
    return _malformed_unless_read(_parse_json(body, "The body"))


def _read_address(query_string: bytes) -> GraphQLRequest:
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except (ValueError, UnicodeDecodeError):
        raise HttpError(400, "The address has parameters that are not URL-encoded UTF-8.") from None
    parameters: dict[str, Any] = dict(pairs)
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = _parse_json(parameters[name].encode(), f"`{name}`")
        else:
            parameters.pop(name, None)
    return _malformed_unless_read(parameters)


def _parse_json(text: bytes, what: str) -> Any:
    try:
        return bodies.parse_json(text)
    except ValueError:
        raise HttpError(400, f"{what} is not well-formed JSON in UTF-8.") from None


def _malformed_unless_read(parameters: Any) -> GraphQLRequest:
    try:
        return read_request(parameters)
    except errors.RequestError as error:
        error.malformed = True
        raise


@lru_cache(maxsize=64)
def _content_type(header: str) -> bool:
    media_type, _, parameters = header.partition(";")
    charset = "utf-8"
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return media_type.strip().lower() == JSON and charset in ("utf-8", "utf8")


def _check_content_type(header: str | None) -> None:
    # Nothing else is taken: a page elsewhere cannot have a browser send JSON without asking (CSRF).
    if header is None or not _content_type(header[:200]):
        raise HttpError(
            415,
            "Send the request as `Content-Type: application/json` in UTF-8.",
            ((b"accept-post", JSON.encode()),),
        )
