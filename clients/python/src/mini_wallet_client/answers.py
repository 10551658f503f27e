"""Reads HTTP answers of the service: its data, or what is to be raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mini_wallet_client import errors

#: Statuses of proxies and of the service's edge that a later attempt may not meet.
_TEMPORARY = {408, 429, 500, 502, 503, 504}


def read(status: int, headers: Mapping[str, str], body: bytes) -> Any:
    """The `data` of an answer. Raises WalletError."""
    retry_after = headers.get("retry-after")
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not answer.keys() & {"data", "errors"}:
        raise _no_answer(status, retry_after)
    return data_of(answer, retry_after)


def data_of(answer: Any, retry_after: str | None = None) -> Any:
    """The `data` of a GraphQL result. Raises WalletError where it has errors."""
    if answer.get("errors"):
        raise errors.from_answer(answer["errors"], retry_after)
    return answer["data"]


def no_file(status: int, headers: Mapping[str, str], text: str) -> errors.WalletError:
    """What is to be raised for an answer that is not the file."""
    if status in _TEMPORARY:
        return _no_answer(status, headers.get("retry-after"))
    return errors.ApiError(
        text.strip() or f"The answer was HTTP status {status}.", f"HTTP_{status}"
    )


def _no_answer(status: int, retry_after: str | None) -> errors.WalletError:
    if status in _TEMPORARY:
        failure = errors.ConnectionFailed(f"The answer was HTTP status {status}.")
        failure.retry_after_seconds = errors.seconds(retry_after)
        return failure
    return errors.UnexpectedAnswer(
        f"The answer was HTTP status {status} and not one of GraphQL: check the address."
    )
