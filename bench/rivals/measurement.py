"""One round of each rival: its server on a database of its own, under the load, and its books proved."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from app.dev_services import node, processes
from bench import bare, load, people
from bench.load import AMOUNT, KEY, RECIPIENT, Request
from bench.measure import Measurement
from bench.services import Services
from domain import sessions

FOLDER = Path(__file__).parent
_READY_SECONDS = 60
#: Before it is measured: V8 compiles what is called often, and each server begins anew.
_WARM_UP_SECONDS = 3

_FIELDS = """
transaction { id reference sequence amount { amount currency } balanceAfter { amount } createdAt
  counterparty { id name } }
viewer { sequence balance { amount currency } }
replayed
"""
_SEND = f"""
mutation Send($input: SendMoneyInput!) {{
  sendMoney(input: $input) {{
    __typename
    ... on MoneySent {{ {_FIELDS} }}
    ... on Refused {{ message }}
  }}
}}
"""
# PostGraphile's mutation answers with the object itself.
_SEND_BY_PLAN = f"""
mutation Send($input: SendMoneyInput!) {{ sendMoney(input: $input) {{ __typename {_FIELDS} }} }}
"""
_VARIABLES = {"input": {"recipientId": RECIPIENT, "amount": AMOUNT, "idempotencyKey": KEY}}


@dataclass(frozen=True)
class Rival:
    """A server: its script, what it is asked, and the size of the pool that it did best with."""

    name: str
    script: str
    database: str
    document: str = _SEND
    pool_size: int = 8
    environment: Mapping[str, str] = field(default_factory=dict)
    shares_commits: bool = False


RIVALS = (
    Rival("Mercurius with JIT", "mercurius.js", "rival_mercurius"),
    Rival("GraphQL Yoga", "yoga.js", "rival_yoga"),
    Rival("PostGraphile 5", "postgraphile.js", "rival_postgraphile", document=_SEND_BY_PLAN),
    Rival(
        "Mercurius with JIT, shared commits", "mercurius.js", "rival_mercurius_shared",
        pool_size=4, environment={"SHARED_COMMITS": "1"}, shares_commits=True,
    ),
)  # fmt: skip

#: Those that commit each request by itself, as anybody deploys them.
COMMITTING_ALONE = tuple(rival.name for rival in RIVALS if not rival.shares_commits)


def measure(
    stack: Services,
    how_many: int,
    connections: int,
    seconds: int,
    *,
    pool_size: int | None = None,
) -> dict[str, Measurement]:
    """One round of each, in an order drawn anew; by name. `pool_size` is for all instead of their own.

    Raises ServiceError where Node or the packages cannot be had, and RuntimeError when a request
    was refused or the books do not balance.
    """
    node.ensure_installed(FOLDER)
    measured = {}
    for rival in random.sample(RIVALS, len(RIVALS)):
        sized = rival if pool_size is None else replace(rival, pool_size=pool_size)
        measured[rival.name] = run(sized, stack, how_many, connections, seconds)
    return {rival.name: measured[rival.name] for rival in RIVALS}


def run(
    rival: Rival, stack: Services, how_many: int, connections: int, seconds: int
) -> Measurement:
    """One round of one, whose database is made at its first."""
    database_url = _database(rival, stack, how_many)
    tokens = stack.folder / "rivals-tokens"
    if not tokens.exists():
        people.write_tokens(
            tokens, how_many, issuer=stack.issuer, secret=stack.secret, user_ids=True
        )
    with _serving(rival, stack, database_url) as (url, child):
        requests = [Request(rival.document, _VARIABLES, accepted='"MoneySent"')]
        load.run(url, tokens, requests, connections=connections, seconds=_WARM_UP_SECONDS)
        measured = load.run(
            url, tokens, requests, connections=connections, seconds=seconds, servers=[child.pid]
        )
    bare.check_books(database_url)
    return measured


def _database(rival: Rival, stack: Services, how_many: int) -> str:
    url = stack.server.url_of("wallet", rival.database)
    with psycopg.connect(stack.server.url) as connection:
        known = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [rival.database]
        ).fetchone()
    if known is None:
        url = stack.with_database(rival.database).database_url
        people.settle_in(url, how_many)
        with psycopg.connect(url) as connection:
            connection.execute((FOLDER / "functions.sql").read_bytes())
    return url


@contextmanager
def _serving(
    rival: Rival, stack: Services, database_url: str
) -> Iterator[tuple[str, processes.Child]]:
    """The server, ready, and where it answers."""
    port = processes.free_port()
    child = processes.spawn(
        rival.name,
        [node.node_path(), FOLDER / "servers" / rival.script],
        log=stack.folder / f"{rival.database}.log",
        cwd=FOLDER,
        env={
            **node.environment(),
            "NODE_ENV": "production",
            "GRAPHILE_ENV": "production",
            "PORT": str(port),
            "DATABASE_URL": database_url,
            "POOL_SIZE": str(rival.pool_size),
            "JWT_SECRET": stack.secret,
            "JWT_ISSUER": stack.issuer,
            "JWT_AUDIENCE": sessions.AUDIENCE,
            **rival.environment,
        },
    )
    try:
        processes.wait_until(
            lambda: processes.accepts_connections("127.0.0.1", port),
            child,
            _READY_SECONDS,
            rival.name,
        )
        yield f"http://127.0.0.1:{port}/graphql", child
    finally:
        child.stop()
