"""`./wallet torture`: moves money while everything breaks, and checks that every promise was kept."""

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
Starts the whole wallet on services of its own, two processes of each kind, and lets users
move money over a line that cuts, delays and swallows, while processes, PostgreSQL, Valkey,
the Channels server and the mail server are killed and come back. Then it checks that every
promise of the wallet was kept.
"""
_HOW_IT_ENDS = """\
Exit status 0: every promise was kept. 1: one was broken, and it says which, to whom and where.
2: it could not be tried, or too little was seen for that to prove anything. The seed decides what is broken, when, and what users ask for;
how the processes take turns is the machine's.
"""


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    plan: Plan
    choices: Choices
    keep: Path | None


def main(arguments: list[str] | None = None) -> int:
    """Run it; exit status 0, 1 where a promise was broken, 2 where it could not be tried."""
    options = _options(arguments)
    console = Console(stderr=False)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="mini-wallet-torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    # PostgreSQL, which is not root, passes through.
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
        console.print("Stopped: nothing was checked to the end.")
        return TROUBLE
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    report.show(console, session.record, result)
    if result.violations:
        console.print(f"To repeat it: {repeat}", markup=False, highlight=False, soft_wrap=True)
        return BROKEN
    if lacking := evidence.lacking(session.record):
        console.print(f"It proves too little: {' '.join(lacking)}", markup=False, soft_wrap=True)
        return TROUBLE
    return 0


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="./wallet torture", description=_WHAT, epilog=_HOW_IT_ENDS, formatter_class=_Plain
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="how long things break (1)")
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument(
        "--pgbouncer", action="store_true", help="PgBouncer before PostgreSQL, in transaction mode"
    )
    parser.add_argument("--users", type=int, default=40, help="how many users there are (40)")
    parser.add_argument("--movers", type=int, default=16, help="how many move money at once (16)")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep data and logs here, an empty folder"
    )
    given = parser.parse_args(arguments)
    if given.users < 3:
        parser.error("it takes three users or more")
    seconds = given.seconds if given.seconds is not None else given.minutes * 60
    return Options(
        plan=Plan(
            seed=secrets.randbelow(1_000_000) if given.seed is None else given.seed,
            seconds=seconds,
            users=given.users,
            movers=given.movers,
        ),
        choices=Choices(pgbouncer=given.pgbouncer),
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
    return " ".join(words)


if __name__ == "__main__":
    # A run that is told to stop ends what it started.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    sys.exit(main())
