"""The origins whose pages may use this service, by cross-origin requests and by WebSockets."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.http import hosts
from settings import Settings

_PORTS = {"http": 80, "https": 443}


class Origins:
    """`APP_URL` and `ALLOWED_ORIGINS`; with a local `APP_URL` also the other names of this machine."""

    def __init__(self, settings: Settings) -> None:
        named = (settings.app_url, *settings.allowed_origins)
        self._allowed = frozenset(origin for origin in map(_normal, named) if origin)
        self._local = settings.app_is_local

    def allow(self, origin: str, host: str | None) -> bool:
        """Whether a page of `origin` may use the service; `host` is the Host header of the request."""
        normal = _normal(origin)
        if normal is None:
            return False
        return normal in self._allowed or (self._local and _is_same_machine(origin, host))


def _normal(origin: str) -> str | None:
    """scheme://host:port in lower case, with the port of http and https spelled out."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port or _PORTS.get(parts.scheme, '')}"


def _is_same_machine(origin: str, host: str | None) -> bool:
    """Whether the page comes from the address that it connects to, if that is an IP address or localhost.

    Other names are not trusted: their owners can direct them to this machine (DNS rebinding).
    """
    parts = urlsplit(origin)
    if host is None or parts.scheme not in _PORTS or parts.netloc.lower() != host.lower():
        return False
    return hosts.is_local_name(parts.hostname or "")
