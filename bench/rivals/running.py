"""The rivals: each a server on a database of its own, running and warmed up for all measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import services, users, wallet
from bench.comparisons import (
    CONNECTIONS,
    MANY_CONNECTIONS,
    MERCURIUS,
    PAGE,
    POSTGRAPHILE,
    READS,
    SAME_WORK,
    SHARED,
    TRANSFERS,
    YOGA,
    Kind,
)
from bench.load import AMOUNT, KEY, RECIPIENT, Request
from bench.services import Services
from bench.sides import Ledgers, Server, Users
from dev import node, processes
from domain.people import sessions

FOLDER = Path(__file__).parent
_READY_SECONDS = 60

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
# PostGraphile's mutation returns the object itself.
_SEND_BY_PLAN = f"""
mutation Send($input: SendMoneyInput!) {{ sendMoney(input: $input) {{ __typename {_FIELDS} }} }}
"""
_VARIABLES = {"input": {"recipientId": RECIPIENT, "amount": AMOUNT, "idempotencyKey": KEY}}


@dataclass(frozen=True)
class Rival:
    """A server: its script, its requests, and the pool sizes of which the best is used."""

    name: str
    script: str
    database: str
    document: str = _SEND
    pool_sizes: Sequence[int] = (8, 16, 32)
    environment: Mapping[str, str] = field(default_factory=dict)
    shares_commits: bool = False
    #: The numbers of connections at which it is measured.
    connections: Sequence[int] = (CONNECTIONS,)
    #: Whether it makes seals, which are audited.
    seals: bool = False

    @property
    def send(self) -> Request:
        return Request(self.document, _VARIABLES, accepted='"MoneySent"', moves=True)

    @property
    def requests(self) -> dict[Kind, Sequence[Request]]:
        """Its requests under each kind of load. Reads have no commit to share."""
        sends: dict[Kind, Sequence[Request]] = {TRANSFERS: [self.send]}
        return sends if self.shares_commits else {
            **sends, READS: [wallet.READ], PAGE: [wallet.READ_PAGE],
        }  # fmt: skip


RIVALS = (
    Rival(MERCURIUS, "mercurius.js", "rival_mercurius"),
    Rival(YOGA, "yoga.js", "rival_yoga"),
    Rival(POSTGRAPHILE, "postgraphile.js", "rival_postgraphile", document=_SEND_BY_PLAN),
    Rival(
        SHARED, "mercurius.js", "rival_mercurius_shared",
        # It uses two.
        pool_sizes=[4], environment={"SHARED_COMMITS": "1"}, shares_commits=True,
        connections=(CONNECTIONS, MANY_CONNECTIONS),
    ),
    Rival(
        SAME_WORK, "mercurius_in_production.js", "rival_in_production",
        pool_sizes=[4], environment={"PIPELINE": "1"}, shares_commits=True, seals=True,
    ),
)  # fmt: skip


@contextmanager
def serving(people: Users) -> Iterator[list[Server]]:
    """Run all of them, each with as many users as the wallet and its best pool size.

    Raises ServiceError if Node or the packages are unavailable, and RuntimeError if one does not answer as
    the wallet does.
    """
    node.ensure_installed(FOLDER)
    stack = people.stack
    tokens = users.write_tokens(
        stack.folder / "rivals-tokens", people.count,
        issuer=stack.issuer, secret=stack.secret, user_ids=True,
    )  # fmt: skip
    with ExitStack() as servers:
        measured = []
        for rival in RIVALS:
            _, ledgers = people.copy(rival.database, sealed=rival.seals)
            best = _best_pool(rival, stack, tokens, ledgers)
            server = servers.enter_context(_running(rival, best, stack, tokens, ledgers))
            server.prepare(read=wallet.READ, page=wallet.READ_PAGE, send=rival.send)
            measured.append(server)
        yield measured


def _best_pool(rival: Rival, stack: Services, tokens: Path, ledgers: Ledgers) -> int:
    """The pool size with the highest rate of transfers, each tried twice for a second."""
    if len(rival.pool_sizes) == 1:
        return rival.pool_sizes[0]
    with ExitStack() as tried:
        servers = [
            tried.enter_context(_running(rival, size, stack, tokens, ledgers))
            for size in rival.pool_sizes
        ]
        rates = dict.fromkeys(rival.pool_sizes, 0.0)
        # The first trial of each warms up; then there and back, so that none is always the last.
        for turn, server in enumerate([*servers, *servers, *reversed(servers)]):
            measured = server.measure(TRANSFERS, CONNECTIONS, seconds=1)
            if turn >= len(servers):
                rates[server.pool_size] += measured.per_second
    return max(rates, key=rates.__getitem__)


@contextmanager
def _running(
    rival: Rival, pool_size: int, stack: Services, tokens: Path, ledgers: Ledgers
) -> Iterator[Server]:
    """The server's process, ready."""
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
            "DATABASE_URL": ledgers.database_url,
            "POOL_SIZE": str(pool_size),
            "JWT_SECRET": stack.secret,
            "JWT_ISSUER": stack.issuer,
            "JWT_AUDIENCE": sessions.AUDIENCE,
            "AUDIT_KEY": stack.settings.sealing_key.hex(),
            "REDIS_URL": stack.settings.redis_url.get_secret_value(),
            "RATE_LIMIT_FACTOR": services.NO_LIMIT_IS_MET,
            "ACCESS_LOG": str(stack.folder / f"{rival.database}.access.log"),
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
        url = f"http://127.0.0.1:{port}/graphql"
        yield Server(
            rival.name, url, child, tokens, ledgers, rival.requests, rival.connections, pool_size
        )
    finally:
        child.stop()
