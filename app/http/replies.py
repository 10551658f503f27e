"""Complete responses outside GraphQL."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


def json(content: Any, status: int = 200, **headers: str) -> Response:
    """JSON that must not be cached."""
    return Response(
        orjson.dumps(content),
        status,
        {"cache-control": "no-store", "vary": "Origin", **headers},
        "application/json",
    )


def empty(**headers: str) -> Response:
    """204, with these headers."""
    return Response(status_code=204, headers={"vary": "Origin", **headers})


def refusal(status: int, message: str, code: str, **headers: str) -> Response:
    """An error in the form that the GraphQL API has."""
    extensions: dict[str, object] = {"code": code}
    if code == "RATE_LIMITED" and "retry-after" in headers:
        extensions["retryAfterSeconds"] = int(headers["retry-after"])
    return json({"errors": [{"message": message, "extensions": extensions}]}, status, **headers)
