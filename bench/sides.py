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
    EVERYTHING,
    GIVEN,
    PAGE,
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

#: The database of which every side has a copy.
_TEMPLATE = "users"


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
class Users:
    """A database with that many users, of which each side has a copy."""

    stack: Services
    count: int
    #: How many transfers their ledgers contain.
    payments: int

    @classmethod
    def create(cls, stack: Services, count: int) -> Users:
        """Users with money, sessions, and for some of them a history; and what pgbench and rivals call."""
        origin = stack.with_database(_TEMPLATE)
        payments = users.create(
            origin.database_url, count,
            audit_key=stack.settings.sealing_key, payments=users.PAYMENTS,
        )  # fmt: skip
        bare.prepare(origin.database_url)
        return cls(stack, count, payments)

    def copy(self, name: str, *, sealed: bool = False) -> tuple[Services, Ledgers]:
        """A new database, and its ledgers, which are audited if they are sealed."""
        own = self.stack.with_database(name, _TEMPLATE)
        audited = own.settings if sealed else None
        return own, Ledgers(own.database_url, audited, moved=self.payments)


@dataclass(frozen=True)
class Floor:
    """pgbench: the bare speed of the same PostgreSQL."""

    name: str
    programs: Path
    users: int
    ledgers: Ledgers
    by_call: bool = False

    def takes_part(self, kind: Kind, connections: int) -> bool:
        if self.by_call:
            return kind is TRANSFERS and connections == CONNECTIONS
        return bool(kind.scripts)

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
            connections=connections, seconds=seconds, to_one=kind.to_one, senders=kind.senders,
            servers=[self.process.pid],
        )  # fmt: skip
        self.ledgers.moved += measured.moved
        return measured

    def prepare(self, *, read: Request, page: Request, send: Request) -> None:
        """Check its answers once, and warm it up. Raises RuntimeError if they differ from those of the
        wallet.
        """
        self.ledgers.moved += answers.prove(
            self.name, self.url, self.tokens, read=read, page=page, send=send
        ) + load.warm_up(self.url, self.tokens, read=read, send=send)
        if PAGE in self.requests:
            self.measure(PAGE, CONNECTIONS, seconds=1)


@contextmanager
def ours(people: Users) -> Iterator[tuple[Child, list[Side]]]:
    """The wallet's process, and all sides: the baseline, and the wallet without and with rate limits and an
    access log, each with its users and warmed up.
    """
    _, bared = people.copy("floor")
    measured, ledgers = people.copy("measured", sealed=True)
    tokens = users.write_tokens(
        measured.folder / "tokens", people.count, issuer=measured.issuer, secret=measured.secret
    )
    full = measured.beside(RATE_LIMIT_FACTOR=services.NO_LIMIT_IS_MET, LOG_LEVEL="INFO")
    with services.api(measured) as api, services.api(full, "access.log") as full_api:
        servers = [
            Server(WALLET, measured.graphql_url, api, tokens, ledgers, wallet.REQUESTS),
            Server(
                EVERYTHING, full.graphql_url, full_api, tokens, ledgers,
                {TRANSFERS: [wallet.SEND]}, [CONNECTIONS],
            ),
        ]  # fmt: skip
        for server in servers:
            server.prepare(read=wallet.READ, page=wallet.READ_PAGE, send=wallet.SEND)
        programs = people.stack.server.programs
        yield (
            api,
            [
                Floor(STATEMENTS, programs, people.count, bared),
                Floor(CALL, programs, people.count, bared, by_call=True),
                *servers,
            ],
        )


@contextmanager
def on_given(people: Users, database_url: str) -> Iterator[Server]:
    """The wallet on that database, which is migrated and has no users: it gets the same."""
    stack = people.stack.beside(DATABASE_URL=database_url)
    payments = users.create(
        database_url, people.count, audit_key=stack.settings.sealing_key, payments=users.PAYMENTS
    )
    tokens = users.write_tokens(
        stack.folder / "given tokens", people.count, issuer=stack.issuer, secret=stack.secret
    )
    with services.api(stack, "given.log") as api:
        ledgers = Ledgers(database_url, stack.settings, moved=payments)
        server = Server(GIVEN, stack.graphql_url, api, tokens, ledgers, wallet.REQUESTS)
        server.prepare(read=wallet.READ, page=wallet.READ_PAGE, send=wallet.SEND)
        yield server
