"""GraphQL requests over HTTP at one server, by the load generator in a process of its own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.measure import Measurement
from settings import ROOT

#: In the variables of a request, what each one that is sent has of its own.
RECIPIENT, AMOUNT, KEY = "@recipient", "@amount", "@key"
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request: a document with variables, which may have RECIPIENT, AMOUNT and KEY in them."""

    document: str
    variables: Mapping[str, Any]
    #: What is in the body of every answer that counts; any other is a failure.
    accepted: str
    #: How often it is sent, relative to the others of the load.
    share: int = 1


def run(
    url: str,
    tokens: Path,
    requests: Sequence[Request],
    *,
    connections: int,
    seconds: float,
    to_one: bool = False,
    servers: Sequence[int] = (),
) -> Measurement:
    """Answers per second and their times. Raises RuntimeError when one was not accepted.

    `tokens` has a line "<id> <bearer token>" for each person: a request is sent by one at random to
    another, or with `to_one` always to the first. `url` is the GraphQL endpoint; `servers` are the ids
    of the processes behind it, whose processor time is taken.
    """
    address = urlsplit(url)
    task = {
        "host": address.hostname,
        "port": address.port,
        "path": address.path,
        "tokens": str(tokens),
        "requests": [asdict(request) for request in requests],
        "to_one": to_one,
        "connections": connections,
        "seconds": seconds,
        "warm_up_seconds": WARM_UP_SECONDS,
        "run": secrets.token_hex(6),
    }
    began = processor_seconds(servers)
    done = subprocess.run(
        [sys.executable, "-m", "bench.generator"],
        input=json.dumps(task), cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=seconds + 120,
    )  # fmt: skip
    used = processor_seconds(servers) - began
    if done.returncode != 0:
        raise RuntimeError(f"The load generator failed: {done.stderr.strip()[-2000:]}")
    result = json.loads(done.stdout)
    if result["failures"]:
        raise RuntimeError(
            f"{result['failures']} of {result['asked']} requests failed; the first: "
            f"{result['first_failure']}"
        )
    fields = ("operations", "per_second", "failures", "mean_ms", "p50_ms", "p99_ms", "load_cpu_us")
    return Measurement(
        **{name: result[name] for name in fields},
        server_cpu_us=used / result["asked"] * 1e6 if used and result["asked"] else None,
    )


def processor_seconds(processes: Sequence[int]) -> float:
    """The processor time that these have used so far; 0 where nothing tells."""
    ticks = 0
    for process in processes:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
