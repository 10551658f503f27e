"""GraphQL requests: a document, the name of an operation, and variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql_server import errors


class GraphQLRequest(NamedTuple):
    """A request, independent of its transport."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None
    #: `Last-Event-ID` of a resumed stream; takes precedence over the argument in the document.
    after_number: int | None = None


def read_request(parameters: Any) -> GraphQLRequest:
    """The parameters of the specification. Raises RequestError for invalid ones."""
    if isinstance(parameters, list):
        raise errors.request_error(
            "Batches are not supported: send one operation a request.", errors.BAD_USER_INPUT
        )
    if not isinstance(parameters, dict):
        raise errors.request_error(
            "The request is not a JSON object with a `query`.", errors.BAD_USER_INPUT
        )
    query = parameters.get("query")
    extensions = parameters.get("extensions")
    if query is None and isinstance(extensions, dict) and "persistedQuery" in extensions:
        # Clients of automatic persisted queries look for this message or this code, and then send
        # the document itself.
        raise errors.request_error(
            "PersistedQueryNotSupported", errors.PERSISTED_QUERY_NOT_SUPPORTED
        )
    if not isinstance(query, str) or not query:
        raise errors.request_error(
            "`query` is missing: it takes the text of a GraphQL document.", errors.BAD_USER_INPUT
        )
    name = parameters.get("operationName")
    if name is not None and not isinstance(name, str):
        raise errors.request_error("`operationName` takes a string.", errors.BAD_USER_INPUT)
    variables = parameters.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise errors.request_error("`variables` takes a JSON object.", errors.BAD_USER_INPUT)
    if extensions is not None and not isinstance(extensions, dict):
        raise errors.request_error("`extensions` takes a JSON object.", errors.BAD_USER_INPUT)
    return GraphQLRequest(query, name, variables)
