"""The benchmark: `python -m bench.run [--quick]`, which is what `./wallet bench` runs.

It starts services of its own, measures pgbench, the wallet and, on request, its rivals in turn on
databases of the same shape, and checks the ledgers after each round."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import uvloop
from rich.console import Console

from bench import comparisons, search, services, sides, start, subscribers
from bench.comparisons import (
    CONNECTIONS,
    HOT,
    MANY_CONNECTIONS,
    MIXED,
    PAGE,
    READS,
    TRANSFERS,
    Comparison,
)
from bench.report import Report
from bench.rivals import running
from bench.search import Found
from bench.services import Services
from bench.sides import Users
from bench.subscribers import Delivered
from dev.processes import ServiceError

#: The parts of the table of targets, and others.
TABLE = ("transfers", "hot", "reads", "page", "subscribers", "search", "start")
PARTS = (*TABLE, "mixed")
#: The parts in which rivals take part.
RIVALS_TAKE_PART = ("transfers", "reads", "page")
#: A load average above which other programs affect the results.
BUSY = 0.7
EVENTS_PER_SECOND = 100


@dataclass(frozen=True)
class Plan:
    """The amount of measuring."""

    users: int = 10_000
    users_to_search: int = 1_000_000
    rounds: int = 3
    seconds: int = 5
    connections: Sequence[int] = (1, CONNECTIONS, MANY_CONNECTIONS)
    subscribers: int = 5_000
    idle_seconds: float = 25
    delivery_seconds: float = 7
    #: Of a migrated database without users, on which the wallet is measured too.
    database_url: str | None = None


QUICK = Plan(
    users=2_000,
    users_to_search=100_000,
    rounds=1,
    seconds=2,
    subscribers=1_000,
    idle_seconds=3,
    delivery_seconds=4,
)


def run(plan: Plan, parts: Sequence[str], console: Console, *, with_rivals: bool) -> Report:
    """Measure. Raises RuntimeError or ServiceError if an operation fails or ledgers are inconsistent."""
    console.print(f"{services.processor()}; PostgreSQL with fsync and synchronous commit on.")
    if services.load() > BUSY:
        console.print(
            f"The machine is busy with other programs (load {services.load():.1f}): one API process "
            "gets a smaller share of it than many backends, and the ratios are too low."
        )
    report = Report(
        services.processor(),
        _conditions(plan),
        _planned(plan, parts),
        name="" if set(parts) >= set(TABLE) else "-".join(parts),
    )
    if "start" in parts:
        # Each takes a minute: in a run of everything, one is enough.
        with console.status("Starting the wallet in a new clone …"):
            report.started = start.measure(plan.rounds if len(parts) == 1 else 1)
    if {*parts} != {"start"}:
        with services.running() as stack:
            _measure(report, stack, plan, parts, console, with_rivals=with_rivals)
    return report


def _measure(
    report: Report,
    stack: Services,
    plan: Plan,
    parts: Sequence[str],
    console: Console,
    *,
    with_rivals: bool,
) -> None:
    """Add to the report what is measured with services of the benchmark's own."""
    if report.comparisons:
        compared = _compare(stack, plan, report.comparisons, console, with_rivals=with_rivals)
        report.api_peak_mib, pools = compared
        report.conditions |= {"connections to PostgreSQL": pools} if pools else {}
    if "subscribers" in parts:
        report.delivered = _deliver(stack, plan, console)
    if "search" in parts:
        report.search = _search(stack, plan, console)


def _planned(plan: Plan, parts: Sequence[str]) -> list[Comparison]:
    planned = []
    if "transfers" in parts:
        planned += [Comparison(TRANSFERS, connections) for connections in plan.connections]
    others = {"hot": HOT, "reads": READS, "page": PAGE, "mixed": MIXED}
    planned += [Comparison(kind, CONNECTIONS) for part, kind in others.items() if part in parts]
    return planned


def _compare(
    stack: Services,
    plan: Plan,
    measured: Sequence[Comparison],
    console: Console,
    *,
    with_rivals: bool,
) -> tuple[float | None, str]:
    """Measure all sides in turn, in rounds, so that other activity of the machine affects all of them.

    Returns the peak memory of the API process in MiB, and the rivals' pools.
    """
    pools = ""
    with ExitStack() as servers:
        with console.status(f"Creating {plan.users:,} users, and warming up the servers …"):
            people = Users.create(stack, plan.users)
            api, taking_part = servers.enter_context(sides.ours(people))
            if with_rivals:
                rivals = servers.enter_context(running.serving(people))
                pools = ", ".join(f"{rival.name} {rival.pool_size}" for rival in rivals)
                taking_part += rivals
            if plan.database_url is not None:
                taking_part.append(servers.enter_context(sides.on_given(people, plan.database_url)))
        for number in range(plan.rounds):
            with console.status(f"Round {number + 1} of {plan.rounds} …"):
                comparisons.measure_round(measured, taking_part, number, plan.seconds, console)
        peak = services.peak_memory_kib(api)
    return peak / 1024 if peak else None, pools


def _deliver(stack: Services, plan: Plan, console: Console) -> Delivered:
    with console.status(f"{plan.subscribers:,} subscribers …"):
        return subscribers.measure(
            stack.with_database("subscribers"),
            subscribers=plan.subscribers,
            events_per_second=EVENTS_PER_SECOND,
            rounds=plan.rounds,
            seconds=plan.delivery_seconds,
            idle_seconds=plan.idle_seconds,
        )


def _search(stack: Services, plan: Plan, console: Console) -> Found:
    database_url = stack.with_database("search").database_url
    with console.status(f"Adding {plan.users_to_search:,} users to search among …"):
        search.populate(database_url, plan.users_to_search)
    with console.status("Searching …"):
        # The event loop of the API process.
        return uvloop.run(search.measure(database_url, plan.users_to_search, plan.rounds))


def _conditions(plan: Plan) -> dict[str, str | int]:
    return {
        "users": plan.users,
        "rounds": plan.rounds,
        "seconds each": plan.seconds,
        "API processes": 1,
        "load before": f"{services.load():.1f}",
        "senders and recipients": "random, each request with its sender's own token",
        "rate limits and access log": "on where it says so",
        "load generator": "on the same machine",
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="wallet bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, to check that it works")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=TABLE,
        metavar="PARTS",
        help=f"one or more of {','.join(PARTS)}; those of the targets if omitted",
    )
    parser.add_argument(
        "--rivals", action="store_true", help="also measure the Node servers of bench/rivals"
    )
    parser.add_argument(
        "--database-url",
        metavar="URL",
        help="also measure the wallet on this migrated database without users, such as a cluster",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    if arguments.rivals and set(arguments.only).isdisjoint(RIVALS_TAKE_PART):
        parser.error(
            f"--rivals are measured in {', '.join(RIVALS_TAKE_PART)} only: omit it, or add one of them"
        )
    chosen = QUICK if arguments.quick else Plan()
    plan, console = replace(chosen, database_url=arguments.database_url), Console()
    try:
        report = run(plan, arguments.only, console, with_rivals=arguments.rivals)
    except (ServiceError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    report.show(console)
    if arguments.quick:
        console.print("\nOne short round of each: it works, and the figures are rough.")
    else:
        console.print(f"Written to {report.keep()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
