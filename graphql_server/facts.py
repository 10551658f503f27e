"""Facts about a request: its id and its origin."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Any

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
#: The address if the server reports no peer, such as on a Unix socket.
NOWHERE = "0.0.0.0"  # noqa: S104
#: Longer than any address with port and zone: bounds what is stored of untrusted headers.
_ADDRESS_MAXIMUM_CHARACTERS = 100

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(slots=True)
class RequestFacts:
    """The facts of one request, in `scope["facts"]`; handlers add fields for the access log."""

    request_id: str
    client_ip: str
    logged: dict[str, Any] = field(default_factory=dict)
    #: Whether the client closed the connection before it had the answer, and what is called when it does.
    is_gone: bool = False
    when_gone: Callable[[], object] | None = None

    def leave(self) -> None:
        """The client has closed the connection."""
        self.is_gone = True
        if self.when_gone is not None:
            self.when_gone()


def header(headers: Headers, name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


def joined(headers: Headers, name: bytes) -> str | None:
    """All headers of that (lower-case) name, combined into one (RFC 9110, 5.3)."""
    values = [value.decode("latin-1") for key, value in headers if key == name]
    return ", ".join(values) if values else None


def request_id(headers: Headers) -> str:
    """The caller's request id if it is safe to log, else a new one."""
    given = header(headers, b"x-request-id")
    if given is not None and _SANE_REQUEST_ID.fullmatch(given):
        return given
    return os.urandom(16).hex()


def client_ip(
    peer: str | None, headers: Headers, trusted: Sequence[IPv4Network | IPv6Network]
) -> str:
    """The client's address: the peer's, unless that is a trusted proxy.

    Then the last of `X-Forwarded-For` that is not a trusted proxy itself: what stands left of it
    anyone can have written.
    """
    address = _address(peer or "")
    if address is None:
        return NOWHERE
    if not trusted or not _is_in(address, trusted):
        return str(address)
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
