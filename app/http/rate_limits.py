"""The headers `RateLimit-Policy` and `RateLimit`: what a client has left of a limit.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ — structured fields (RFC 9651), each
a list with one item for the limit that is closest to exhaustion. No partition key is sent: it would be an
address or an account.
"""

from __future__ import annotations

from functools import lru_cache

from adapters.rate_limiter import Usage
from application.allowances import Block
from graphql_server.service import Header


def headers(usage: Usage | Block) -> list[Header]:
    """The two headers for a limit of which so much is left."""
    policy, name = _policy(usage.name, usage.quota, usage.window_seconds)
    left = b"%b;r=%d;t=%d" % (name, usage.remaining, usage.reset_seconds)
    return [(b"ratelimit-policy", policy), (b"ratelimit", left)]


def fields(usage: Usage | Block) -> dict[str, str]:
    """The same as text."""
    return {name.decode(): value.decode() for name, value in headers(usage)}


@lru_cache(maxsize=256)
def _policy(name: str, quota: int, window_seconds: int) -> tuple[bytes, bytes]:
    """The policy, and its name as both headers have it."""
    kind = f"w={window_seconds}" if window_seconds else 'qu="concurrent-requests"'
    return f'"{name}";q={quota};{kind}'.encode(), f'"{name}"'.encode()
