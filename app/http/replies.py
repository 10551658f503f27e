"""Whole answers beside GraphQL."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


def json(content: Any, status: int = 200, **headers: str) -> Response:
    """JSON that no cache keeps."""
    return Response(
        orjson.dumps(content),
        status,
        {"cache-control": "no-store", **headers},
        "application/json",
    )


def refusal(status: int, message: str, code: str, **headers: str) -> Response:
    """An error in the form that the GraphQL API has."""
    return json({"errors": [{"message": message, "extensions": {"code": code}}]}, status, **headers)
