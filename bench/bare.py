"""The baseline: the same transfer by pgbench, as prepared statements or as one call; and a check of ledgers."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from bench.measure import WARM_UP_SECONDS, Measurement
from dev import processes

FOLDER = Path(__file__).parent
TRANSFER, READ = "transfer.sql", "read.sql"


def prepare(database_url: str) -> None:
    """Create the functions that the scripts and the rivals call."""
    with psycopg.connect(database_url) as connection:
        for name in ("functions.sql", "sealed.sql"):
            connection.execute((FOLDER / name).read_bytes())


def run(
    programs: Path,
    database_url: str,
    *,
    connections: int,
    seconds: int,
    users: int,
    scripts: Mapping[str, int],
    by_call: bool = False,
    to_one: bool = False,
) -> Measurement:
    """Transactions per second and latencies of pgbench over TCP. Raises RuntimeError with its output.

    `scripts` gives the share of each script; `by_call` transfers by one call instead of by statements, and
    `to_one` pays a single user. The first second is a warm-up and is not counted, as for servers.
    """
    address = urlsplit(database_url)
    # pgbench's threads count the transactions of a script without a lock: its totals are exact, and
    # those of one script among several are so only with one thread.
    threads = 1 if len(scripts) > 1 else min(connections, os.cpu_count() or 1)
    command = [
        str(programs / "pgbench"),
        *["--no-vacuum", "--protocol=prepared", f"--define=users={users}"],
        *[f"--define=to_one={int(to_one)}", f"--define=by_call={int(by_call)}"],
        *(f"--file={FOLDER / name}@{share}" for name, share in scripts.items()),
        *[f"--client={connections}", f"--jobs={threads}"],
        *[f"--time={seconds + WARM_UP_SECONDS}", f"--progress={WARM_UP_SECONDS}"],
        "--failures-detailed",
        *[f"--host={address.hostname}", f"--port={address.port}", f"--username={address.username}"],
        address.path.removeprefix("/"),
    ]
    environment = {**processes.minimal_environment(), "PGPASSWORD": unquote(address.password or "")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=seconds + 60
    )
    if not done.returncode and re.search(r"actually processed: 0\b", done.stdout):
        raise RuntimeError(f"pgbench made no transaction in {seconds} s: the machine is too busy.")
    failures = _number(r"failed transactions: (\d+)", done.stdout) if not done.returncode else 1
    if failures:
        raise RuntimeError(f"pgbench failed: {(done.stderr + done.stdout).strip()[-1000:]}")
    return measured(done.stdout, done.stderr, scripts, seconds)


def measured(
    summary: str, progress: str, scripts: Mapping[str, int], seconds: float
) -> Measurement:
    """Parse pgbench's summary and progress of so many seconds and the warm-up before them."""
    in_all = _number(r"actually processed: (\d+)", summary)
    lasted = in_all / _number(r"tps = ([\d.]+)", summary)
    first = re.search(r"progress: ([\d.]+) s, ([\d.]+) tps", progress)
    left_out, rate = map(float, first.groups()) if first else (0.0, 0.0)
    if lasted - left_out < seconds / 2:
        # The machine stalled, and pgbench reported its first second much later.
        left_out = rate = 0.0
    counted = in_all - left_out * rate
    return Measurement(
        operations=round(counted),
        per_second=counted / (lasted - left_out),
        mean_ms=_number(r"latency average = ([\d.]+) ms", summary),
        moved=_moved(summary, scripts, int(in_all)),
    )


def _moved(said: str, scripts: Mapping[str, int], done_in_all: int) -> int:
    """The number of transfers among the transactions."""
    if TRANSFER not in scripts:
        return 0
    if len(scripts) == 1:
        return done_in_all
    # With several scripts pgbench reports each separately.
    return int(_number(rf"{re.escape(TRANSFER)}\n(?: - weight.*\n)? - (\d+) transactions", said))


_LEDGERS = """
WITH ledgers AS (
    SELECT user_id, sum(fee) AS fees,
        CASE max(sequence) WHEN count(*) THEN count(*) END AS entries,
        sum(amount) FILTER (WHERE counterparty_id IS NULL) AS added,
        count(*) FILTER (WHERE direction = 'outgoing') AS sent,
        sum(CASE direction WHEN 'incoming' THEN amount ELSE -amount - fee END) AS balance
    FROM transactions GROUP BY user_id
)
SELECT sum(users.balance) + sum(fees) - sum(added),
    count(*) FILTER (WHERE (users.balance, users.sequence) IS DISTINCT FROM (ledgers.balance, ledgers.entries)),
    sum(sent)
FROM users LEFT JOIN ledgers ON ledgers.user_id = users.id
"""


def check_ledgers(database_url: str, moved: int, *, uncounted: int = 0) -> None:
    """Raises RuntimeError unless the totals are consistent, each balance agrees with its ledger, and the
    ledgers contain as many transfers as were answered, and at most `uncounted` more.
    """
    with psycopg.connect(database_url) as connection:
        found = connection.execute(_LEDGERS).fetchone()
    if found is None or found[:2] != (0, 0) or not moved <= found[2] <= moved + uncounted:
        raise RuntimeError(
            f"The ledgers of {urlsplit(database_url).path[1:]} do not balance, or lack one of "
            f"{moved:,} transfers: {found}."
        )


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"pgbench did not report {pattern!r}:\n{text}")
    return float(found[1])
