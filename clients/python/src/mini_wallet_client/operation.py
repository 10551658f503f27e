"""An operation of the API with the type of its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mini_wallet_client.errors import Unauthenticated

Result = TypeVar("Result")


@dataclass(frozen=True)
class Operation(Generic[Result]):
    """A document with one operation, and how its data becomes the result."""

    name: str
    document: str
    parse: Callable[[Any], Result]


def follow(data: Any, *path: str) -> Any:
    """The value at the end of the path. Raises Unauthenticated where there is no viewer."""
    for name in path[:-1]:
        data = data[name]
        if data is None:
            raise Unauthenticated("This operation needs a user: sign in, or give an API token.")
    return data[path[-1]]
