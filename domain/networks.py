"""The networks that requests come from."""

from __future__ import annotations

import functools
import ipaddress


@functools.lru_cache(maxsize=4096)
def network(address: str) -> str:
    """The IP address; for IPv6 the /64, the usual allocation of one customer (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
