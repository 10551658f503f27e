"""Reads the request from the body of a POST or from the URL."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from graphql_server import bodies, errors
from graphql_server.errors import HttpError
from graphql_server.facts import Headers
from graphql_server.http.negotiation import JSON
from graphql_server.requests import GraphQLRequest, read_request


async def read(scope: Scope, body: bytes | Receive) -> GraphQLRequest:
    """The request in the body or the URL. Raises HttpError, RequestError or Disconnected.

    `body` is the whole body of a POST, or receives it.
    """
    if scope["method"] != "POST":
        return _read_address(scope["query_string"])
    _check_content_type(scope["facts"].headers)
    if not isinstance(body, bytes):
        body = await _receive(scope, body)
    return _malformed_unless_read(_parse_json(body, "The body"))


async def _receive(scope: Scope, receive: Receive) -> bytes:
    try:
        return await bodies.read(scope, receive)
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


def _check_content_type(headers: Headers) -> None:
    header = headers.first(b"content-type")
    # No other type is accepted: a foreign page cannot make a browser send JSON without a preflight request
    # (CSRF).
    if header is None or not _content_type(header[:200]):
        raise HttpError(
            415,
            "Send the request as `Content-Type: application/json` in UTF-8.",
            ((b"accept-post", JSON.encode()),),
        )
