"""A hostile document is refused after little work, and cost is computed from coerced values."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from graphql import ExecutionResult

from app.api import operations_table
from app.served_schema import build
from graphql_server import compiled, errors
from graphql_server.documents import Documents

SCHEMA = build()
CORE = SCHEMA._schema
#: Calls of Python functions. The longest list that a document may hold takes some 125,000; what grows
#: faster than the document took 350,000 to 500,000 before it was bounded.
MAXIMUM_CALLS = 250_000


def documents() -> Documents:
    compiler = compiled.Compiler(CORE, SCHEMA.execution_context_class, hide_suggestions=False)
    return Documents(CORE, compiler, operations_table(), hardened=False)


def read(text: str) -> tuple[str, int]:
    """The code with which the document is refused ("" where it is not), and the calls that took."""
    known, code, calls = documents(), "", 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        known.operation(text, None)
    except errors.RequestError as error:
        code = error.code
    finally:
        sys.setprofile(None)
    return code, calls


def joined(count: int, template: str) -> str:
    return " ".join(template.replace("#", str(number)) for number in range(count))


def mesh(count: int) -> str:
    """Every fragment spreads all those after it."""
    return "{ wallet { ...F0 } } " + " ".join(
        f"fragment F{one} on WalletSettings {{ __typename "
        + " ".join(f"...F{other}" for other in range(one + 1, count))
        + " }"
        for one in range(count)
    )


def operations(count: int, fragments: int) -> str:
    """Each operation follows one chain of fragments that use its variable."""
    chain = " ".join(
        f"fragment F{n} on WalletSettings {{ currency @skip(if: $v) ...F{n + 1} }}"
        for n in range(min(fragments, 49))
    )
    return (
        joined(count, "query Q#($v: Boolean!) { wallet { ...F0 } } ")
        + chain
        + f" fragment F{min(fragments, 49)} on WalletSettings {{ currency }}"
    )


def crossed(count: int) -> str:
    """Fields that are merged, each with a fragment that spreads the same others."""
    return (
        "{ viewer { "
        + joined(count, "transactions { ...F# }")
        + " } } "
        + " ".join(
            f"fragment F{n} on TransactionConnection {{ nodes {{ {joined(count, '...G#')} }} }}"
            for n in range(count)
        )
        + joined(count, " fragment G# on Transaction { id counterparty { id } }")
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (mesh(40), "QUERY_TOO_EXPENSIVE"),
        (mesh(14), ""),
        (operations(60, 49), "QUERY_TOO_EXPENSIVE"),
        (crossed(20), "QUERY_TOO_EXPENSIVE"),
        (crossed(9), ""),
        ("{ wallet { " + joined(101, "...F") + " } } fragment F on WalletSettings { currency }",
         "QUERY_TOO_EXPENSIVE"),
        ("{ wallet { currency } } " + joined(51, "fragment F# on WalletSettings { currency }"),
         "QUERY_TOO_EXPENSIVE"),
        (joined(21, "query Q# { __typename }"), "QUERY_TOO_EXPENSIVE"),
        ("{ nodes(ids: [" + '"a" ' * 1_900 + "]) { id } }", ""),
        ("{ " + joined(1_900, "x#") + " }", "GRAPHQL_VALIDATION_FAILED"),
        ("query (" + joined(390, "$v#: Int") + ") { wallet { currency } }",
         "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { login(input: {" + 'email: "a" ' * 600 + "}) { __typename } }",
         "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { " + joined(1_900, "transactionsi#") + " } }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ node(id: "' + "\\u0041" * 10_000 + '") { id } }', ""),
    ],
)  # fmt: skip
def test_no_document_takes_much_more_work_than_its_length(text: str, code: str) -> None:
    found, calls = read(text)
    assert found == code
    assert calls <= MAXIMUM_CALLS


def test_the_most_operations_with_the_most_fragments_take_little_work() -> None:
    known = documents()
    text = operations(20, 49)
    _, calls = read(text)
    assert calls <= MAXIMUM_CALLS
    assert known.operation(text, "Q7").name == "Q7"


def test_only_the_operation_that_runs_is_compiled() -> None:
    known = documents()
    operation = known.operation("query A { wallet { currency } } query B { __typename }", "B")
    assert operation._plan is None
    assert operation.plan is operation.plan is not None


# ================================================================ cost

PAGES = "{ nodes { " + joined(1, "id counterparty { id } amount { amount }") + " } }"


def is_affordable(text: str, **variables: Any) -> bool:
    operation = documents().operation(text, None)
    try:
        operation.check_cost(CORE, variables)
    except errors.RequestError as error:
        return error.code != errors.TOO_EXPENSIVE
    return True


@pytest.mark.parametrize("hundred", [100, 100.0])
def test_a_number_counts_as_it_is_executed_however_it_is_written(hundred: float) -> None:
    text = (
        "query ($n: Int) { viewer { "
        + " ".join(f"a{n}: transactions(first: $n) {PAGES}" for n in range(10))
        + " } }"
    )
    assert is_affordable(text, n=20)
    assert not is_affordable(text, n=hundred)
    assert is_affordable(text)
    assert not is_affordable(text.replace("$n: Int", "$n: Int = 100"))
    assert is_affordable(text.replace("$n: Int", "$n: Int = 100"), n=None)


def test_the_larger_of_two_sizes_counts() -> None:
    text = (
        "query ($n: Int, $m: Int) { viewer { "
        + " ".join(f"a{n}: transactions(first: $n, last: $m) {PAGES}" for n in range(10))
        + " } }"
    )
    assert not is_affordable(text, n=1, m=100)


def test_a_single_value_for_a_list_counts_one_and_a_list_its_length() -> None:
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Viewer { transactions { nodes { id } } } } }"
    assert is_affordable(text, ids="a")
    assert not is_affordable(text, ids=["a"] * 100)
    literal = (
        "query ($a: ID!) { nodes(ids: [#]) { ... on Viewer { transactions { nodes { id } } } } }"
    )
    assert is_affordable(literal.replace("#", "$a"), a="a")
    assert not is_affordable(literal.replace("#", "$a " * 100), a="a")


@pytest.mark.anyio
async def test_variables_that_cannot_be_coerced_cost_nothing_and_call_no_resolver() -> None:
    text = f"query ($n: Int) {{ viewer {{ transactions(first: $n) {PAGES} }} }}"
    operation = documents().operation(text, None)
    operation.check_cost(CORE, {"n": "100"})
    assert operation.plan is not None
    result = await operation.plan.execute(None, {"n": "100"})
    assert isinstance(result, ExecutionResult)
    assert result.data is None
    assert result.errors is not None


def test_what_is_wrong_with_variables_is_told_of_the_first_few() -> None:
    text = "mutation ($input: LoginInput!) { login(input: $input) { __typename } }"
    operation = documents().operation(text, None)
    found = operation.variables.coerce({"input": {f"unknown{n}": 1 for n in range(4_000)}})
    assert isinstance(found, list)
    assert len(found) == 11, "ten, and that there are more"


def test_mutations_cost_the_same_in_a_fragment() -> None:
    logouts = joined(50, "a#: logout(input: {}) { __typename }")

    def cost(text: str) -> int | None:
        operation = documents().operation(text, None)
        operation.check_cost(CORE, {})
        return operation._fixed_cost

    plain = cost(f"mutation {{ {logouts} }}")
    assert plain == 50 * 11
    assert cost(f"mutation {{ ...F }} fragment F on Mutation {{ {logouts} }}") == plain
    assert cost(f"mutation {{ ... on Mutation {{ {logouts} }} }}") == plain


def test_the_cost_that_variables_do_not_change_is_worked_out_once() -> None:
    operation = documents().operation(
        "query ($a: String) { viewer { transactions(first: 5, after: $a) { nodes { id } } } }", None
    )
    operation.check_cost(CORE, {"a": None})
    assert operation._fixed_cost is not None
