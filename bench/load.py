"""GraphQL requests over HTTP to one server, sent by the load generator in a process of its own."""

from __future__ import annotations

import functools
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

from bench.measure import WARM_UP_SECONDS, Measurement
from settings import ROOT

#: Placeholders in variables, replaced in each request.
RECIPIENT, AMOUNT, KEY = "@recipient", "@amount", "@key"
#: Before measurements: V8 compiles hot functions, caches fill.
_FIRST_SECONDS = 3
_FIRST_CONNECTIONS = 32
_EACH_ONCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Request:
    """A kind of request: a document with variables, which may contain RECIPIENT, AMOUNT and KEY."""

    document: str
    variables: Mapping[str, Any]
    #: Part of the body of every successful answer; any other answer is a failure.
    accepted: str
    #: How often it is sent, relative to the other requests of the load.
    share: int = 1
    #: Whether each successful answer means a transfer.
    moves: bool = False


def run(
    url: str,
    tokens: Path,
    requests: Sequence[Request],
    *,
    connections: int,
    seconds: float,
    to_one: bool = False,
    senders: int | None = None,
    each_once: bool = False,
    servers: Sequence[int] = (),
) -> Measurement:
    """Answers per second and latencies. Raises RuntimeError if any request failed.

    `tokens` has a line "<id> <bearer token>" for each user. A request is sent by a random user to another
    one, or with `to_one` always to the first, and with `senders` among the first so many users; with
    `each_once` by each user once, after which the load ends even if time is left. `url` is the GraphQL endpoint; `servers` are the ids of the processes behind it,
    whose processor time is measured.
    """
    address = urlsplit(url)
    task = {
        "host": address.hostname,
        "port": address.port,
        "path": address.path,
        "tokens": str(tokens),
        "requests": [asdict(request) for request in requests],
        "to_one": to_one,
        "senders": senders,
        "each_once": each_once,
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
    fields = ("operations", "per_second", "mean_ms", "p50_ms", "p99_ms", "load_cpu_us", "moved")
    return Measurement(
        **{name: result[name] for name in fields},
        server_cpu_us=used / result["asked"] * 1e6 if used and result["asked"] else None,
    )


def warm_up(url: str, tokens: Path, *, read: Request, send: Request) -> int:
    """Read once with the token of each user, so that each is verified once, then send money for some
    seconds; returns the number of transfers.
    """
    load = functools.partial(run, url, tokens, connections=_FIRST_CONNECTIONS)
    load([read], seconds=_EACH_ONCE_SECONDS, each_once=True)
    return load([send], seconds=_FIRST_SECONDS).moved


def processor_seconds(processes: Sequence[int]) -> float:
    """The processor time used so far by these processes; 0 if it is unknown."""
    ticks = 0
    for process in processes:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
