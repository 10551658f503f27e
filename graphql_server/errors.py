"""How errors look in an answer: each with its code, and nothing of ours inside them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from domain import errors
from schema import errors as schema_errors

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
#: What graphql-core says of arguments and directives that only their values show to be wrong.
_ABOUT_INPUT = ("Argument ", "Variable ", "Directive ", "Fragment argument ")
#: It repeats the whole input, with the password in it.
_FOUND = re.compile(r"(?:[,;] found|(?P<end>[.?]) Found): .*", re.DOTALL)


class RequestError(Exception):
    """The request as a whole is refused: its errors, formatted, and no data."""

    def __init__(self, formatted: list[dict[str, Any]], http_status: int = 400) -> None:
        super().__init__(formatted[0]["message"])
        self.errors = formatted
        self.http_status = http_status
        #: Whether it is not even a well-formed GraphQL-over-HTTP request.
        self.malformed = False

    @property
    def code(self) -> str:
        code: str = self.errors[0]["extensions"]["code"]
        return code


def request_error(message: str, code: str, http_status: int = 400) -> RequestError:
    """One refusal of a request, without a place in a document."""
    return RequestError([{"message": message, "extensions": {"code": code}}], http_status)


def refused(error: errors.DomainError) -> RequestError:
    """The domain's refusal of a whole request, such as one with an unknown access token."""
    code, extensions = schema_errors.code_of(error)
    return RequestError(
        [{"message": error.message, "extensions": {"code": code, **extensions}}],
        _HTTP_STATUSES.get(code, 400),
    )


def http_status(formatted: list[dict[str, Any]]) -> int:
    """The status that says most about the first of these errors."""
    return _HTTP_STATUSES.get(formatted[0]["extensions"]["code"], 400)


def internal(error: BaseException, **facts: object) -> RequestError:
    """A fault of ours where no field is to blame, logged and masked."""
    return RequestError([_masked(error, facts)], 500)


def coded(found: Sequence[GraphQLError], code: str, **extensions: object) -> RequestError:
    """Errors of parsing or validating a document."""
    formatted = []
    for error in found:
        one: dict[str, Any] = dict(error.formatted)
        one["extensions"] = {"code": _own_code(error) or code, **extensions}
        formatted.append(one)
    return RequestError(formatted)


def present(found: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """Errors of executing an operation: refusals with their codes, everything else masked."""
    return [_present(error) for error in found]


def _present(error: GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    original = _root_cause(error)
    if isinstance(original, errors.DomainError):
        code, extensions = schema_errors.code_of(original)
        formatted["message"] = original.message
        formatted["extensions"] = {"code": code, **extensions}
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
    """What a resolver raised; None where graphql-core itself, or a scalar, refused."""
    original = error.original_error
    while isinstance(original, GraphQLError):
        if isinstance(original, GraphQLSyntaxError):
            return original
        original = original.original_error
    return original
