"""`sendMoney` over HTTP at one API process, by the load generator beside this file."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from bench.measure import Measurement
from settings import ROOT

WARM_UP_SECONDS = 1.0


def run(app_url: str, tokens: Path, *, connections: int, seconds: int) -> Measurement:
    """Transfers per second and their times. Raises RuntimeError when one was refused."""
    address = urlsplit(app_url)
    task = {
        "host": address.hostname,
        "port": address.port,
        "tokens": str(tokens),
        "connections": connections,
        "seconds": seconds,
        "warm_up_seconds": WARM_UP_SECONDS,
        "seed": secrets.randbits(48),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(task), cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=seconds + 120,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"The load generator failed: {done.stderr.strip()[-2000:]}")
    result = json.loads(done.stdout)
    if result["failures"]:
        raise RuntimeError(
            f"{result['failures']} of {result['asked']} transfers failed; the first: "
            f"{result['first_failure']}"
        )
    fields = ("operations", "per_second", "failures", "mean_ms", "p50_ms", "p99_ms")
    return Measurement(**{name: result[name] for name in fields})
