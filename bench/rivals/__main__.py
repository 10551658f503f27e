"""`python -m bench.rivals`: the rivals and pgbench in turn, in rounds, as a table."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from bench import comparisons, services
from bench.comparisons import CALL, CONNECTIONS, PAGE, READS, STATEMENTS, TRANSFERS, Comparison
from bench.rivals import running
from bench.services import Services
from bench.sides import Floor, Users
from dev.processes import ServiceError

HEADINGS = ("server", "per second", "to pgbench", "p50 ms", "p99 ms", "server's CPU µs each")
KINDS = {"transfers": TRANSFERS, "reads": READS, "page": PAGE}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rivals", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="for each round of each server")
    parser.add_argument("--only", choices=KINDS, help="instead of all of them")
    arguments = parser.parse_args()
    console = Console()
    try:
        with services.running() as stack:
            compared = _measure(stack, arguments, console)
    except (ServiceError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    for each in compared:
        console.print(_table(each))
    return 0


def _measure(stack: Services, plan: argparse.Namespace, console: Console) -> list[Comparison]:
    people = Users.create(stack, plan.users)
    _, ledgers = people.copy("floor")
    programs = stack.server.programs
    floors = [
        Floor(STATEMENTS, programs, plan.users, ledgers),
        Floor(CALL, programs, plan.users, ledgers, by_call=True),
    ]
    kinds = [KINDS[plan.only]] if plan.only else list(KINDS.values())
    compared = [Comparison(kind, CONNECTIONS) for kind in kinds]
    with running.serving(people) as servers:
        for server in servers:
            console.print(f"{server.name} has a pool of {server.pool_size}.", highlight=False)
        for number in range(plan.rounds):
            comparisons.measure_round(compared, [*floors, *servers], number, plan.seconds, console)
    return compared


def _table(compared: Comparison) -> Table:
    table = Table(title=f"{compared.kind.name} at {compared.connections} connections, medians")
    for place, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if place else "left")
    floor = compared.median(STATEMENTS) or 0.0
    for name in compared.rounds:
        rate = compared.median(name) or 0.0
        times = [compared.median(name, each) for each in ("p50_ms", "p99_ms", "server_cpu_us")]
        cells = [f"{time:,.1f}" if time is not None else "" for time in times]
        table.add_row(name, f"{rate:,.0f}", f"{rate / floor:.2f}", *cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
