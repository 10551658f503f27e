"""A compiled operation has the answer that graphql-core has, on a schema of everything that is nasty."""

from __future__ import annotations

import asyncio
import enum
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import graphql
import orjson
import pytest
import strawberry
from graphql import ExecutionResult, FragmentDefinitionNode, OperationDefinitionNode
from strawberry.schema.config import StrawberryConfig

from app.graphql.compiled import Compiler
from app.graphql.compiled.plan import Plan
from domain import errors
from schema.scalars import SCALARS
from tests.app.generated import Document

pytestmark = pytest.mark.anyio

# ================================================================ a nasty schema


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
        ids: list[strawberry.ID] | None = strawberry.UNSET,
        matrix: list[list[int]] | None = strawberry.UNSET,
        count: int = 3,
    ) -> str:
        Fate(f"{self.seed}{count}").maybe_raise()
        return repr((point, points, one, colours, amount, ids, matrix, count))


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


@strawberry.input
class Basket:
    items: list[str] = strawberry.field(default_factory=lambda: ["egg"])


@strawberry.type
class Shop:
    @strawberry.field
    async def work(self, info: strawberry.Info[list[str], None], name: str) -> str:
        info.context.append(f"{name} begins")
        await asyncio.sleep(0)
        info.context.append(f"{name} ends")
        return name

    @strawberry.field
    def buy(self, basket: Basket, more: list[str]) -> list[str]:
        basket.items.append("milk")
        more.append("salt")
        return basket.items + more


@strawberry.type
class Till(Shop):
    pass


SCHEMA = strawberry.Schema(
    query=Query, mutation=Mutation, types=[Leaf, Twig], config=StrawberryConfig(scalar_map=SCALARS)
)
CORE = SCHEMA._schema


def values(chance: random.Random, _name: str, kind: str) -> Any:
    options: dict[str, list[Any]] = {
        "Int": [0, 1, 2, 3],
        "Float": [1.5, 2],
        "Boolean": [True, False],
        "Decimal": ["1.50", 2],
    }
    return chance.choice(options.get(kind, ["here", "there", ""]))


# ================================================================ both ways


def plan(compiler: Compiler, text: str) -> Plan:
    document = graphql.parse(text)
    definitions = document.definitions
    (operation,) = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
    fragments = {
        one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)
    }
    found = compiler.plan(operation, fragments)
    assert found is not None
    return found


def shown(result: ExecutionResult) -> bytes:
    """The answer as it is sent, with what the errors come from."""
    found = [
        {**error.formatted, "from": repr(error.original_error)} for error in result.errors or ()
    ]
    return orjson.dumps({"data": result.data, "errors": found})


async def interpreted(text: str, variables: Mapping[str, Any], context: Any) -> ExecutionResult:
    result: Any = graphql.execute(
        CORE,
        graphql.parse(text),
        context_value=context,
        variable_values=dict(variables),
        executor_class=SCHEMA.execution_context_class,
    )
    return result if isinstance(result, ExecutionResult) else await result


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    return Compiler(CORE, SCHEMA.execution_context_class, hide_suggestions=False)


def documents(count: int, operation: str) -> Iterator[Document]:
    """Valid ones."""
    for seed in range(count):
        made = Document(CORE, (operation, seed), values, operation=operation)
        if not graphql.validate(CORE, graphql.parse(made.text)):
            yield made


# Where an error ends its siblings, graphql-core leaves what had not begun unawaited.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("operation", ["query", "mutation"])
async def test_generated_documents_are_answered_alike(operation: str, compiler: Compiler) -> None:
    unknowing = Compiler(CORE, SCHEMA.execution_context_class, hide_suggestions=False)
    unknowing.strawberry_schema = None
    answered = failed = 0
    for number, document in enumerate(documents(30, operation)):
        plans = [plan(kind, document.text) for kind in (compiler, unknowing)]
        # The share of what goes wrong, in hundredths, and how.
        for context in (f"0-{number}", f"2-{number}", f"8-{number}", f"25-{number}"):
            expected = shown(await interpreted(document.text, document.variables, context))
            for planned in plans:
                result = await planned.execute(context, document.variables)
                assert shown(result) == expected, f"{document.text}\n{document.variables}"
            answered += b'"data":null' not in expected
            failed += b'"errors":[]' not in expected
    assert answered >= 10
    assert failed >= 20


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema { queryType { name } } }",
        'query { ...Types } fragment Types on Query { __type(name: "Leaf") { name } }',
        "subscription { __typename }",
    ],
)
def test_what_asks_about_the_schema_and_what_streams_is_left_to_graphql_core(
    text: str, compiler: Compiler
) -> None:
    definitions = graphql.parse(text).definitions
    operation: Any = definitions[0]
    fragments = {one.name.value: one for one in definitions[1:]}  # type: ignore[attr-defined]
    assert compiler.plan(operation, fragments) is None


async def test_each_choice_of_skip_and_include_is_compiled_once(compiler: Compiler) -> None:
    planned = plan(
        compiler, "query ($a: Boolean!) { tree { id @skip(if: $a) flag @include(if: $a) } }"
    )
    for _ in range(3):
        assert (await planned.execute("0-calm", {"a": True})).data == {"tree": {"flag": True}}
        assert (await planned.execute("0-calm", {"a": False})).data == {"tree": {"id": "0-calm"}}
    assert len(planned._variants) == 2


async def test_the_plans_compiled_longest_ago_make_room_and_are_compiled_again() -> None:
    compiler = Compiler(
        CORE, SCHEMA.execution_context_class, hide_suggestions=False, maximum_steps=40
    )
    planned = [plan(compiler, f"{{ a{n}: tree {{ id flag number }} }}") for n in range(9)]
    for _ in range(2):
        for n, one in enumerate(planned):
            result = await one.execute("0-calm", {})
            assert result.data == {f"a{n}": {"id": "0-calm", "flag": True, "number": 6}}
    kept = [one for one in planned if one._variants]
    assert 0 < len(kept) <= 4


async def test_fields_of_a_query_run_side_by_side_and_those_of_a_mutation_one_by_one() -> None:
    schema = strawberry.Schema(query=Shop, mutation=Till)
    compiler = Compiler(schema._schema, schema.execution_context_class, hide_suggestions=False)
    text = '{ one: work(name: "one") two: work(name: "two") }'
    happened: list[str] = []
    result = await plan(compiler, text).execute(happened, {})
    assert result.data == {"one": "one", "two": "two"}
    assert happened == ["one begins", "two begins", "one ends", "two ends"]
    happened.clear()
    assert (await plan(compiler, f"mutation {text}").execute(happened, {})).errors is None
    assert happened == ["one begins", "one ends", "two begins", "two ends"]


async def test_inputs_that_a_resolver_changes_are_new_to_the_next_request() -> None:
    schema = strawberry.Schema(query=Shop)
    compiler = Compiler(schema._schema, schema.execution_context_class, hide_suggestions=False)
    text = 'query ($more: [String!]! = ["tea"]) { buy(basket: {items: ["ham"]}, more: $more) }'
    planned = plan(compiler, text)
    for _ in range(3):
        result = await planned.execute([], {})
        assert result.data == {"buy": ["ham", "milk", "tea", "salt"]}
