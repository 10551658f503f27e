"""Each event of a subscription is answered as graphql-core answers it, on the unusual schema."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

import graphql
import pytest
import strawberry
from graphql import ExecutionResult
from graphql.execution import create_source_event_stream, map_source_to_response_event
from strawberry.schema.config import StrawberryConfig

from graphql_server.compiled import Compiler, Plan
from schema.scalars import SCALARS
from tests.graphql_server import nasty_schema
from tests.graphql_server.generated import Document
from tests.graphql_server.nasty_schema import Branch, Fate, Leaf, Point, Thing, Twig
from tests.graphql_server.plans import plan, shown

pytestmark = pytest.mark.anyio

_EVENTS = 3


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def grown(
        self, info: strawberry.Info, after: int | None = strawberry.UNSET, many: int = _EVENTS
    ) -> AsyncIterator[Branch]:
        for number in range(min(many, _EVENTS)):
            yield nasty_schema.branch(f"{info.context}{after}{number}", strike=True)

    @strawberry.subscription
    async def found(self, info: strawberry.Info, at: Point) -> AsyncIterator[Thing | None]:
        for number in range(_EVENTS):
            await asyncio.sleep(0)
            yield nasty_schema.any_of(f"{info.context}{at.x}{number}")

    @strawberry.subscription
    async def either(
        self, info: strawberry.Info
    ) -> AsyncIterator[Annotated[Branch | Leaf | Twig, strawberry.union("Either")]]:
        Fate(f"{info.context}").maybe_raise()
        for number in range(_EVENTS):
            yield nasty_schema.any_of(f"{info.context}e{number}")

    @strawberry.subscription
    async def woods(self, info: strawberry.Info) -> AsyncIterator[list[Branch | None]]:
        for number in range(_EVENTS):
            yield nasty_schema.many(f"{info.context}w{number}")

    @strawberry.subscription
    async def numbers(self, info: strawberry.Info) -> AsyncIterator[int]:
        async for number in nasty_schema.numbers(f"{info.context}"):
            yield number


SCHEMA = strawberry.Schema(
    query=nasty_schema.Query,
    subscription=Subscription,
    types=[Leaf, Twig],
    config=StrawberryConfig(scalar_map=SCALARS),
)
CORE = SCHEMA._schema


def values(chance: random.Random, name: str, kind: str) -> Any:
    options: dict[str, list[Any]] = {
        "ID": ["here", "", 7, 2**40],
        # The others say how many there are to be.
        "Int": [0, 2**31 - 1, -(2**31)] if name in ("count", "matrix", "y") else [0, 1, 2, 3],
        "Float": [1.5, 2],
        "Boolean": [True, False],
        "Decimal": ["1.50", 2],
    }
    return chance.choice(options.get(kind, ["here", "there", ""]))


def documents(count: int) -> Iterator[Document]:
    """Valid ones."""
    for seed in range(count):
        made = Document(CORE, seed, values, operation="subscription")
        if not graphql.validate(CORE, graphql.parse(made.text)):
            yield made


async def answers(
    text: str, variables: Mapping[str, Any], context: Any, planned: Plan | None
) -> list[bytes]:
    """What is sent, event by event: by the plan, or by graphql-core where there is none."""
    executor: Any = SCHEMA.execution_context_class.build(
        CORE, graphql.parse(text), None, context, dict(variables)
    )
    if isinstance(executor, list):
        return [shown(ExecutionResult(None, errors=executor))]
    source: Any = create_source_event_stream(executor)
    source = source if isinstance(source, ExecutionResult) else await source
    if isinstance(source, ExecutionResult):
        return [shown(source)]
    sent = []
    try:
        if planned is None:
            async for result in map_source_to_response_event(executor, source):
                sent.append(shown(result))
        else:
            async with aclosing(source):
                async for event in source:
                    result = await planned.respond(context, executor.variable_values, event)
                    sent.append(shown(result))
    except Exception as error:
        sent.append(repr(error).encode())
    return sent


@pytest.fixture
def compilers() -> list[Compiler]:
    """One that knows Strawberry's types, and one that does not."""
    made = [
        Compiler(CORE, SCHEMA.execution_context_class, hide_suggestions=False) for _ in range(2)
    ]
    made[1].strawberry_schema = None
    return made


# Where an error ends its siblings, graphql-core leaves what had not begun unawaited.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_generated_subscriptions_are_answered_alike(compilers: list[Compiler]) -> None:
    answered = failed = 0
    for number, document in enumerate(documents(50)):
        plans = [plan(compiler, document.text) for compiler in compilers]
        # The share of what goes wrong, in hundredths, and how.
        for context in (f"0-{number}", f"2-{number}", f"8-{number}", f"25-{number}"):
            expected = await answers(document.text, document.variables, context, None)
            for planned in plans:
                sent = await answers(document.text, document.variables, context, planned)
                assert sent == expected, f"{document.text}\n{document.variables}"
            answered += sum(b'"data":null' not in one for one in expected)
            failed += sum(b'"errors":[]' not in one for one in expected)
    assert answered >= 100
    assert failed >= 100


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("subscription { e: grown(many: 2) { a: id b: id ...F ...F } } fragment F on Branch { id }", {}),
        (
            "subscription ($s: Boolean!, $i: Boolean = false) { grown { id @skip(if: $s) "
            "flag @include(if: $i) ... @skip(if: $s) { number } } }",
            {"s": False},
        ),
        (
            "subscription { either { __typename ... on Thing { name } ... on Branch { "
            "child { child { either { ... on Leaf { size } ... on Twig { s: size } } } } } } }",
            {},
        ),
        ("subscription ($at: Point!) { found(at: $at) { name __typename } }", {"at": {"x": 1}}),
        ("subscription ($at: Point!) { found(at: $at) { name } }", {"at": {"x": 2**31}}),
        ("subscription { woods { sooner later { id } children { text } } }", {}),
        ("subscription { numbers }", {}),
    ],
)  # fmt: skip
async def test_these_subscriptions_are_answered_alike(
    text: str, variables: dict[str, Any], compilers: list[Compiler]
) -> None:
    assert not graphql.validate(CORE, graphql.parse(text))
    for context in ("0-one", "15-two", "30-three", "50-four"):
        expected = await answers(text, variables, context, None)
        for compiler in compilers:
            assert await answers(text, variables, context, plan(compiler, text)) == expected


async def test_a_plan_that_made_room_goes_on_with_the_next_event(compilers: list[Compiler]) -> None:
    text = "subscription { grown { id } }"
    planned = plan(compilers[0], text)
    executor: Any = SCHEMA.execution_context_class.build(CORE, graphql.parse(text), None, "0-calm")
    source: Any = await create_source_event_stream(executor)  # type: ignore[misc]
    heard = []
    async with aclosing(source):
        async for event in source:
            result = await planned.respond("0-calm", executor.variable_values, event)
            heard.append(result.data)
            planned.clear()
    assert heard == [{"grown": {"id": f"0-calm{number}"}} for number in range(_EVENTS)]
