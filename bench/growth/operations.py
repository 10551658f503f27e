"""The operations whose cost is measured, on a wallet with a database of a given size."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from bench import services, users, wallet
from bench.growth import loading
from bench.services import Services
from domain import ids
from persistence.audit import audit
from persistence.delivery import outbox
from persistence.engine.database import Database

_ACTIVE_USERS = 200
_REPETITIONS = 200
_CLAIMED_AT_ONCE = 20
_AUDITED = 1_000

_PAGE = """
query Page($after: String, $filter: TransactionFilter) {
  viewer {
    transactions(first: 20, after: $after, filter: $filter) {
      edges { cursor node { id sequence amount { amount } createdAt } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
_STATEMENT = """
query Statement($from: Date!, $to: Date!) {
  viewer {
    statement(from: $from, to: $to) {
      __typename
      ... on Statement {
        openingBalance { amount } closingBalance { amount } incoming { amount } transactionCount
      }
    }
  }
}
"""
_SEARCH = (
    "query Search($text: String!) { searchUsers(query: $text, first: 20) { nodes { id name } } }"
)


@dataclass(frozen=True)
class Wallet:
    """An API process with a database of that size, and the tokens of its active users."""

    size: int
    client: httpx.Client
    tokens: Mapping[int, str]
    database_url: str
    audit_key: bytes

    def ask(self, number: int, document: str, **variables: Any) -> dict[str, Any]:
        """The data that this user gets. Raises RuntimeError if there is none."""
        response = self.client.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {self.tokens[number]}"},
        )
        answer: dict[str, Any] = response.json()
        if response.status_code != 200 or "errors" in answer:
            raise RuntimeError(f"An operation failed: {answer}")
        data: dict[str, Any] = answer["data"]
        return data

    def send(self, sender: int, recipient: int) -> None:
        """Send the smallest amount. Raises RuntimeError if it was refused."""
        sent = self.ask(
            sender,
            wallet.SEND.document,
            input={
                "recipient": {"userId": ids.global_id("User", users.person_id(recipient))},
                "amount": "0.01",
                "idempotencyKey": secrets.token_hex(16),
            },
        )["sendMoney"]
        if sent["__typename"] != "MoneySent":
            raise RuntimeError(f"A transfer was refused: {sent}")

    def others(self) -> Iterator[int]:
        """Active users in random order, again and again, without the one with the long account ledger."""
        numbers = [number for number in self.tokens if number != loading.LONG]
        while True:
            random.shuffle(numbers)
            yield from numbers


def transfer(running: Wallet) -> float:
    """A transfer between two users with few entries."""
    others = running.others()
    return _median(lambda: running.send(next(others), next(others)))


def transfer_with_history(running: Wallet) -> float:
    """A transfer by the user with the long account ledger."""
    others = running.others()
    return _median(lambda: running.send(loading.LONG, next(others)))


def balance(running: Wallet) -> float:
    """The balance of the user with the long account ledger."""
    return _median(lambda: running.ask(loading.LONG, wallet.READ.document))


def newest_page(running: Wallet) -> float:
    """The newest 20 transactions."""
    return _median(lambda: running.ask(loading.LONG, _PAGE))


def page_in_the_middle(running: Wallet) -> float:
    """Twenty transactions after a cursor in the middle of the history."""
    cursor = _page(running, createdBefore=_time_of(running.size // 2))["edges"][0]["cursor"]
    return _median(lambda: running.ask(loading.LONG, _PAGE, after=cursor))


def page_of_a_period(running: Wallet) -> float:
    """The newest 20 transactions before a time in the middle of the history."""
    before = _time_of(running.size // 2)
    return _median(lambda: _page(running, createdBefore=before))


def statement_of_a_day(running: Wallet) -> float:
    """The statement of a day with 720 transactions."""
    day = (loading.newest_time() - timedelta(days=1)).date().isoformat()

    def read() -> None:
        data = running.ask(loading.LONG, _STATEMENT, **{"from": day, "to": day})
        if data["viewer"]["statement"].get("transactionCount") != 720:
            raise RuntimeError(f"The statement of a day is {data}.")

    return _median(read)


def search(running: Wallet) -> float:
    """A search for a selective part of a family name."""
    numbers = random.sample(range(loading.LONG + 1, running.size + 1), _REPETITIONS)
    texts = itertools.cycle(loading.name_of(number).split()[1][1:8] for number in numbers)

    def find() -> None:
        if not running.ask(loading.LONG, _SEARCH, text=next(texts))["searchUsers"]["nodes"]:
            raise RuntimeError("A search for a part of a user's name found no user.")

    return _median(find)


def relay_claim(running: Wallet) -> float:
    """A relay claims 20 rows of the outbox, beside the published ones."""
    others = running.others()
    for _ in range(_CLAIMED_AT_ONCE * 10):
        running.send(next(others), next(others))

    async def claims() -> float:
        database = await Database.open(running.database_url)
        try:
            await outbox.claim(database, _CLAIMED_AT_ONCE, 0.0)
            return await _median_async(lambda: _claim(database), 10)
        finally:
            await database.close()

    return asyncio.run(claims())


def audit_of_entries(running: Wallet) -> float:
    """The audit of everything, for each thousand entries."""

    async def duration() -> float:
        database = await Database.open(running.database_url)
        try:
            began = time.perf_counter()
            report = await audit.audit(database, audit_key=running.audit_key)
            elapsed_ms = (time.perf_counter() - began) * 1000
        finally:
            await database.close()
        if not report.is_clean:
            raise RuntimeError(f"The audit found problems: {report.findings[:3]}")
        return elapsed_ms / report.entries * _AUDITED

    return asyncio.run(duration())


#: In milliseconds each, by the name in the table and in the plot.
OPERATIONS: Mapping[str, Callable[[Wallet], float]] = {
    "balance": balance,
    "newest 20 transactions": newest_page,
    "20 from the middle, by cursor": page_in_the_middle,
    "20 from the middle, by date": page_of_a_period,
    "statement of a day": statement_of_a_day,
    "search": search,
    "transfer": transfer,
    "transfer, long history": transfer_with_history,
    "relay claims 20 rows": relay_claim,
    "audit, per 1,000 entries": audit_of_entries,
}


def measure(stack: Services, size: int) -> dict[str, float]:
    """The cost of each operation at that size, in milliseconds. Raises RuntimeError if one fails."""
    with _loaded(stack, size) as running:
        running.send(loading.LONG, 2)
        return {name: operation(running) for name, operation in OPERATIONS.items()}


@contextmanager
def _loaded(stack: Services, size: int) -> Iterator[Wallet]:
    active = sorted(
        {loading.LONG, *random.sample(range(2, size + 1), min(size - 1, _ACTIVE_USERS))}
    )
    stack = stack.with_database(f"size_{size}")
    key = stack.settings.sealing_key
    loading.load(stack.database_url, size, active=active, audit_key=key)
    tokens = {
        number: users.token(number, issuer=stack.issuer, secret=stack.secret) for number in active
    }
    with services.api(stack), httpx.Client(base_url=stack.url, timeout=60) as client:
        yield Wallet(size, client, tokens, stack.database_url, key)


def _page(running: Wallet, **entry_filter: str) -> dict[str, Any]:
    page: dict[str, Any] = running.ask(loading.LONG, _PAGE, filter=entry_filter)
    connection: dict[str, Any] = page["viewer"]["transactions"]
    if len(connection["edges"]) != 20:
        raise RuntimeError("A page from the middle of the history is not full.")
    return connection


def _time_of(entries_ago: int) -> str:
    return (loading.newest_time() - loading.INTERVAL * entries_ago).isoformat()


async def _claim(database: Database) -> None:
    claimed = await outbox.claim(database, _CLAIMED_AT_ONCE, 60.0)
    if len(claimed.rows) != _CLAIMED_AT_ONCE:
        raise RuntimeError(f"The relay claimed {len(claimed.rows)} rows, not {_CLAIMED_AT_ONCE}.")


def _median(operation: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPETITIONS):
        began = time.perf_counter()
        operation()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


async def _median_async(operation: Callable[[], Awaitable[None]], repetitions: int) -> float:
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        await operation()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
