"""Processor time of the API per request, of two checkouts: `python -m bench.processor_time --against REF`.

Each checkout has a database of its own on the same server, and one API process, which runs on the
checkout's `.venv` if there is one. Rounds alternate between the two, so that whatever else the machine
does affects both.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from bench import load, services, users, wallet
from bench.load import Request
from bench.services import Services
from dev import postgres, processes
from settings import ROOT

LOADS: Mapping[tuple[str, int], Request] = {
    ("sendMoney", 32): wallet.SEND,
    ("sendMoney", 1): wallet.SEND,
    ("viewer", 32): wallet.READ,
}
USERS = 2_000
_ADD_USERS = """
import sys
try:
    from bench.users import create
except ImportError:  # As it was called before.
    from bench.people import settle_in as create
create(sys.argv[1], int(sys.argv[2]), audit_key=sys.argv[3].encode())
"""


@dataclass(frozen=True)
class Side:
    """A running API process of one checkout."""

    process: processes.Child
    url: str
    tokens: Path

    def measure(self, request: Request, connections: int, seconds: float) -> float:
        """Microseconds of processor time per request. Raises RuntimeError when one failed."""
        measured = load.run(
            self.url, self.tokens, [request],
            connections=connections, seconds=seconds, servers=[self.process.pid],
        )  # fmt: skip
        if measured.server_cpu_us is None:
            raise RuntimeError("The processor time of processes is read from /proc, as on Linux.")
        return measured.server_cpu_us


def compare(
    against: str, *, rounds: int, seconds: float, console: Console
) -> dict[tuple[str, int], list[tuple[float, float]]]:
    """For each load, the figures of this checkout and of the other, round by round."""
    figures: dict[tuple[str, int], list[tuple[float, float]]] = {key: [] for key in LOADS}
    with services.running() as stack, ExitStack() as closing:
        other = _checkout(against, stack.folder / "other")
        sides = [
            closing.enter_context(_running(stack, name, folder))
            for name, folder in (("this", ROOT), ("other", other))
        ]
        for side in sides:
            load.warm_up(side.url, side.tokens, read=wallet.READ, send=wallet.SEND)
        for number in range(rounds):
            for (name, connections), request in LOADS.items():
                turn = sides if number % 2 == 0 else sides[::-1]
                taken = [side.measure(request, connections, seconds) for side in turn]
                this, that = taken if number % 2 == 0 else taken[::-1]
                figures[name, connections].append((this, that))
                console.print(f"{name}, {connections}: {this:.0f} µs, {that:.0f} µs")
    return figures


def _checkout(against: str, folder: Path) -> Path:
    """The folder of another checkout, or a copy of a commit of this one's in `folder`."""
    if (path := Path(against)).is_dir():
        return path.resolve()
    packed = folder.with_suffix(".tar")
    command = ["git", "archive", "--output", str(packed), against]
    subprocess.run(command, cwd=ROOT, check=True)
    shutil.unpack_archive(packed, folder)
    return folder


@contextmanager
def _running(stack: Services, name: str, checkout: Path) -> Iterator[Side]:
    """One API process of the checkout, on a database that the checkout migrated."""
    with psycopg.connect(stack.server.url_of(postgres.OWNER, "postgres"), autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    address = f"http://127.0.0.1:{processes.free_port()}"
    url = stack.server.url_of(postgres.OWNER, name)
    environment = {**stack.environment, "APP_URL": address, "DATABASE_URL": url}
    own = replace(stack, environment=environment, settings=services.settings_of(environment))
    variables = {**processes.minimal_environment(), **environment, "PYTHONPATH": str(checkout)}
    own_python = checkout / ".venv" / "bin" / "python"
    python = [str(own_python if own_python.exists() else sys.executable), "-P"]
    for arguments in (
        ["-m", "app.cli", "migrate"],
        ["-c", _ADD_USERS, url, str(USERS), own.settings.sealing_key.decode()],
    ):
        subprocess.run(
            [*python, *arguments], cwd=checkout, env=variables, check=True, stdout=sys.stderr
        )
    port = int(address.rpartition(":")[2])
    child = processes.spawn(
        "The API",
        [*python, "-m", "app.cli", "serve", "--port", str(port)],
        log=stack.folder / f"{name}.log",
        env=variables,
        cwd=checkout,
    )
    try:
        processes.wait_until(
            lambda: processes.accepts_connections("127.0.0.1", port), child, 60, "The API"
        )
        tokens = users.write_tokens(
            stack.folder / f"{name}.tokens", USERS, issuer=own.issuer, secret=own.secret
        )
        yield Side(child, f"{address}/graphql", tokens)
    finally:
        child.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the processor time of two checkouts.")
    parser.add_argument("--against", required=True, help="a commit of this repository, or a folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    given = parser.parse_args()
    console = Console(stderr=True)
    figures = compare(given.against, rounds=given.rounds, seconds=given.seconds, console=console)
    table = Table("load", "this, µs", f"{given.against}, µs", "ratio", "lowest", "highest")
    for (name, connections), pairs in figures.items():
        ratios = sorted(this / that for this, that in pairs)
        table.add_row(
            f"{name}, {connections} connections",
            f"{statistics.median(this for this, _ in pairs):.0f}",
            f"{statistics.median(that for _, that in pairs):.0f}",
            f"{statistics.median(ratios):.3f}",
            f"{ratios[0]:.3f}",
            f"{ratios[-1]:.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
