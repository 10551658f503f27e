"""A client that disconnects cancels its reads, but not a transfer in progress."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from persistence.engine import pinned
from settings import Settings
from tests.app.conftest import ALPHA, BETA, Api, add_people
from tests.waiting import block_until

SEARCH = '{ searchUsers(query: "user.beta@demo.app") { nodes { name } } }'
HISTORY = '{ viewer { transactions(first: 5, filter: { text: "lunch" }) { nodes { note } } } }'
ADD = """
mutation ($input: AddBalanceInput!) { addBalance(input: $input) { __typename } }
"""
BALANCE = "{ viewer { balance { amount } } }"


@pytest.fixture
def without_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timeout ends a statement of an API that starts after this."""
    monkeypatch.setattr(pinned, "STATEMENT_SECONDS", 3600)
    monkeypatch.setattr(pinned, "LOCK_SECONDS", 3600)


@pytest.fixture
def api(settings: Settings, start_api: Callable[..., Api]) -> Api:
    asyncio.run(add_people(settings))
    return start_api()


@pytest.fixture
def admin(admin_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(admin_database_url, autocommit=True) as connection:
        yield connection


@contextlib.contextmanager
def locked(admin: psycopg.Connection, table: str) -> Iterator[None]:
    """Nobody else reads or writes that table meanwhile."""
    with admin.transaction():
        admin.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


def waiting(admin: psycopg.Connection, part: str) -> int:
    """How many statements with that in their text wait for the lock."""
    # Inside a transaction, what was seen first is seen again otherwise.
    admin.execute("SELECT pg_stat_clear_snapshot()")
    [count] = admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'active' AND wait_event_type = 'Lock' AND query LIKE %s",
        [f"%{part}%"],
    ).fetchone() or (0,)
    return int(count)


def ask(api: Api, token: str, query: str, **variables: Any) -> http.client.HTTPConnection:
    """Send a request and do not wait for its answer."""
    connection = http.client.HTTPConnection(api.host, api.port, timeout=20)
    body = json.dumps({"query": query, "variables": variables})
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    connection.request("POST", "/graphql", body, headers)
    return connection


@pytest.mark.usefixtures("without_timeouts")
@pytest.mark.parametrize(
    ("query", "table", "part"),
    [(SEARCH, "email_addresses", "find_users"), (HISTORY, "transactions", "transactions")],
)
def test_the_statements_of_a_query_end_with_its_client(
    api: Api,
    admin: psycopg.Connection,
    query: str,
    table: str,
    part: str,
) -> None:
    token = api.sign_in(ALPHA)
    # More often than there are connections for it.
    for _ in range(6):
        with locked(admin, table):
            client = ask(api, token, query)
            block_until(lambda: waiting(admin, part) == 1)
            client.close()
            block_until(lambda: waiting(admin, part) == 0)
    assert "errors" not in api.post(query, token=token).json()


def test_a_movement_of_money_is_finished_without_its_client(
    api: Api, admin: psycopg.Connection
) -> None:
    token = api.sign_in(BETA)
    order = {"amount": "5", "idempotencyKey": "key-of-one-who-left"}
    with locked(admin, "transactions"):
        client = ask(api, token, ADD, input=order)
        block_until(lambda: waiting(admin, "FROM transactions") > 0)
        client.close()
    block_until(lambda: api.data(BALANCE, token=token)["viewer"]["balance"]["amount"] == "5.00")
