"""An operation of the API with the type of its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from mini_wallet_client.errors import Unauthenticated, UnexpectedAnswer
from mini_wallet_client.models import PageInfo

Result = TypeVar("Result")
Node = TypeVar("Node")
Result_co = TypeVar("Result_co", covariant=True)
Node_co = TypeVar("Node_co", covariant=True)


class Page(Protocol[Node_co]):
    """One page of a list."""

    @property
    def nodes(self) -> tuple[Node_co, ...]:
        """The items."""

    @property
    def page_info(self) -> PageInfo:
        """Whether there are more."""


@dataclass(frozen=True)
class Operation(Generic[Result_co]):
    """A document with one operation, and how its data becomes the result."""

    name: str
    document: str
    read: Callable[[Any], Result_co]

    def parse(self, data: Any) -> Result_co:
        """The result. Raises UnexpectedAnswer, or Unauthenticated where there is no viewer."""
        try:
            return self.read(data)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise UnexpectedAnswer(f"The data of {self.name} has an unknown form.") from error


def follow(data: Any, *path: str) -> Any:
    """The value at the end of the path.

    Raises Unauthenticated where there is no viewer, UnexpectedAnswer where no node has the id.
    """
    for name in path[:-1]:
        data = data[name]
        if data is None and name == "node":
            raise UnexpectedAnswer("Nothing that the user may see has this id.")
        if data is None:
            raise Unauthenticated("This operation needs a user: sign in, or give an API token.")
    return data[path[-1]]
