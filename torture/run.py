"""`./wallet torture`: moves money while faults are injected, and checks that every promise is kept."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from dev.processes import ServiceError
from torture import evidence, report
from torture.session import Plan, Session
from torture.stack import Choices, Stack

BROKEN, TROUBLE = 1, 2


_Plain = argparse.RawDescriptionHelpFormatter
_WHAT = """\
Starts the whole wallet on services of its own, with two processes of each kind. Simulated
clients move money over connections that are cut, delayed and truncated, while processes,
PostgreSQL, Valkey, the Channels server, the mail server, the payment provider and receivers of
webhooks are killed and restarted. Then it checks that every promise of the wallet was kept."""
_HOW_IT_ENDS = """\
Exit status 0: every promise was kept. 1: a promise was broken; the output says which one and
where. 2: the run failed, or observed too little to prove anything. The seed determines the
faults, their times and the requests; scheduling depends on the machine."""


@dataclass(frozen=True)
class Options:
    """The command-line options."""

    plan: Plan
    choices: Choices
    keep: Path | None


def main(arguments: list[str] | None = None) -> int:
    """Run it; exit status 0, 1 if a promise was broken, 2 if the run failed or proves too little."""
    options = _options(arguments)
    console = Console(stderr=False)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="mini-wallet-torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    # PostgreSQL, which does not run as root, needs to traverse it.
    folder.chmod(0o711)
    repeat = _repeat(options)
    console.print(
        f"Seed {options.plan.seed}; to repeat it: {repeat}", highlight=False, soft_wrap=True
    )
    try:
        with report.Progress(console, options.plan.seconds) as progress:
            session = Session(Stack(folder, options.choices), options.plan, progress.tell)
            progress.follow(session.record)
            result = asyncio.run(session.run())
    except ServiceError as error:
        console.print(str(error), markup=False, highlight=False)
        return TROUBLE
    except KeyboardInterrupt:
        console.print("Interrupted: nothing was checked to the end.")
        return TROUBLE
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    report.show(console, session.record, result)
    if result.violations:
        console.print(f"To repeat it: {repeat}", markup=False, highlight=False, soft_wrap=True)
        return BROKEN
    if lacking := evidence.lacking(session.record):
        console.print(f"It observed too little: {' '.join(lacking)}", markup=False, soft_wrap=True)
        return TROUBLE
    return 0


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="./wallet torture", description=_WHAT, epilog=_HOW_IT_ENDS, formatter_class=_Plain
    )
    parser.add_argument(
        "--minutes", type=float, default=1.0, help="how long faults are injected (1)"
    )
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help="repeat the choices of an earlier run")
    database = parser.add_mutually_exclusive_group()
    database.add_argument(
        "--database-url",
        metavar="URL",
        help="a migrated database without users on a PostgreSQL or a Citus cluster that runs already; "
        "break it yourself meanwhile",
    )
    database.add_argument(
        "--pgbouncer",
        action="store_true",
        help="put PgBouncer in transaction mode in front of PostgreSQL",
    )
    database.add_argument(
        "--standby",
        action="store_true",
        help="give PostgreSQL a synchronous standby, which takes over now and then, hangs, or is away",
    )
    parser.add_argument("--users", type=int, default=40, help="number of users (40)")
    parser.add_argument(
        "--movers", type=int, default=16, help="number of clients that move money at once (16)"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep data and logs in this empty folder"
    )
    given = parser.parse_args(arguments)
    if given.users < 3:
        parser.error("at least three users are needed")
    seconds = given.seconds if given.seconds is not None else given.minutes * 60
    return Options(
        plan=Plan(
            seed=secrets.randbelow(1_000_000) if given.seed is None else given.seed,
            seconds=seconds,
            users=given.users,
            movers=given.movers,
        ),
        choices=Choices(
            pgbouncer=given.pgbouncer, standby=given.standby, database_url=given.database_url
        ),
        keep=given.keep.absolute() if given.keep is not None else None,
    )


def _repeat(options: Options) -> str:
    plan, choices = options.plan, options.choices
    words = [
        f"./wallet torture --minutes {plan.seconds / 60:g} --seed {plan.seed}",
        f"--users {plan.users} --movers {plan.movers}",
    ]
    if choices.pgbouncer:
        words.append("--pgbouncer")
    if choices.standby:
        words.append("--standby")
    if choices.database_url:
        words.append("--database-url …")
    return " ".join(words)


if __name__ == "__main__":
    # On SIGTERM, too, a run ends the processes it started.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    sys.exit(main())
