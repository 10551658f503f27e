"""How fields with resolvers and their arguments are declared and described."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast

import strawberry

Value = TypeVar("Value")
Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def resolved(
    description: str, *, cost: int = 0, usual_length: int | None = None
) -> Callable[[Resolver], Resolver]:
    """A field that is resolved by the decorated method.

    `cost` is its cost in addition to the objects in its result, for a field with a query of its own.
    `usual_length` is that of a list without `first`.
    """
    metadata = {"cost": cost, "usual_length": usual_length}
    return cast(
        "Callable[[Resolver], Resolver]",
        strawberry.field(description=description, metadata=metadata),
    )


def Description(text: str) -> object:  # noqa: N802
    """An argument's description, for use in `Annotated`."""
    return strawberry.argument(description=text)


FIRST = Annotated[
    int | None,
    Description("The number of items from the start, 0 to 100. Default: 20 if `last` is not set."),
]
AFTER = Annotated[str | None, Description("A cursor: only items after it.")]


def given(value: Value | None) -> Value | None:
    """The argument, or None if it was omitted."""
    return None if value is strawberry.UNSET else value
