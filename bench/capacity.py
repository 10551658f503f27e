"""What each process takes for an operation: `python -m bench.capacity`.

Processor time of the API, PostgreSQL, Valkey and the relay for a request, with rate limits and the access
log on, and the size of what a transfer leaves in the database. One core carries a million divided by the
microseconds. The load generator runs on the same machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from bench import load, services, users, wallet
from bench.load import Request
from bench.services import NO_LIMIT_IS_MET, Services
from dev import processes

USERS = 10_000
LOADS: Mapping[tuple[str, int], Request] = {
    ("sendMoney", 1): wallet.SEND,
    ("sendMoney", 32): wallet.SEND,
    ("sendMoney", 128): wallet.SEND,
    ("viewer", 32): wallet.READ,
}
_PATIENCE_SECONDS = 120
_SIZES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"


@dataclass(frozen=True)
class Running:
    """The processes whose time is measured."""

    stack: Services
    tokens: Path
    api: processes.Child
    relay: processes.Child

    def used(self) -> dict[str, float]:
        """Seconds of processor time so far; the sessions of PostgreSQL are those that are open."""
        server = self.stack.server.child.pid
        return {
            "API": load.processor_seconds([self.api.pid]),
            "PostgreSQL": load.processor_seconds([server, *processes.children_of(server)]),
            "Valkey": load.processor_seconds([self.stack.memory.child.pid]),
            "relay": load.processor_seconds([self.relay.pid]),
        }

    def wait_until_relayed(self) -> None:
        """Wait until the relay has nothing left to do. Raises RuntimeError if that takes long."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            while connection.execute(_WAITING).fetchone() != (0,):
                if time.monotonic() > deadline:
                    raise RuntimeError("The relay has not published everything.")
                time.sleep(0.05)


@dataclass(frozen=True)
class Taken:
    """Of one load: requests per second, and microseconds of processor time for each by process."""

    per_second: float
    microseconds: Mapping[str, float]


def measure(running: Running, request: Request, connections: int, seconds: float) -> Taken:
    """The time that each process takes, including what the relay does afterwards."""
    before = running.used()
    answered = load.run(
        running.stack.graphql_url, running.tokens, [request],
        connections=connections, seconds=seconds, servers=[running.api.pid],
    )  # fmt: skip
    if answered.server_cpu_us is None:
        raise RuntimeError("The processor time of processes is read from /proc, as on Linux.")
    running.wait_until_relayed()
    after = running.used()
    # The generator counts the requests of its warm-up too.
    requests = (after["API"] - before["API"]) / answered.server_cpu_us
    return Taken(
        answered.per_second, {name: (after[name] - before[name]) / requests for name in before}
    )


@contextmanager
def _running(stack: Services) -> Iterator[Running]:
    stack = stack.with_database("capacity").beside(
        RATE_LIMIT_FACTOR=NO_LIMIT_IS_MET, LOG_LEVEL="INFO"
    )
    users.create(stack.database_url, USERS, audit_key=stack.settings.sealing_key)
    tokens = users.write_tokens(
        stack.folder / "tokens", USERS, issuer=stack.issuer, secret=stack.secret
    )
    with services.api(stack) as api, services.relay(stack) as relay:
        load.warm_up(stack.graphql_url, tokens, read=wallet.READ, send=wallet.SEND)
        running = Running(stack, tokens, api, relay)
        running.wait_until_relayed()
        yield running


def bytes_by_table(running: Running, seconds: float) -> dict[str, float]:
    """How much each table and its indexes grow with a transfer."""
    with psycopg.connect(running.stack.database_url, autocommit=True) as connection:
        before = _sizes(connection)
        moved = load.run(
            running.stack.graphql_url, running.tokens, [wallet.SEND],
            connections=32, seconds=seconds,
        ).moved  # fmt: skip
        running.wait_until_relayed()
        after = _sizes(connection)
    grown = {name: (after[name] - before[name]) / moved for name in after}
    return {name: size for name, size in sorted(grown.items(), key=lambda each: -each[1]) if size}


def _sizes(connection: psycopg.Connection) -> dict[str, int]:
    return dict(connection.execute(_SIZES).fetchall())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    seconds: float = parser.parse_args().seconds
    table = Table("load", "connections", "a second", *("API", "PostgreSQL", "Valkey", "relay"))
    with services.running() as stack, _running(stack) as running:
        for (name, connections), request in LOADS.items():
            taken = measure(running, request, connections, seconds)
            cells = (f"{microseconds:.0f} µs" for microseconds in taken.microseconds.values())
            table.add_row(name, str(connections), f"{taken.per_second:,.0f}", *cells)
        sizes = bytes_by_table(running, seconds)
    console = Console()
    console.print(table)
    listed = ", ".join(f"{name} {size:.0f}" for name, size in sizes.items())
    console.print(f"Bytes for each transfer: {sum(sizes.values()):.0f} ({listed}).")


if __name__ == "__main__":
    main()
