"""Compiled operations return what graphql-core returns, on a schema with every unusual construct."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import graphql
import pytest
import strawberry
from graphql import ExecutionResult

from graphql_server.compiled import Compiler
from graphql_server.compiled.writing import Constant, Leaf, Part, write
from tests.graphql_server.generated import Document
from tests.graphql_server.nasty_schema import CORE, SCHEMA
from tests.graphql_server.plans import plan, shown

pytestmark = pytest.mark.anyio


def values(chance: random.Random, name: str, kind: str) -> Any:
    options: dict[str, list[Any]] = {
        "ID": ["here", "", 7, 2**40],
        # The others say how many there are to be.
        "Int": [0, 2**31 - 1, -(2**31)] if name in ("count", "matrix", "y") else [0, 1, 2, 3],
        "Float": [1.5, 2],
        "Boolean": [True, False],
        "Decimal": ["1.50", 2],
        "Date": ["2026-11-30"],
    }
    return chance.choice(options.get(kind, ["here", "there", ""]))


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
    ],
)
def test_what_asks_about_the_schema_is_left_to_graphql_core(text: str, compiler: Compiler) -> None:
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
        CORE, SCHEMA.execution_context_class, hide_suggestions=False, maximum_fields=40
    )
    planned = [plan(compiler, f"{{ a{n}: tree {{ id flag number }} }}") for n in range(9)]
    for _ in range(2):
        for n, one in enumerate(planned):
            result = await one.execute("0-calm", {})
            assert result.data == {f"a{n}": {"id": "0-calm", "flag": True, "number": 6}}
    kept = [one for one in planned if one._variants]
    assert 0 < len(kept) <= 4


def test_a_leaf_is_read_without_a_call_and_the_code_of_the_same_selection_is_shared() -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError

    part = Part(
        "id",
        "Tree",
        "source.id",
        None,
        refuse,
        refuse,
        refuse,
        {},
        is_nullable=False,
        leaf=Leaf(str),
    )
    first, second = (write([part, Constant("__typename", "Tree")]) for _ in range(2))
    tree: Any = SimpleNamespace(id="7")
    running: Any = None
    assert first(running, tree, None) == {"id": "7", "__typename": "Tree"}
    assert first.__code__ is second.__code__  # type: ignore[attr-defined]


# ================================================================ resolvers and their inputs


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


async def test_a_default_that_becomes_a_list_is_new_to_the_next_request() -> None:
    schema = graphql.build_schema("type Query { buy(more: [String!]!): [String!]! }")

    def buy(_source: Any, _info: Any, more: list[str]) -> list[str]:
        more.append("salt")
        return more

    schema.query_type.fields["buy"].resolve = buy  # type: ignore[union-attr]
    compiler = Compiler(schema, graphql.Executor, hide_suggestions=False)
    planned = plan(compiler, 'query ($more: [String!]! = "tea") { buy(more: $more) }')
    for _ in range(3):
        assert (await planned.execute(None, {})).data == {"buy": ["tea", "salt"]}


_FEWER = "fragment F on Branch { flag id } fragment G on Branch { id text ...F }"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        # In which order fields answer that are selected several times.
        (f"{{ tree {{ text ...G id ...F number }} tree {{ number price ...F }} }} {_FEWER}", {}),
        ("{ tree { child { id } text child { number child { id } } child { id child { flag } } } }", {}),
        ("{ __typename a: __typename tree { __typename b: __typename } ... { c: __typename } }", {}),
        (f"query ($s: Boolean!) {{ tree {{ ...F @skip(if: $s) ...G @include(if: $s) }} }} {_FEWER}", {"s": True}),
        (f"query ($s: Boolean!) {{ tree {{ ...F @skip(if: $s) ...G @include(if: $s) }} }} {_FEWER}", {"s": False}),
        ("query ($s: Boolean = true) { tree { id flag @include(if: $s) @skip(if: $s) } }", {"s": None}),
        ("query ($s: Boolean = true) { tree { child { id @skip(if: $s) number } } }", {}),
        # Absent, null, and what stands for them.
        ("query ($p: Point) { sure { echo(point: $p) a: echo(point: null) b: echo } }", {}),
        ("query ($p: Point) { sure { echo(point: $p) } }", {"p": None}),
        ('query ($p: Point = {x: 1, label: "there"}) { sure { echo(point: $p) } }', {}),
        ("query ($x: Int!, $y: Int) { sure { echo(point: {x: $x, y: $y}) } }", {"x": 1}),
        ("query ($n: Int = 7) { sure { echo(count: $n) } }", {}),
        ("query ($n: Int = 7) { sure { echo(count: $n) } }", {"n": None}),
        ("query ($n: Int) { sure { echo(count: $n) later(depth: $n) { id } } }", {}),
        # Lists of one, and the last numbers that fit.
        ("query ($p: [Point!]) { sure { echo(points: $p) } }", {"p": {"x": 1}}),
        ("query ($i: [ID!] = 7) { sure { echo(ids: $i) a: echo(ids: [\"a\", 7]) } }", {}),
        ("query ($i: [ID!]) { sure { echo(ids: $i) } }", {"i": ["a", 7, 2**70]}),
        ("query ($i: [ID!]) { sure { echo(ids: $i) } }", {"i": [True]}),
        ("query ($m: [[Int!]!]) { sure { echo(matrix: $m) } }", {"m": 2**31 - 1}),
        ("query ($m: [[Int!]!]) { sure { echo(matrix: $m) } }", {"m": [1.0, [-(2**31)], []]}),
        ("query ($m: [[Int!]!]) { sure { echo(matrix: $m) } }", {"m": [[2**31]]}),
        ("query ($c: [Colour!]) { sure { echo(colours: $c) } }", {"c": "RED"}),
        ("query ($c: [Colour!]) { sure { echo(colours: $c) } }", {"c": ["RED", "red"]}),
        ("query ($o: RecipientByOne) { sure { echo(one: $o) } }", {"o": {"colour": "RED"}}),
        ("query ($o: RecipientByOne) { sure { echo(one: $o) } }", {"o": {"colour": None}}),
        ("query ($o: RecipientByOne) { sure { echo(one: $o) } }", {"o": {"colour": "RED", "point": None}}),
        ("query ($c: Colour!) { sure { echo(one: {colour: $c}) } }", {"c": "GREEN"}),
        # One field after the other, until one of them is at fault.
        ('mutation ($n: String!) { plant(name: "a", at: {x: 1}) { text } b: plant(name: $n, at: {x: 2}) { id } }', {"n": "b"}),
    ],
)  # fmt: skip
async def test_these_documents_are_answered_alike(
    text: str, variables: dict[str, Any], compiler: Compiler
) -> None:
    assert not graphql.validate(CORE, graphql.parse(text))
    planned = plan(compiler, text)
    for context in ("0-one", "10-two", "25-three", "60-four"):
        expected = shown(await interpreted(text, variables, context))
        assert shown(await planned.execute(context, variables)) == expected
