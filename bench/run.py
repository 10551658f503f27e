"""The benchmark: `python -m bench.run [--quick]`, which is what `./wallet bench` runs.

It starts services of its own and one API process, measures pgbench and `sendMoney` in turn on the
same database, then searching, and proves the books afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from app import operations
from app.dev_services.processes import ServiceError
from bench import bare, people, search, services, wallet
from bench.measure import Measurement
from bench.report import Comparison, Report
from bench.services import Services


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    people: int = 10_000
    people_to_search: int = 1_000_000
    rounds: int = 3
    seconds: int = 10
    connections: Sequence[int] = (1, 8, 32)


QUICK = Plan(people=2_000, people_to_search=100_000, rounds=1, seconds=4, connections=(1, 32))
#: A load from which on others take a share that matters.
BUSY = 0.7


def run(plan: Plan, console: Console) -> int:
    """Measure and say what came out; the exit status is 1 if the books do not balance."""
    conditions = _conditions(plan)
    with console.status("Starting PostgreSQL and Valkey …"), services.running() as stack:
        console.print(f"{services.processor()}; PostgreSQL with fsync and synchronous commit on.")
        if services.load() > BUSY:
            console.print(
                f"The machine is busy with other things (load {services.load():.1f}): one API process "
                "gets less of it than many backends, and the ratio comes out too low."
            )
        with console.status(f"Settling in {plan.people:,} people …"):
            tokens = _settle_in(stack, plan.people)
        with services.api(stack) as api:
            transfers = _transfers(stack, plan, tokens, console)
            peak = services.memory_mib(api)
        status = operations.audit(stack.settings)
        with console.status(f"Adding {plan.people_to_search:,} people to search among …"):
            search.populate(stack.database_url, plan.people_to_search)
        with console.status("Searching …"):
            found = asyncio.run(search.measure(stack.database_url, plan.people_to_search))
    report = Report(services.processor(), conditions, transfers, peak, found)
    report.show(console)
    if plan is not QUICK:
        console.print(f"Kept in {report.keep()}.")
    return status


def _settle_in(stack: Services, count: int) -> Path:
    people.settle_in(stack.database_url, count)
    issued = people.tokens(count, issuer=stack.issuer, secret=stack.secret)
    tokens = stack.folder / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text("".join(f"{user_id} {token}\n" for user_id, token in issued))
    return tokens


def _transfers(stack: Services, plan: Plan, tokens: Path, console: Console) -> list[Comparison]:
    """Both sides in turn, round by round, so that what else the machine does meets both."""
    floor: dict[int, list[Measurement]] = {count: [] for count in plan.connections}
    ours: dict[int, list[Measurement]] = {count: [] for count in plan.connections}
    wallet.run(stack.issuer, tokens, connections=8, seconds=2)
    for number in range(1, plan.rounds + 1):
        for count in plan.connections:
            with console.status(f"Round {number} of {plan.rounds}: {count} connections …"):
                floor[count].append(
                    bare.run(
                        stack.server.programs, stack.database_url,
                        connections=count, seconds=plan.seconds, people=plan.people,
                    )
                )  # fmt: skip
                ours[count].append(
                    wallet.run(stack.issuer, tokens, connections=count, seconds=plan.seconds)
                )
            console.print(
                f"Round {number}, {count} connections: pgbench {floor[count][-1].per_second:,.0f}/s, "
                f"sendMoney {ours[count][-1].per_second:,.0f}/s"
            )
    return [Comparison(count, floor[count], ours[count]) for count in plan.connections]


def _conditions(plan: Plan) -> dict[str, str | int]:
    return {
        "people": plan.people,
        "rounds": plan.rounds,
        "seconds each": plan.seconds,
        "API processes": 1,
        "load before": f"{services.load():.1f}",
        "senders and recipients": "random, each request with its sender's own token",
        "load generator": "on the same machine",
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="wallet bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    arguments = parser.parse_args()
    try:
        return run(QUICK if arguments.quick else Plan(), Console())
    except (ServiceError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
