"""How fields with resolvers and their arguments are declared and described."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast

import strawberry

Value = TypeVar("Value")
Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def resolved(
    description: str, *, cost: int = 0, usual_length: int | None = None
) -> Callable[[Resolver], Resolver]:
    """A field that its method answers.

    `cost` is what it costs on top of the objects in its answer, for a field that reads the database by
    itself. `usual_length` is that of a list without `first`.
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
    Description("The first so many, 0 to 100; 20 where neither it nor `last` is given."),
]
AFTER = Annotated[str | None, Description("A cursor: only what follows it in the list.")]


def given(value: Value | None) -> Value | None:
    """The argument, or None where it was left out."""
    return None if value is strawberry.UNSET else value
