"""Facts about a request: its id and its origin."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Any

from starlette.types import Scope

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
#: The address if the server reports no peer, such as on a Unix socket.
NOWHERE = "0.0.0.0"  # noqa: S104
#: Longer than any address with port and zone; limits how much of an untrusted header is stored.
_ADDRESS_MAXIMUM_CHARACTERS = 100

Pairs = Iterable[tuple[bytes, bytes]]


class Headers:
    """The headers of one request, by their (lower-case) names."""

    __slots__ = ("_by_name", "_pairs", "are_distinct")

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._pairs = pairs
        #: The first header of each name.
        self._by_name = dict(reversed(pairs))
        #: Whether no name occurs twice.
        self.are_distinct = len(self._by_name) == len(pairs)

    def names(self) -> Set[bytes]:
        return self._by_name.keys()

    def first(self, name: bytes) -> str | None:
        """The first header of that name."""
        value = self._by_name.get(name)
        return None if value is None else value.decode("latin-1")

    def joined(self, name: bytes, separator: str = ", ") -> str | None:
        """All headers of that name, combined into one (RFC 9110, 5.3; cookies: RFC 9113, 8.2.3)."""
        if self.are_distinct:
            return self.first(name)
        return joined(self._pairs, name, separator)

    def count(self, name: bytes) -> int:
        """How many headers of that name there are."""
        if self.are_distinct:
            return int(name in self._by_name)
        return sum(key == name for key, _ in self._pairs)


@dataclass(slots=True)
class RequestFacts:
    """The facts of one request, in `scope["facts"]`; handlers add fields for the access log."""

    request_id: str
    client_ip: str
    headers: Headers = field(default_factory=Headers)
    logged: dict[str, Any] = field(default_factory=dict)
    #: Whether the client closed the connection before the response, and the callback for when it does.
    is_gone: bool = False
    when_gone: Callable[[], object] | None = None

    def leave(self) -> None:
        """The client has closed the connection."""
        self.is_gone = True
        if self.when_gone is not None:
            self.when_gone()


def of(scope: Scope, trusted: Sequence[IPv4Network | IPv6Network] = ()) -> RequestFacts:
    """The facts of the request in that ASGI scope; `trusted` are the networks of proxies."""
    pairs = scope["headers"]
    headers = Headers(pairs)
    client = scope.get("client")
    return RequestFacts(
        request_id(headers.first(b"x-request-id")),
        client_ip(client[0] if client else None, pairs, trusted),
        headers,
    )


def header(headers: Pairs, name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


def joined(headers: Pairs, name: bytes, separator: str = ", ") -> str | None:
    """All headers of that (lower-case) name, combined into one."""
    values = [value.decode("latin-1") for key, value in headers if key == name]
    return separator.join(values) if values else None


def request_id(given: str | None) -> str:
    """The caller's request id if it is safe to log, else a new one."""
    if given is not None and _SANE_REQUEST_ID.fullmatch(given):
        return given
    # It need not be secret, and a system call would take four times as long.
    return f"{random.getrandbits(128):032x}"


def client_ip(
    peer: str | None, headers: Pairs, trusted: Sequence[IPv4Network | IPv6Network]
) -> str:
    """The client's address: the peer's, unless that is a trusted proxy.

    In that case, the last address in `X-Forwarded-For` that is not a trusted proxy: anything before it may be
    forged.
    """
    address = _address(peer or "")
    if address is None:
        return NOWHERE
    if not trusted or not _is_in(address, trusted):
        return _shown(peer or "")
    forwarded = ",".join(
        value.decode("latin-1") for key, value in headers if key == b"x-forwarded-for"
    )
    for part in reversed(forwarded.split(",")):
        candidate = _address(part.strip())
        if candidate is None:
            break
        address = candidate
        if not _is_in(address, trusted):
            break
    return str(address)


def is_proxy(peer: str, trusted: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether the peer is a trusted proxy, so that many clients share its address."""
    address = _address(peer)
    return bool(trusted) and address is not None and _is_in(address, trusted)


def _is_in(
    address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network | IPv6Network]
) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    return _parsed_address(text) if len(text) <= _ADDRESS_MAXIMUM_CHARACTERS else None


@functools.lru_cache(maxsize=4096)
def _parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    # Some proxies add the port: "192.0.2.1:4711", "[2001:db8::1]:4711".
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::\d+)?", text)
    if bracketed:
        text = bracketed[1]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


# Cached by the text: an address would compute its hash at each call.
@functools.lru_cache(maxsize=4096)
def _shown(text: str) -> str:
    return str(_parsed_address(text))
