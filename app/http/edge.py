"""Limits of the network edge: connections in total and per client, and their deadlines."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from graphql_server import facts
from resolvers import guards
from settings import Settings

#: Per client address (IPv6: per /64), times RATE_LIMIT_FACTOR.
CONNECTIONS_PER_CLIENT = 512
STREAMS_PER_CLIENT = 256
#: WebSockets and streams per account, times RATE_LIMIT_FACTOR.
STREAMS_PER_ACCOUNT = 100
#: Pings and other messages or frames of one WebSocket that start no operation, per minute, times
#: RATE_LIMIT_FACTOR.
SOCKET_MESSAGES = 600
#: Per process, to bound its memory.
MAXIMUM_STREAMS = 20_000
#: The statuses of requests that the application does not see.
REFUSALS = (400, 405, 408, 414, 429, 431, 501, 503)
#: File descriptors that connections leave to the database, Redis, logs and files.
RESERVED_FILES = 256
#: The most that is requested of the system: descriptors cost memory.
_MOST_FILES = 65_536
_SWEEP_SECONDS = 1.0


class Slow(Protocol):
    """A connection with a deadline."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it runs in."""

    def expire(self) -> None:
        """The deadline has passed."""


class Quota:
    """Counts of one resource, per client address or account and in total; `None` is no limit."""

    def __init__(
        self, per_client: int | None, in_all: int, key_of: Callable[[str], str] = str
    ) -> None:
        """Keys with the same `key_of` share one quota."""
        self._key_of = key_of
        self.per_client = per_client
        self._in_all = in_all
        self._taken = 0
        self._by_client: dict[str, int] = {}

    @property
    def taken(self) -> int:
        return self._taken

    @property
    def is_full(self) -> bool:
        return self._taken >= self._in_all

    def take(self, client: str | None) -> bool:
        """Count one more, if the client may have it; `None` is a client without a limit of its own."""
        if client is not None:
            client = self._key_of(client)
            has = self._by_client.get(client, 0)
            if self.per_client is not None and has >= self.per_client:
                return False
            self._by_client[client] = has + 1
        self._taken += 1
        return True

    def give_back(self, client: str | None) -> None:
        """Release one that was taken."""
        self._taken -= 1
        if client is None:
            return
        client = self._key_of(client)
        left = self._by_client[client] - 1
        if left:
            self._by_client[client] = left
        else:
            del self._by_client[client]


class Edge:
    """The connections of one process: counted, and closed when they exceed their deadline."""

    def __init__(self, settings: Settings, files: int | None = None) -> None:
        self._proxies = settings.proxy_networks
        # Reserve a twentieth for ordinary requests, however many streams are open.
        capacity = max(1, (files or open_file_limit()) - RESERVED_FILES)
        factor = settings.rate_limit_factor
        self.connections = Quota(_scaled(CONNECTIONS_PER_CLIENT, factor), capacity)
        #: WebSockets and streams, which hold a connection for any length of time.
        self.streams = Quota(
            _scaled(STREAMS_PER_CLIENT, factor),
            min(MAXIMUM_STREAMS, max(1, capacity * 19 // 20)),
            guards.network,
        )
        #: The same by account, if signed in.
        self.account_streams = Quota(_scaled(STREAMS_PER_ACCOUNT, factor), MAXIMUM_STREAMS)
        self.socket_messages = _scaled(SOCKET_MESSAGES, factor)
        self._refused: Counter[int] = Counter()
        self._deadlines: dict[Slow, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def client_of(self, peer: str | None) -> str | None:
        """The client by the address of the peer; None for an address that many clients share."""
        if peer is None or facts.is_proxy(peer, self._proxies):
            return None
        return guards.network(facts.client_ip(peer, (), ()))

    def refused(self, status: int) -> None:
        """A connection was refused with that status before the application saw a request."""
        self._refused[status] += 1

    def collect(self) -> Iterator[Metric]:
        """The metrics for Prometheus."""
        yield GaugeMetricFamily(
            "wallet_connections", "Connections open in this process.", self.connections.taken
        )
        refused = CounterMetricFamily(
            "wallet_refused_connections",
            "Connections on which the server refused what came before it was a request, by status.",
            labels=["status"],
        )
        for status in REFUSALS:
            refused.add_metric([str(status)], self._refused[status])
        yield refused

    def wait(self, connection: Slow, seconds: float) -> None:
        """Let the connection expire after that time, to within a second, unless `stop_waiting` is called."""
        self._deadlines[connection] = connection.loop.time() + seconds
        if self._timer is None:
            self._timer = connection.loop.call_later(_SWEEP_SECONDS, self._sweep)

    def stop_waiting(self, connection: Slow) -> None:
        self._deadlines.pop(connection, None)

    def _sweep(self) -> None:
        """One timer for all connections, because a timer for each would slow down every request."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [each for each, deadline in self._deadlines.items() if deadline <= now]
        for connection in late:
            self._deadlines.pop(connection, None)
            connection.expire()
        self._timer = loop.call_later(_SWEEP_SECONDS, self._sweep) if self._deadlines else None


def raise_open_file_limit() -> None:
    """Raise the limit on open files of this process as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def open_file_limit() -> int:
    """How many files this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


def _scaled(limit: int, factor: float) -> int | None:
    return max(1, round(limit * factor)) if factor else None
