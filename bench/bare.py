"""The floor: the same transfer by pgbench, as separate prepared statements or as one call."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from bench.measure import Measurement

FOLDER = Path(__file__).parent
STATEMENTS = {"transfer.sql": 1}
CALL = {"transfer_call.sql": 1}
READ = {"read.sql": 1}
#: Of five, four read.
MIXED = {"transfer.sql": 1, "read.sql": 4}


def prepare(database_url: str) -> None:
    """Make what the scripts call."""
    with psycopg.connect(database_url) as connection:
        connection.execute((FOLDER / "bare.sql").read_bytes())


def run(
    programs: Path,
    database_url: str,
    *,
    connections: int,
    seconds: int,
    people: int,
    scripts: Mapping[str, int] = STATEMENTS,
    to_one: bool = False,
) -> Measurement:
    """Transactions per second and their times, by pgbench over TCP. Raises RuntimeError with its words.

    `scripts` has the share of each, `to_one` pays one person alone.
    """
    address = urlsplit(database_url)
    command = [
        str(programs / "pgbench"),
        *["--no-vacuum", "--protocol=prepared", f"--define=people={people}"],
        *[f"--define=to_one={int(to_one)}"],
        *(f"--file={FOLDER / name}@{share}" for name, share in scripts.items()),
        *[f"--client={connections}", f"--jobs={min(connections, os.cpu_count() or 1)}"],
        *[f"--time={seconds}", "--report-per-command", "--failures-detailed"],
        *[f"--host={address.hostname}", f"--port={address.port}", f"--username={address.username}"],
        address.path.removeprefix("/"),
    ]
    environment = {**os.environ, "PGPASSWORD": unquote(address.password or "")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=seconds + 60
    )
    if done.returncode != 0:
        raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-1000:]}")
    return Measurement(
        operations=int(_number(r"actually processed: (\d+)", done.stdout)),
        per_second=_number(r"tps = ([\d.]+)", done.stdout),
        failures=int(_number(r"failed transactions: (\d+)", done.stdout)),
        mean_ms=_number(r"latency average = ([\d.]+) ms", done.stdout),
    )


_BOOKS = """
WITH books AS (
    SELECT user_id, max(sequence) AS sequence, sum(fee) AS fees,
        sum(amount) FILTER (WHERE kind = 'top_up') AS added,
        sum(CASE direction WHEN 'incoming' THEN amount ELSE -amount - fee END) AS balance
    FROM transactions GROUP BY user_id
)
SELECT sum(users.balance) + sum(fees) - sum(added),
    count(*) FILTER (WHERE (users.balance, users.sequence) <> (books.balance, books.sequence))
FROM users JOIN books ON books.user_id = users.id
"""


def check_books(database_url: str) -> None:
    """Raises RuntimeError unless the money of all adds up, and that of each agrees with the book."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(_BOOKS).fetchone()
    if found != (0, 0):
        raise RuntimeError(
            f"The books of {urlsplit(database_url).path[1:]} do not balance: {found}."
        )


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"pgbench did not say {pattern!r}:\n{text}")
    return float(found[1])
