"""Reading objects by id. An object that the viewer may not see is null, like one that does not exist."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated

import strawberry

from domain import errors, ids, paging
from domain.people.sessions import Principal
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema.arguments import Description
from schema.nodes import Node

_MAXIMUM_NUMBER = 2**63 - 1

ID = Annotated[strawberry.ID, Description("A `Node.id` from an earlier response.")]
IDS = Annotated[
    list[strawberry.ID], Description("At most 100 ids; the response keeps their order.")
]

#: The parts of ids of one type, by the ids as requested.
Asked = Mapping[str, list[str]]
#: The objects found of one type, by their ids as requested.
Found = Mapping[str, Node]
#: Reads the objects of one type that the caller may see.
Reader = Callable[[RequestContext, Principal, Asked], Awaitable[Found]]


class Nodes:
    """The resolvers of `node` and `nodes`, given the reader of each type by the type's name."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self.readers = readers

    async def node(self, info: Info, id: ID) -> Node | None:  # noqa: A002
        return (await self._read(info.context, [id]))[0]

    async def nodes(self, info: Info, ids: IDS) -> list[Node | None]:
        if len(ids) > paging.MAXIMUM_SIZE:
            raise errors.BadUserInput(f"`ids` takes at most {paging.MAXIMUM_SIZE} ids at once.")
        return await self._read(info.context, ids)

    async def _read(self, context: RequestContext, asked: Sequence[str]) -> list[Node | None]:
        """The objects in the requested order; those of one type are read together."""
        caller = context.principal
        if caller is None:
            return [None] * len(asked)
        by_type: dict[str, dict[str, list[str]]] = {}
        for text in asked:
            named = ids.read_global_id(text)
            if named is not None and named[0] in self.readers:
                by_type.setdefault(named[0], {})[text] = named[1]
        found: dict[str, Node] = {}
        for type_name, parts in by_type.items():
            found.update(await self.readers[type_name](context, caller, parts))
        return [found.get(text) for text in asked]


def own_numbers(caller: Principal, asked: Asked) -> list[int]:
    """The numbers in the caller's own stream that ids made of a user and a number name."""
    numbers: list[int] = []
    for owner, *rest in asked.values():
        if owner != str(caller.user_id) or len(rest) != 1:
            continue
        if rest[0].isdigit() and len(rest[0]) < 20 and int(rest[0]) <= _MAXIMUM_NUMBER:
            numbers.append(int(rest[0]))
    return numbers
