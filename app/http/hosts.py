"""Checks of the Host header against DNS rebinding, by which a web page directs its name to this machine."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from graphql_server.facts import Headers
from settings import Settings

#: A request target in absolute form: its host with the port, and the path with the query.
ABSOLUTE_TARGET = re.compile(
    rb"(?i:https?)://(?P<host>[^/?#@\s]+)(?P<rest>(?:[/?][^#]*)?)", re.DOTALL
)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::[0-9]*)?")


class Hosts:
    """The rule for the Host header.

    A private service (a local APP_URL or one that is an IP address, or one that shows the mail it
    catches) trusts any client that can connect to it, so it answers to localhost, IP addresses and APP_URL's
    host alone. A public one answers to any name: a page that reaches it under another name can do no
    more than anyone on the internet can, and proxies differ in the name that they pass on.
    """

    def __init__(self, settings: Settings, *, shows_mail: bool) -> None:
        own = urlsplit(settings.app_url).hostname or ""
        self._is_private = settings.app_is_local or is_local_name(own) or shows_mail
        self._accept = lru_cache(maxsize=256)(lambda host: is_accepted(host, own))

    def refuse(self, headers: Headers, http_version: str | None) -> tuple[int, str] | None:
        """The status and the sentence to refuse the request with; None to serve it."""
        if not self._is_private:
            return None
        host = headers.first(b"host")
        if host is None and http_version == "1.0":
            # Only HTTP/1.0 allows requests without a Host header, and no current browser uses it.
            return None
        if host is None or headers.count(b"host") > 1:
            return 400, "The request must have exactly one Host header."
        if self._accept(host[:300]):
            return None
        return 421, (
            "This service is not available under that name: use localhost, an IP address or the host of "
            "APP_URL, or set APP_URL to the address that you use."
        )


def is_accepted(host: str, own: str) -> bool:
    """Whether a Host header (with or without a port) names this machine or `own`."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found[1].strip("[]").lower().removesuffix(".")
    return name == own.lower().removesuffix(".") or is_local_name(name)


def is_local_name(name: str) -> bool:
    """Whether it is localhost (RFC 6761) or an IP address: names that no one else controls."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Whether a server that listens on that name or address is reachable from this machine only."""
    if name == "localhost":
        return True
    try:
        return ip_address(name.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False
