"""Who is measured: pgbench, and GraphQL servers, the wallet's among them."""

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

#: So large that nobody meets a limit, though each is counted.
_NO_LIMIT_IS_MET = "100000"


@dataclass
class Books:
    """The books of one database, and how many transfers must be in them."""

    database_url: str
    #: Of the wallet alone, whose seals are checked too.
    audited: Settings | None = None
    moved: int = 0
    #: How many more there may be: pgbench may end without counting the last one of a client.
    uncounted: int = 0

    def check(self) -> None:
        """Raises RuntimeError unless they balance and have every transfer that was answered."""
        bare.check_books(self.database_url, self.moved, uncounted=self.uncounted)
        if self.audited is not None and audit.audit(self.audited) != 0:
            raise RuntimeError("The wallet's books do not pass the audit.")

    def tidy(self) -> None:
        """VACUUM and ANALYZE, so that each round begins alike."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")


@dataclass(frozen=True)
class Floor:
    """pgbench: what the same PostgreSQL does bare."""

    name: str
    programs: Path
    people: int
    books: Books
    by_call: bool = False

    def takes_part(self, kind: Kind, connections: int) -> bool:
        # A read is one statement in any case.
        return kind.moves or not self.by_call

    def measure(self, kind: Kind, connections: int, seconds: int) -> Measurement:
        """One round. Raises RuntimeError when anything failed."""
        measured = bare.run(
            self.programs, self.books.database_url,
            connections=connections, seconds=seconds, people=self.people,
            scripts=kind.scripts, by_call=self.by_call, to_one=kind.to_one,
        )  # fmt: skip
        self.books.moved += measured.moved
        if kind.moves:
            self.books.uncounted += connections
        return measured


@dataclass(frozen=True)
class Server:
    """A process that answers GraphQL over HTTP, and what it is asked under each kind of load."""

    name: str
    url: str
    process: Child
    tokens: Path
    books: Books
    requests: Mapping[Kind, Sequence[Request]]
    #: At which it is measured; all, if None.
    connections: Collection[int] | None = None
    #: Connections to PostgreSQL; 0 where nothing chose them.
    pool_size: int = 0

    def takes_part(self, kind: Kind, connections: int) -> bool:
        return kind in self.requests and (
            self.connections is None or connections in self.connections
        )

    def measure(self, kind: Kind, connections: int, seconds: int) -> Measurement:
        """One round. Raises RuntimeError when anything failed."""
        measured = load.run(
            self.url, self.tokens, self.requests[kind],
            connections=connections, seconds=seconds, to_one=kind.to_one,
            servers=[self.process.pid],
        )  # fmt: skip
        self.books.moved += measured.moved
        return measured

    def prepare(self, *, read: Request, send: Request) -> None:
        """Look at its answers once, and let it warm up. Raises RuntimeError where they are not those
        of the wallet.
        """
        self.books.moved += answers.prove(
            self.name, self.url, self.tokens, read=read, send=send
        ) + load.warm_up(self.url, self.tokens, read=read, send=send)


@contextmanager
def ours(stack: Services, how_many: int) -> Iterator[tuple[Child, list[Side]]]:
    """The process of the wallet, and all sides: the floor, and the wallet without and with rate limits,
    each with its people, warm.
    """
    floor, measured = stack.with_database("floor"), stack.with_database("measured")
    for side in (floor, measured):
        users.settle_in(side.database_url, how_many, audit_key=side.settings.sealing_key)
    bare.prepare(floor.database_url)
    tokens = users.write_tokens(
        stack.folder / "tokens", how_many, issuer=measured.issuer, secret=measured.secret
    )
    limited = measured.beside(RATE_LIMIT_FACTOR=_NO_LIMIT_IS_MET)
    with services.api(measured) as api, services.api(limited) as limited_api:
        books = Books(measured.database_url, audited=measured.settings)
        servers = [
            Server(WALLET, measured.graphql_url, api, tokens, books, wallet.REQUESTS),
            Server(
                LIMITED, limited.graphql_url, limited_api, tokens, books,
                {TRANSFERS: [wallet.SEND]}, [CONNECTIONS],
            ),
        ]  # fmt: skip
        for server in servers:
            server.prepare(read=wallet.READ, send=wallet.SEND)
        bared = Books(floor.database_url)
        programs = stack.server.programs
        yield (
            api,
            [
                Floor(STATEMENTS, programs, how_many, bared),
                Floor(CALL, programs, how_many, bared, by_call=True),
                *servers,
            ],
        )
