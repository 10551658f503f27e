"""`python -m bench.rivals`: the rivals and pgbench in turn, round by round, as a table."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from app.dev_services.processes import ServiceError
from bench import bare, measure, people, rivals, services
from bench.measure import Measurement
from bench.services import Services

FLOOR = "pgbench, statements"
HEADINGS = ("server", "transfers/s", "to pgbench", "p50 ms", "p99 ms", "server's CPU µs each")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rivals", description=__doc__)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="for each round of each server")
    parser.add_argument("--pool-size", type=int, help="connections to PostgreSQL of each server")
    arguments = parser.parse_args()
    console = Console()
    try:
        with services.running() as stack:
            rounds = _rounds(stack, arguments)
    except (ServiceError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    console.print(_table(rounds, arguments.connections))
    return 0


def _rounds(stack: Services, plan: argparse.Namespace) -> dict[str, list[Measurement]]:
    floor = stack.with_database("floor")
    people.settle_in(floor.database_url, plan.people)
    bare.prepare(floor.database_url)
    measured: dict[str, list[Measurement]] = {}
    for _ in range(plan.rounds):
        bared = bare.run(
            stack.server.programs, floor.database_url,
            connections=plan.connections, seconds=plan.seconds, people=plan.people,
        )  # fmt: skip
        theirs = rivals.measure(
            stack, plan.people, plan.connections, plan.seconds, pool_size=plan.pool_size
        )
        for name, each in {FLOOR: bared, **theirs}.items():
            measured.setdefault(name, []).append(each)
    return measured


def _table(rounds: dict[str, list[Measurement]], connections: int) -> Table:
    table = Table(title=f"The same transfer at {connections} connections, medians")
    for place, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if place else "left")
    floor = measure.median([each.per_second for each in rounds[FLOOR]]) or 0.0
    for name, measured in rounds.items():
        rate = measure.median([each.per_second for each in measured]) or 0.0
        times = [
            measure.median([getattr(each, field) for each in measured])
            for field in ("p50_ms", "p99_ms", "server_cpu_us")
        ]
        cells = [f"{time:,.1f}" if time is not None else "" for time in times]
        table.add_row(name, f"{rate:,.0f}", f"{rate / floor:.2f}", *cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
