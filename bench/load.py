"""GraphQL requests over HTTP at one server, by the load generator in a process of its own."""

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

#: In the variables of a request, what each one that is sent has of its own.
RECIPIENT, AMOUNT, KEY = "@recipient", "@amount", "@key"
#: Before anything is measured: V8 compiles what is called often, caches fill.
_FIRST_SECONDS = 3
_FIRST_CONNECTIONS = 32
_EACH_ONCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request: a document with variables, which may have RECIPIENT, AMOUNT and KEY in them."""

    document: str
    variables: Mapping[str, Any]
    #: What is in the body of every answer that counts; any other is a failure.
    accepted: str
    #: How often it is sent, relative to the others of the load.
    share: int = 1
    #: Whether each accepted answer says that money moved.
    moves: bool = False


def run(
    url: str,
    tokens: Path,
    requests: Sequence[Request],
    *,
    connections: int,
    seconds: float,
    to_one: bool = False,
    each_once: bool = False,
    servers: Sequence[int] = (),
) -> Measurement:
    """Answers per second and their times. Raises RuntimeError when one was not accepted.

    `tokens` has a line "<id> <bearer token>" for each person: a request is sent by one at random to
    another, or with `to_one` always to the first; with `each_once` by each in turn, and then it ends,
    though the time be not over. `url` is the GraphQL endpoint; `servers` are the ids
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
    """Read once by the token of each person, so that each was verified once, then send money for some
    seconds; how many times it moved.
    """
    load = functools.partial(run, url, tokens, connections=_FIRST_CONNECTIONS)
    load([read], seconds=_EACH_ONCE_SECONDS, each_once=True)
    return load([send], seconds=_FIRST_SECONDS).moved


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
