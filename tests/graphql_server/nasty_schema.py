"""A schema with every unusual construct, whose resolvers fail on request."""

from __future__ import annotations

import asyncio
import enum
import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import graphql
import strawberry
from strawberry.schema.config import StrawberryConfig

from domain import errors
from schema.scalars import SCALARS


@strawberry.enum
class Colour(enum.Enum):
    RED = "red"
    GREEN = 2


@strawberry.input
class Point:
    x: int
    y: int | None = strawberry.UNSET
    label: str = "here"
    tags: list[str | None] | None = None


@strawberry.input(one_of=True)
class RecipientByOne:
    point: Point | None = strawberry.UNSET
    colour: Colour | None = strawberry.UNSET


@strawberry.interface
class Thing:
    name: str


class Fate:
    """What becomes of a value, the same for everybody who asks about the same seed."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        #: As much as the seed begins with, in hundredths.
        self.share = int(seed.partition("-")[0]) / 100

    def strike(self, value: Any) -> Any:
        """Mostly the value; now and then what it should not be."""
        if self.random.random() >= self.share:
            return value
        wrong: Any = self.random.choice(
            [
                None,
                graphql.Undefined,
                object(),
                "text",
                2**40,
                [1, None],
                ValueError(f"returned {self.seed}"),
                errors.Forbidden(f"returned {self.seed}"),
                _Awaited(self, value),
                _Awaited(self, None),
            ]
        )
        return wrong

    def maybe_raise(self) -> None:
        if self.random.random() >= self.share:
            return
        fate = self.random.randrange(3)
        if fate == 0:
            raise ValueError(f"raised {self.seed}")
        if fate == 1:
            raise errors.BadUserInput(f"raised {self.seed}")
        if fate == 2:
            raise graphql.GraphQLError(f"raised {self.seed}", extensions={"code": "OWN"})


class _Awaited:
    """An awaitable that is no coroutine, so that nobody minds if it is never awaited."""

    def __init__(self, fate: Fate, value: Any) -> None:
        self.fate, self.value = fate, value

    def __repr__(self) -> str:
        return "an awaitable"

    def __await__(self) -> Iterator[Any]:
        return self._wait().__await__()

    async def _wait(self) -> Any:
        await asyncio.sleep(0)
        if len(self.fate.seed) % 3 == 0:
            raise ValueError(f"awaited {self.fate.seed}")
        return self.value


class Stranger:
    """A class that the schema does not know."""

    def __repr__(self) -> str:
        return "a stranger"


@strawberry.type
class Leaf(Thing):
    size: int

    @classmethod
    def is_type_of(cls, value: object, _info: Any) -> bool:
        return isinstance(value, Leaf | Stranger)


@strawberry.type
class Twig(Thing):
    size: int


@strawberry.type
class Branch(Thing):
    seed: strawberry.Private[str]
    id: strawberry.ID
    text: str
    maybe: str | None
    number: int
    ratio: float
    flag: bool
    colour: Colour
    when: datetime
    day: date
    price: Decimal | None
    grid: list[list[int | None]]
    words: list[str] | None

    @strawberry.field
    def child(self) -> Branch:
        return branch(f"{self.seed}c", strike=True)

    @strawberry.field
    async def later(self, depth: int = 1) -> Branch | None:
        fate = Fate(f"{self.seed}l{depth}")
        for _ in range(fate.random.randrange(3)):
            await asyncio.sleep(0)
        fate.maybe_raise()
        return branch(f"{self.seed}l", strike=True)

    @strawberry.field
    async def sooner(self, info: strawberry.Info) -> str:
        Fate(f"{self.seed}s").maybe_raise()
        path = info.path.as_list()
        return f"{info.field_name} {path} {info.context} {sorted(info.variable_values)}"

    @strawberry.field
    def children(self) -> list[Branch]:
        return many(f"{self.seed}m")

    @strawberry.field
    async def maybe_children(
        self, first: int | None = strawberry.UNSET
    ) -> list[Branch | None] | None:
        return many(f"{self.seed}n{first}")

    @strawberry.field
    def either(self) -> Annotated[Branch | Leaf | Twig, strawberry.union("Either")]:
        return any_of(f"{self.seed}e")

    @strawberry.field
    async def eithers(
        self,
    ) -> list[Annotated[Branch | Leaf | Twig, strawberry.union("Either")] | None]:
        return [any_of(f"{self.seed}{n}") for n in range(3)]

    @strawberry.field
    def thing(self, parent: strawberry.Parent[Any]) -> Thing | None:
        return any_of(f"{parent.seed}t")

    @strawberry.field
    def things(self) -> list[Thing]:
        return tuple(any_of(f"{self.seed}t{n}") for n in range(2))  # type: ignore[return-value]

    @strawberry.field
    def stream(self) -> list[int]:
        return numbers(self.seed)  # type: ignore[return-value]

    @strawberry.field
    def echo(
        self,
        point: Point | None = strawberry.UNSET,
        points: list[Point] | None = strawberry.UNSET,
        one: RecipientByOne | None = strawberry.UNSET,
        colours: list[Colour] | None = strawberry.UNSET,
        amount: Decimal | None = strawberry.UNSET,
        day: date | None = strawberry.UNSET,
        ids: list[strawberry.ID] | None = strawberry.UNSET,
        matrix: list[list[int]] | None = strawberry.UNSET,
        count: int = 3,
    ) -> str:
        Fate(f"{self.seed}{count}").maybe_raise()
        return repr((point, points, one, colours, amount, day, ids, matrix, count))


def branch(seed: str, *, strike: bool = False) -> Any:
    fate = Fate(seed)
    if strike and fate.random.random() < fate.share:
        return fate.strike(None)
    made = Branch(
        seed=seed,
        name=f"name {seed}",
        id=strawberry.ID(seed),
        text=seed,
        maybe=None,
        number=len(seed),
        ratio=1.5,
        flag=True,
        colour=Colour.RED,
        when=datetime(2026, 11, 22, tzinfo=UTC),
        day=date(2026, 11, 22),
        price=Decimal("1.50"),
        grid=[[1, None], []],
        words=["one", fate.strike("two")],
    )
    for name in (
        "name",
        "text",
        "maybe",
        "number",
        "flag",
        "colour",
        "when",
        "price",
        "grid",
        "id",
    ):
        setattr(made, name, fate.strike(getattr(made, name)))
    return made


def many(seed: str) -> Any:
    fate = Fate(seed)
    fate.maybe_raise()
    items = [branch(f"{seed}{n}", strike=True) for n in range(fate.random.randrange(4))]
    return fate.random.choice([items, items, tuple(items), iter(items), fate.strike(items)])


def any_of(seed: str) -> Any:
    fate = Fate(seed)
    leaf, twig = Leaf(name=seed, size=1), Twig(name=seed, size=2)
    made = fate.random.choice([branch(seed), leaf, twig, twig, Stranger()])
    if isinstance(made, Twig) and fate.random.random() < 0.2:
        return strawberry.cast(Leaf, made)
    return fate.strike(made)


async def numbers(seed: str) -> AsyncIterator[Any]:
    fate = Fate(seed)
    for number in range(3):
        await asyncio.sleep(0)
        fate.maybe_raise()
        yield fate.strike(number)


@strawberry.type
class Query:
    @strawberry.field
    def tree(self, info: strawberry.Info) -> Branch | None:
        return branch(str(info.context), strike=True)

    @strawberry.field
    async def wood(self, info: strawberry.Info, first: int = 2) -> list[Branch]:
        await asyncio.sleep(0)
        return [branch(f"{info.context}{n}") for n in range(first)]

    @strawberry.field
    async def sure(self, info: strawberry.Info) -> Branch:
        return branch(f"{info.context}s")


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def plant(self, info: strawberry.Info, name: str, at: Point) -> Branch:
        planted: list[str] = []
        await asyncio.sleep(0)
        planted.append(name)
        Fate(f"{info.context}{name}").maybe_raise()
        return branch(f"{info.context}{name}{at.x}")

    @strawberry.mutation
    async def fell(self, info: strawberry.Info, one: RecipientByOne) -> Leaf | None:
        Fate(f"{info.context}fell").maybe_raise()
        return Leaf(name=repr(one), size=1)


SCHEMA = strawberry.Schema(
    query=Query, mutation=Mutation, types=[Leaf, Twig], config=StrawberryConfig(scalar_map=SCALARS)
)
CORE = SCHEMA._schema
