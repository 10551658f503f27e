"""Fields of `Viewer` that need another query: each is a resolver, bound in `resolvers.fields`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import strawberry

from domain.people.sessions import Scope
from resolvers import bound_fields
from schema.viewers import Viewer

#: The first parameter of such a resolver.
OfViewer = strawberry.Parent[Viewer]


@dataclass(frozen=True, slots=True)
class Requirement:
    """Which credentials may read a field. `check` raises Forbidden for the others."""

    check: Callable[[Viewer], None]
    #: Ends the field's description.
    sentence: str


def with_scope(needed: Scope, *, also: str = "") -> Requirement:
    """Sessions, and API tokens with that scope; `also` continues the sentence."""
    return Requirement(
        lambda viewer: viewer.require(needed),
        f"An API token needs the scope `{needed.name}`{also}.",
    )


PERSON_ONLY = Requirement(Viewer.require_person, "Not available to API tokens.")


def viewer_field(
    resolver: Callable[..., Awaitable[Any]],
    requirement: Requirement,
    *,
    description: str,
    cost: int = 5,
    usual_length: int | None = None,
) -> Any:
    """The field of that resolver, whose first parameter is `OfViewer`, with the type that it returns.

    `cost` is its cost in addition to the objects in its result; `usual_length` is that of a list
    without `first`.
    """
    viewer_name = next(iter(inspect.signature(resolver).parameters))
    check = requirement.check

    # Returns the resolver's coroutine: awaiting it here would add an await to every read.
    @functools.wraps(resolver)
    def answer(**arguments: Any) -> Awaitable[Any]:
        check(arguments[viewer_name])
        return resolver(**arguments)

    return bound_fields.bound_field(
        answer,
        description=f"{description} {requirement.sentence}",
        cost=cost,
        usual_length=usual_length,
    )


#: Adds the fields of the decorated class to `Viewer`.
extend_viewer = bound_fields.extend(Viewer)
