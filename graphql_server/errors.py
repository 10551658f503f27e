"""The format of errors in a response: each has a code, and internal details are masked."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

log = structlog.get_logger(__name__)

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
TOO_EXPENSIVE = "QUERY_TOO_EXPENSIVE"
INTERNAL = "INTERNAL"
PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"

_HTTP_STATUSES = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    "UNAVAILABLE": 503,
    INTERNAL: 500,
}
#: graphql-core's message for arguments and directives that are invalid only because of their values.
_ABOUT_INPUT = ("Argument ", "Variable ", "Directive ", "Fragment argument ")
#: Its message repeats the whole input, which may contain a password.
_FOUND = re.compile(r"(?:[,;] found|(?P<end>[.?]) Found): .*", re.DOTALL)


class Credential(Enum):
    """What is wrong with a credential."""

    #: The header `Authorization` carries no bearer token.
    MISSING = "missing"
    EXPIRED = "expired"
    #: Forged, unknown, or ended.
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The representation of an exception of the service for clients."""

    message: str
    code: str
    extensions: Mapping[str, Any] = field(default_factory=dict)
    #: If the reason is the caller's credential.
    credential: Credential | None = None
    #: Of the response to a request that is refused as a whole.
    headers: tuple[tuple[bytes, bytes], ...] = ()


#: Represents an exception of the service; None for an internal error, which is masked.
Present = Callable[[BaseException], Refusal | None]


class HttpError(Exception):
    """The HTTP request is wrong, whatever its GraphQL: the status applies to every media type."""

    def __init__(
        self, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.errors = [{"message": message, "extensions": {"code": BAD_USER_INPUT}}]


class RequestError(Exception):
    """The request as a whole is refused: its errors, formatted, and no data."""

    def __init__(
        self,
        formatted: list[dict[str, Any]],
        http_status: int = 400,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(formatted[0]["message"])
        self.errors = formatted
        self.http_status = http_status
        #: Headers of the response, if no context has any.
        self.headers = headers
        #: Whether it is not even a well-formed GraphQL-over-HTTP request.
        self.malformed = False
        #: The cost of the operation, if it is too high.
        self.cost: int | None = None

    @property
    def code(self) -> str:
        code: str = self.errors[0]["extensions"]["code"]
        return code


def request_error(message: str, code: str, http_status: int = 400) -> RequestError:
    """A refusal of a request, without a location in a document."""
    return RequestError([{"message": message, "extensions": {"code": code}}], http_status)


def refused(refusal: Refusal) -> RequestError:
    """The service's refusal of a whole request, such as one with an unknown access token."""
    return RequestError(
        [{"message": refusal.message, "extensions": _extensions(refusal)}],
        _HTTP_STATUSES.get(refusal.code, 400),
        refusal.headers,
    )


def _extensions(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code, **refusal.extensions}


def http_status(formatted: list[dict[str, Any]]) -> int:
    """The HTTP status of the first of these errors."""
    return _HTTP_STATUSES.get(formatted[0]["extensions"]["code"], 400)


def internal(error: BaseException, **facts: object) -> RequestError:
    """An internal error outside of any field, logged and masked."""
    return RequestError([_masked(error, facts)], 500)


def coded(found: Sequence[GraphQLError], code: str, **extensions: object) -> RequestError:
    """Errors of parsing or validating a document."""
    formatted = []
    for error in found:
        one: dict[str, Any] = dict(error.formatted)
        one["extensions"] = {"code": _own_code(error) or code, **extensions}
        formatted.append(one)
    return RequestError(formatted)


def present(found: Sequence[GraphQLError], refusal_of: Present) -> list[dict[str, Any]]:
    """Errors of executing an operation: refusals with their codes, everything else masked."""
    return [_present(error, refusal_of) for error in found]


def _present(error: GraphQLError, refusal_of: Present) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    original = _root_cause(error)
    refusal = None if original is None else refusal_of(original)
    if refusal is not None:
        formatted["message"] = refusal.message
        formatted["extensions"] = _extensions(refusal)
        return formatted
    code_given = _own_code(error)
    if original is None and code_given:
        return formatted
    if original is None and (error.path is None or error.message.startswith(_ABOUT_INPUT)):
        formatted["message"] = _FOUND.sub(lambda found: found["end"] or ".", error.message)
        formatted["extensions"] = {"code": BAD_USER_INPUT}
        return formatted
    return {**formatted, **_masked(original or error, {"path": error.path})}


def _masked(error: BaseException, facts: dict[str, object]) -> dict[str, Any]:
    reference = secrets.token_hex(6)
    log.error("fault", reference=reference, exc_info=error, **facts)
    return {
        "message": (
            "Something went wrong on our side. Try again; if it goes on, "
            f"tell support the reference {reference}."
        ),
        "extensions": {"code": INTERNAL, "reference": reference},
    }


def _own_code(error: GraphQLError) -> str | None:
    code = (error.extensions or {}).get("code")
    return code if isinstance(code, str) else None


def _root_cause(error: GraphQLError) -> Exception | None:
    """The exception of a resolver; None if graphql-core itself, or a scalar, refused."""
    original = error.original_error
    while isinstance(original, GraphQLError):
        if isinstance(original, GraphQLSyntaxError):
            return original
        original = original.original_error
    return original
