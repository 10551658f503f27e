"""The memory of many idle subscribers in one API process, and how soon one receives its event."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.commands import audit
from bench import listeners, services, users
from bench.measure import Spread
from bench.services import Services
from dev import processes
from settings import ROOT

SENDERS = 500
#: File descriptors for other files and connections.
_OTHER_FILES = 500
_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from the answer to the transfer, or its request, until the event, in one round."""

    p50_ms: float
    p99_ms: float
    after_request_p99_ms: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """The memory of subscribers, and the rounds of events to them."""

    subscribers: int
    kib_each: float | None
    #: In each round.
    events: int
    events_per_second: float
    rounds: Sequence[Times]
    #: The same if another process committed, and the events came through the relay and Redis.
    relayed: Sequence[Times]

    def spread(self, name: str, *, relayed: bool = False) -> Spread:
        """That time over the rounds."""
        rounds = self.relayed if relayed else self.rounds
        return Spread.of([getattr(each, name) for each in rounds])

    @property
    def sentences(self) -> list[str]:
        own, relayed = (
            [self.spread(name, relayed=way).median for name in ("p50_ms", "p99_ms")]
            for way in (False, True)
        )
        memory = "" if self.kib_each is None else f", {self.kib_each:.1f} KiB each"
        return [
            f"{self.subscribers:,} idle subscribers of one process{memory}; at "
            f"{self.events_per_second:g} events a second a subscriber receives its event "
            f"{own[0]:.1f} ms (p99 {own[1]:.1f} ms) after the answer to it.",
            "Through the relay and Redis, if another process committed: "
            f"{relayed[0]:.1f} ms (p99 {relayed[1]:.1f} ms).",
        ]


def measure(
    stack: Services,
    *,
    subscribers: int,
    events_per_second: float,
    rounds: int,
    seconds: float,
    idle_seconds: float,
) -> Delivered:
    """Open the sockets, let them idle, then send money to one after the other for so many seconds in each
    round: through the process that they are connected to, then through another one.

    Raises RuntimeError unless every event arrives once, in sequence and at the right subscriber.
    """
    listeners.raise_file_limit(subscribers + _OTHER_FILES)
    count = subscribers + SENDERS
    users.create(stack.database_url, count, audit_key=stack.settings.sealing_key)
    tokens = stack.folder / "tokens-of-subscribers"
    users.write_tokens(tokens, count, issuer=stack.issuer, secret=stack.secret)
    address = urlsplit(stack.issuer)
    task = {
        "host": address.hostname,
        "port": address.port,
        "tokens": str(tokens),
        "listeners": subscribers,
        "per_second": events_per_second,
        "seconds": seconds,
    }
    other = stack.beside()
    with services.relay(stack), services.api(stack) as api, services.api(other):
        _subscriptions(stack)
        before = services.memory_kib(api)
        child = subprocess.Popen(
            [sys.executable, "-m", "bench.listeners"],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            _tell(child, task)
            _hear(child)
            processes.wait_until(
                lambda: _subscriptions(stack) == subscribers, api, _TIMEOUT_SECONDS, "The API"
            )
            time.sleep(idle_seconds)
            after = services.memory_kib(api)
            own: list[Times] = []
            relayed: list[Times] = []
            for _ in range(rounds):
                own.append(_round(child, address.port))
                relayed.append(_round(child, other.port))
        finally:
            child.kill()
            child.communicate()
    if audit.audit(stack.settings) != 0:
        raise RuntimeError("The wallet's ledgers are inconsistent.")
    return Delivered(
        subscribers=subscribers,
        kib_each=(after - before) / subscribers if before and after else None,
        events=int(events_per_second * seconds),
        events_per_second=events_per_second,
        rounds=own,
        relayed=relayed,
    )


def _round(child: subprocess.Popen[str], port: int | None) -> Times:
    """Events from transfers through the process at that port."""
    _tell(child, {"port": port})
    heard = _hear(child)
    [p50_ms, p99_ms], [_, after_request_p99_ms] = heard["after_answer"], heard["after_request"]
    return Times(p50_ms, p99_ms, after_request_p99_ms)


def _tell(child: subprocess.Popen[str], task: Mapping[str, object]) -> None:
    assert child.stdin is not None
    child.stdin.write(json.dumps(task) + "\n")
    child.stdin.flush()


def _hear(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise RuntimeError("The process with the subscribers has failed.")
    heard: dict[str, Any] = json.loads(line)
    if heard["failed"]:
        raise RuntimeError(heard["failed"])
    return heard


def _subscriptions(stack: Services) -> int:
    with urllib.request.urlopen(f"{stack.issuer}/metrics", timeout=30) as answer:
        found = re.search(r"^wallet_subscriptions (\S+)", answer.read().decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0
