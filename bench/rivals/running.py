"""The rivals: each a server on a database of its own, running and warm as long as it is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.dev_services import node, processes
from bench import bare, people, wallet
from bench.comparisons import CONNECTIONS, READS, TRANSFERS, Kind
from bench.load import AMOUNT, KEY, RECIPIENT, Request
from bench.services import Services
from bench.sides import Books, Server
from domain import sessions

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

    @property
    def send(self) -> Request:
        return Request(self.document, _VARIABLES, accepted='"MoneySent"', moves=True)

    @property
    def requests(self) -> dict[Kind, Sequence[Request]]:
        """What it is asked under each kind of load. Reads have no commit to share."""
        sends: dict[Kind, Sequence[Request]] = {TRANSFERS: [self.send]}
        return sends if self.shares_commits else {**sends, READS: [wallet.READ]}

    def with_pool(self, size: int) -> Rival:
        """The same with so many connections to PostgreSQL, under a name that says so."""
        return replace(
            self,
            name=f"{self.name}, pool of {size}",
            database=f"{self.database}_{size}",
            pool_size=size,
        )


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


@contextmanager
def serving(
    stack: Services, how_many: int, rivals: Sequence[Rival] = RIVALS
) -> Iterator[list[Server]]:
    """All of them, each with the same people as the wallet.

    Raises ServiceError where Node or the packages cannot be had, and RuntimeError where one does not
    answer as the wallet does.
    """
    node.ensure_installed(FOLDER)
    tokens = people.write_tokens(
        stack.folder / "rivals-tokens", how_many,
        issuer=stack.issuer, secret=stack.secret, user_ids=True,
    )  # fmt: skip
    with ExitStack() as servers:
        measured = []
        for rival in rivals:
            database_url = stack.with_database(rival.database).database_url
            people.settle_in(database_url, how_many)
            bare.prepare(database_url)
            url, child = servers.enter_context(_running(rival, stack, database_url))
            server = Server(
                rival.name, url, child, tokens, Books(database_url), rival.requests, [CONNECTIONS]
            )
            server.prepare(read=wallet.READ, send=rival.send)
            measured.append(server)
        yield measured


@contextmanager
def _running(
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
