"""The request header `GraphQL-Cost`: clients that want to know what their operation costs."""

from __future__ import annotations

import enum

from graphql_server.errors import HttpError
from graphql_server.facts import Headers

_HEADER = b"graphql-cost"


class Wanted(enum.Enum):
    """Whether the answer has `extensions.cost`."""

    NO = None
    #: Beside the operation's result.
    TOO = "1"
    #: Without executing the operation.
    ONLY = "only"


def wanted(headers: Headers) -> Wanted:
    """What the request asks for. Raises HttpError for any other value of the header."""
    given = headers.first(_HEADER)
    if given is None:
        return Wanted.NO
    try:
        return Wanted(given.strip().lower())
    except ValueError:
        raise HttpError(
            400,
            "The header GraphQL-Cost takes `1` for the cost beside the result, or `only` for the cost "
            "without executing the operation.",
        ) from None
