"""Searches through the API: bounded work per request, and few at once per account."""

from __future__ import annotations

import pytest

from persistence.ledger import pages as ledger_pages
from tests.resolvers.world import Someone

pytestmark = pytest.mark.anyio

PAGE = """
query ($after: String, $text: String) {
  viewer {
    transactions(first: 2, after: $after, filter: {text: $text}) {
      nodes { sequence }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


async def test_an_empty_page_with_more_to_examine_has_a_cursor_that_goes_on(
    alpha: Someone, beta: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_pages, "EXAMINED_ENTRIES", 2)
    await alpha.send(beta, "1", note="lunch")
    for _ in range(4):
        await alpha.send(beta, "1", note="rent")
    pages, after = [], None
    while True:
        viewer = (await alpha.ask(PAGE, after=after, text="lunch")).one
        page = viewer["transactions"]
        pages.append([node["sequence"] for node in page["nodes"]])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
        assert after is not None
    assert pages == [[], [], [2]]


async def test_one_account_has_few_searches_at_once_and_others_are_not_concerned(
    alpha: Someone, beta: Someone
) -> None:
    searches = " ".join(
        f'a{n}: transactions(first: 1, filter: {{text: "x"}}) {{ pageInfo {{ hasNextPage }} }}'
        for n in range(30)
    )
    answer = await alpha.ask(f"{{ viewer {{ {searches} }} }}")
    assert set(answer.codes) == {"RATE_LIMITED"}
    assert (await beta.ask(PAGE, text="x")).codes == []
    assert (await alpha.ask(PAGE, text="x")).codes == []
