"""Fields of object types that need another query: each is a resolver, bound in `resolvers.fields`.

They work wherever their object is read: in requests, in streams, and in payloads of webhooks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar, get_args, get_type_hints

import strawberry
from strawberry.types import get_object_definition

from application.services import ReadServices
from domain.people.sessions import Principal, Scope
from persistence.engine.shared_calls import SharedCalls

#: What names an object: mostly its id.
Name = TypeVar("Name", bound=Hashable)
#: Reads the objects that a principal may see by what names them; unknown ones are left out.
ReadLinked = Callable[[ReadServices, Principal, Collection[Name]], Awaitable[Mapping[Name, Any]]]
#: The calls of one request, or for one event.
Loaders = dict[ReadLinked[Any], SharedCalls[Any, Any]]
_OfAny = strawberry.Parent[object]
#: A type of the schema.
Extended = TypeVar("Extended", bound=type)


class Context(Protocol):
    """As much of `info.context` as these fields may use, because payloads of webhooks have no more."""

    #: Of a loader for each link that was followed; None before the first.
    loaders: Loaders | None

    @property
    def principal(self) -> Principal | None: ...

    @property
    def services(self) -> ReadServices: ...


#: For the resolver of such a field, after its first parameter.
Info = strawberry.Info[Context, None]


def bound_field(
    resolver: Callable[..., Awaitable[Any]],
    *,
    description: str,
    cost: int = 5,
    usual_length: int | None = None,
) -> Any:
    """The field of that resolver, whose first parameter is the object (`strawberry.Parent`).

    `cost` is its cost in addition to the objects in its result; `usual_length` is that of a list
    without `first`.
    """
    metadata = {"cost": cost, "usual_length": usual_length}
    return strawberry.field(resolver=resolver, description=description, metadata=metadata)


def link(
    read: ReadLinked[Name], key: Callable[[Any], Name | None], needed: Scope, *, description: str
) -> Any:
    """A field that leads to an object of another type, or to null.

    `key` returns what names that object, or None if there is none. `read` reads those of all objects of a
    list together, and returns a mapping to the field's type. An API token without the scope gets null:
    an error would spoil the lists and streams of programs that have no use for the field.
    """
    linked = get_args(get_type_hints(read)["return"])[-1]

    # Without a coroutine where there is nothing to read: in most objects of a list.
    def answer(source: Any, info: Info) -> Awaitable[Any] | None:
        named, context = key(source), info.context
        principal = context.principal
        if named is None or principal is None or not principal.may(needed):
            return None
        return load(context, principal, read, named)

    answer.__annotations__ = {
        "source": _OfAny,
        "info": Info,
        "return": linked | None,
    }
    return strawberry.field(
        resolver=answer,
        description=f"{description} Null for an API token without the scope `{needed.name}`.",
    )


async def load(context: Context, principal: Principal, read: ReadLinked[Name], named: Name) -> Any:
    """What `read` has for that name, or None; read together with those of the other objects of a list."""
    if context.loaders is None:
        context.loaders = {}
    loader = context.loaders.get(read)
    if loader is None:
        loader = SharedCalls(partial(read, context.services, principal))
        context.loaders[read] = loader
    return await loader.one(named)


def extend(kind: type) -> Callable[[Extended], Extended]:
    """Add the fields of the decorated class to that type. Raises ValueError if it has one of them."""

    def extended(fields: Extended) -> Extended:
        added = get_object_definition(strawberry.type(fields), strict=True).fields
        definition = get_object_definition(kind, strict=True)
        names = {each.python_name for each in definition.fields}
        if twice := names & {each.python_name for each in added}:
            raise ValueError(
                f"`{definition.name}` has these fields already: {', '.join(sorted(twice))}."
            )
        definition.fields.extend(added)
        return fields

    return extended
