"""The floor: the same transfer by pgbench, as separate prepared statements."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bench.measure import Measurement

SCRIPT = Path(__file__).with_name("transfer.sql")


def run(
    programs: Path, database_url: str, *, connections: int, seconds: int, people: int
) -> Measurement:
    """Transfers per second and their times, by pgbench over TCP. Raises RuntimeError with its words."""
    address = urlsplit(database_url)
    command = [
        str(programs / "pgbench"),
        *["--no-vacuum", "--protocol=prepared", f"--file={SCRIPT}", f"--define=people={people}"],
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


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"pgbench did not say {pattern!r}:\n{text}")
    return float(found[1])
