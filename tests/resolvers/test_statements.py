"""Statements through the API: who may read them, and which dates they take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from application import read_statements
from domain import errors
from domain.statements import links
from tests.resolvers.world import Someone, World

pytestmark = pytest.mark.anyio

STATEMENT = """
query ($from: Date!, $to: Date!) {
  viewer {
    statement(from: $from, to: $to) {
      __typename
      ... on Statement {
        from to timeZone transactionCount
        openingBalance { amount } incoming { amount } outgoing { amount } fees { amount }
        closingBalance { amount currency }
        download(format: CAMT_053)
      }
      ... on UserError { message }
      ... on InvalidInput { fields { path } }
    }
  }
}
"""
INSIGHTS = """
query ($from: Date!, $to: Date!, $people: Int!) {
  viewer {
    insights(from: $from, to: $to, people: $people) {
      __typename
      ... on Insights {
        from to timeZone transactionCount
        openingBalance { amount } incoming { amount } outgoing { amount } fees { amount }
        closingBalance { amount }
        months { from to incoming { amount } outgoing { amount } transactionCount closingBalance { amount } }
        balances { day balance { amount } }
        people { user { id name } incoming { amount } outgoing { amount } transactionCount }
        others { peopleCount incoming { amount } outgoing { amount } transactionCount }
      }
      ... on InvalidInput { fields { path } }
    }
  }
}
"""
TODAY = datetime.now(UTC).date()


def of(today: int = 0, to: int = 0) -> dict[str, str]:
    """The variables for a range, in days from today."""
    return {
        "from": (TODAY + timedelta(days=today)).isoformat(),
        "to": (TODAY + timedelta(days=to)).isoformat(),
    }


async def read(someone: Someone, variables: dict[str, str]) -> Any:
    return (await someone.ask(STATEMENT, **variables)).one["statement"]


async def test_a_statement_adds_up_and_ends_where_the_next_begins(
    world: World, alpha: Someone, beta: Someone
) -> None:
    await alpha.send(beta, "12.34")
    await beta.send(alpha, "2.00")
    today = await read(alpha, of())
    assert today["download"].startswith(f"{world.services.settings.app_url}{links.PATH}")
    assert today == {
        "__typename": "Statement",
        "from": TODAY.isoformat(),
        "to": TODAY.isoformat(),
        "timeZone": "UTC",
        "transactionCount": 3,
        "openingBalance": {"amount": "0.00"},
        "incoming": {"amount": "1002.00"},
        "outgoing": {"amount": "12.34"},
        "fees": {"amount": "0.00"},
        "closingBalance": {"amount": "989.66", "currency": "USD"},
        "download": today["download"],
    }
    yesterday = await read(alpha, of(-400, -1))
    assert yesterday["closingBalance"]["amount"] == today["openingBalance"]["amount"]
    assert yesterday["transactionCount"] == 0


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        (of(0, -1), ["from"]),
        (of(0, 2), ["to"]),
        (of(-3_660), ["from"]),
        ({"from": "0001-01-01", "to": "9999-12-31"}, ["to"]),
    ],
)
async def test_dates_that_no_statement_has_are_invalid(
    someone: Someone, variables: dict[str, str], path: list[str]
) -> None:
    refused = await read(someone, variables)
    assert refused["__typename"] == "InvalidInput"
    assert refused["fields"] == [{"path": path}]


@pytest.mark.parametrize("day", ["2026-02-30", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", 1])
async def test_what_is_no_date_is_refused(someone: Someone, day: object) -> None:
    answer = await someone.ask(STATEMENT, **{**of(), "from": day})
    assert answer.code == "REFUSED_BY_SCHEMA"


async def test_an_api_token_needs_the_scope_and_its_links_end_with_it(
    world: World, alpha: Someone
) -> None:
    refused = await world.ask(STATEMENT, await alpha.token("READ_PROFILE"), **of())
    assert refused.code == "FORBIDDEN"
    bearer = await alpha.token("READ_PROFILE", "READ_TRANSACTIONS")
    answer = await world.ask(STATEMENT, bearer, **of())
    token = answer.one["statement"]["download"].rpartition("/")[2]
    link = await read_statements.opened(world.services, token)
    assert link.principal.api_token_id is not None
    assert link.principal.user_id == alpha.user_id
    world.sql("UPDATE api_tokens SET revoked_at = now() WHERE id = %s", link.principal.api_token_id)
    await world.services.live.forget([link.principal.api_token_id])
    with pytest.raises(errors.Unauthenticated):
        await read_statements.opened(world.services, token)


async def test_insights_are_the_figures_of_the_statement(
    world: World, alpha: Someone, beta: Someone
) -> None:
    gamma = await world.join("Gamma")
    for amount in ("12.34", "7.66"):
        await alpha.send(beta, amount)
    await alpha.send(gamma, "5.00")
    await beta.send(alpha, "2.00")
    statement = await read(alpha, of(-40))
    del statement["download"]
    found = (await alpha.ask(INSIGHTS, **of(-40), people=1)).one["insights"]
    totals = {name: found[name] for name in statement if name != "__typename"}
    del statement["__typename"], statement["closingBalance"]["currency"]
    assert totals == statement
    months = found["months"]
    assert (months[0]["from"], months[-1]["to"]) == (statement["from"], statement["to"])
    assert months[-1]["closingBalance"] == statement["closingBalance"]
    assert sum(month["transactionCount"] for month in months) == 5
    assert len(found["balances"]) == 41
    assert found["balances"][0]["balance"]["amount"] == "0.00"
    assert found["balances"][-1] == {"day": statement["to"], "balance": {"amount": "977.00"}}
    assert found["people"] == [
        {
            "user": {"id": beta.id, "name": "Beta"},
            "incoming": {"amount": "2.00"},
            "outgoing": {"amount": "20.00"},
            "transactionCount": 3,
        }
    ]
    assert found["others"] == {
        "peopleCount": 1,
        "incoming": {"amount": "1000.00"},
        "outgoing": {"amount": "5.00"},
        "transactionCount": 2,
    }


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({**of(0, -1), "people": 1}, ["from"]),
        ({**of(-1_830), "people": 1}, ["from"]),
        ({**of(), "people": 51}, ["people"]),
        ({**of(), "people": -1}, ["people"]),
    ],
)
async def test_insights_have_limits(
    someone: Someone, variables: dict[str, Any], path: list[str]
) -> None:
    refused = (await someone.ask(INSIGHTS, **variables)).one["insights"]
    assert refused == {"__typename": "InvalidInput", "fields": [{"path": path}]}


async def test_days_are_those_of_the_viewers_time_zone(world: World, alpha: Someone) -> None:
    kiritimati, samoa = "Pacific/Kiritimati", "Pacific/Pago_Pago"
    # Of any two of these, 25 hours apart, one has another date than UTC.
    for zone in (kiritimati, samoa):
        world.sql("UPDATE users SET time_zone = %s WHERE id = %s", zone, alpha.user_id)
        today = datetime.now(ZoneInfo(zone)).date()
        days = {"from": today.isoformat(), "to": today.isoformat()}
        found = await read(alpha, days)
        assert (found["timeZone"], found["transactionCount"]) == (zone, 1)
        tomorrow = {"from": days["from"], "to": (today + timedelta(days=1)).isoformat()}
        assert (await read(alpha, tomorrow))["__typename"] == "InvalidInput"
        yesterday = (today - timedelta(days=1)).isoformat()
        earlier = await read(alpha, {"from": yesterday, "to": yesterday})
        assert (earlier["transactionCount"], earlier["closingBalance"]["amount"]) == (0, "0.00")
