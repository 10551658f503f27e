"""Which web pages may talk to this service: for CORS and for WebSockets."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from settings import Settings


class Origins:
    """`APP_URL` and `ALLOWED_ORIGINS`; on a local `APP_URL` also this machine by its other names."""

    def __init__(self, settings: Settings) -> None:
        named = (settings.app_url, *settings.allowed_origins)
        self._allowed = frozenset(origin for origin in map(_normal, named) if origin)
        self._local = settings.app_is_local

    def allow(self, origin: str, host: str | None) -> bool:
        """Whether a page of `origin` may; `host` is the request's own Host header."""
        normal = _normal(origin)
        if normal is None:
            return False
        return normal in self._allowed or (self._local and _is_same_machine(origin, host))


def _normal(origin: str) -> str | None:
    """scheme://host:port in lower case, with the scheme's own port spelled out."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port or (443 if parts.scheme == 'https' else 80)}"


def _is_same_machine(origin: str, host: str | None) -> bool:
    """Whether the page came from the very address that it talks to, given as an IP or localhost.

    Other names are not trusted here: whoever owns one can have it lead to this machine (DNS
    rebinding).
    """
    parts = urlsplit(origin)
    if host is None or parts.netloc.lower() != host.lower():
        return False
    name = parts.hostname or ""
    if name == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
