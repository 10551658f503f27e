"""The sides of a comparison: pgbench and GraphQL servers, including the wallet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.commands import audit
from bench import answers, bare, load, services, users, wallet
from bench.comparisons import (
    CALL,
    CONNECTIONS,
    LIMITED,
    STATEMENTS,
    TRANSFERS,
    WALLET,
    Kind,
    Side,
)
from bench.load import Request
from bench.measure import Measurement
from bench.services import Services
from dev.processes import Child
from settings import Settings

#: Limits that no user reaches, although each request is counted.
_NO_LIMIT_IS_MET = "100000"


@dataclass
class Ledgers:
    """The ledgers of one database, and how many transfers they must contain."""

    database_url: str
    #: Of the wallet only, whose seals are verified too.
    audited: Settings | None = None
    moved: int = 0
    #: How many more there may be: pgbench may end without counting a client's last transfer.
    uncounted: int = 0

    def check(self) -> None:
        """Raises RuntimeError unless they are consistent and contain every transfer that was answered."""
        bare.check_ledgers(self.database_url, self.moved, uncounted=self.uncounted)
        if self.audited is not None and audit.audit(self.audited) != 0:
            raise RuntimeError("The wallet's ledgers do not pass the audit.")

    def tidy(self) -> None:
        """VACUUM and ANALYZE, so that each round starts in the same state."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")


@dataclass(frozen=True)
class Floor:
    """pgbench: the bare speed of the same PostgreSQL."""

    name: str
    programs: Path
    users: int
    ledgers: Ledgers
    by_call: bool = False

    def takes_part(self, kind: Kind, connections: int) -> bool:
        # A read is a single statement in either case.
        return kind.moves or not self.by_call

    def measure(self, kind: Kind, connections: int, seconds: int) -> Measurement:
        """Measure one round. Raises RuntimeError if any operation failed."""
        measured = bare.run(
            self.programs, self.ledgers.database_url,
            connections=connections, seconds=seconds, users=self.users,
            scripts=kind.scripts, by_call=self.by_call, to_one=kind.to_one,
        )  # fmt: skip
        self.ledgers.moved += measured.moved
        if kind.moves:
            self.ledgers.uncounted += connections
        return measured


@dataclass(frozen=True)
class Server:
    """A GraphQL server over HTTP, and its requests under each kind of load."""

    name: str
    url: str
    process: Child
    tokens: Path
    ledgers: Ledgers
    requests: Mapping[Kind, Sequence[Request]]
    #: The number of connections at which it is measured; None for all.
    connections: Collection[int] | None = None
    #: Connections to PostgreSQL; 0 if nothing set them.
    pool_size: int = 0

    def takes_part(self, kind: Kind, connections: int) -> bool:
        return kind in self.requests and (
            self.connections is None or connections in self.connections
        )

    def measure(self, kind: Kind, connections: int, seconds: int) -> Measurement:
        """Measure one round. Raises RuntimeError if any operation failed."""
        measured = load.run(
            self.url, self.tokens, self.requests[kind],
            connections=connections, seconds=seconds, to_one=kind.to_one,
            servers=[self.process.pid],
        )  # fmt: skip
        self.ledgers.moved += measured.moved
        return measured

    def prepare(self, *, read: Request, send: Request) -> None:
        """Check its answers once, and warm it up. Raises RuntimeError if they differ from those of the
        wallet.
        """
        self.ledgers.moved += answers.prove(
            self.name, self.url, self.tokens, read=read, send=send
        ) + load.warm_up(self.url, self.tokens, read=read, send=send)


@contextmanager
def ours(stack: Services, how_many: int) -> Iterator[tuple[Child, list[Side]]]:
    """The wallet's process, and all sides: the baseline, and the wallet without and with rate limits, each
    with its users and warmed up.
    """
    floor, measured = stack.with_database("floor"), stack.with_database("measured")
    for side in (floor, measured):
        users.create(side.database_url, how_many, audit_key=side.settings.sealing_key)
    bare.prepare(floor.database_url)
    tokens = users.write_tokens(
        stack.folder / "tokens", how_many, issuer=measured.issuer, secret=measured.secret
    )
    limited = measured.beside(RATE_LIMIT_FACTOR=_NO_LIMIT_IS_MET)
    with services.api(measured) as api, services.api(limited) as limited_api:
        ledgers = Ledgers(measured.database_url, audited=measured.settings)
        servers = [
            Server(WALLET, measured.graphql_url, api, tokens, ledgers, wallet.REQUESTS),
            Server(
                LIMITED, limited.graphql_url, limited_api, tokens, ledgers,
                {TRANSFERS: [wallet.SEND]}, [CONNECTIONS],
            ),
        ]  # fmt: skip
        for server in servers:
            server.prepare(read=wallet.READ, send=wallet.SEND)
        bared = Ledgers(floor.database_url)
        programs = stack.server.programs
        yield (
            api,
            [
                Floor(STATEMENTS, programs, how_many, bared),
                Floor(CALL, programs, how_many, bared, by_call=True),
                *servers,
            ],
        )
