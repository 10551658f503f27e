"""Leads browsers from a loopback address to localhost: passkeys belong to a host name, never to an address."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.http import hosts
from settings import Settings

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:]+\]|[0-9.]+)(?P<port>:[0-9]{1,5})?")


class Localhost:
    """The redirect of pages. The API and files are served at both."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.app_url)
        self._scheme = parts.scheme
        self._applies = parts.hostname == "localhost"

    def redirect(self, request: Request) -> Response | None:
        """To the same page at localhost, if `APP_URL` has that name and the request a loopback address.

        The port remains: a tunnel may have another one than the service.
        """
        if not self._applies or request.method not in ("GET", "HEAD"):
            return None
        found = _HOST.fullmatch(request.headers.get("host", ""))
        if found is None or not hosts.is_loopback(found["name"]):
            return None
        path = request.scope["raw_path"].decode("latin-1")
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"{self._scheme}://localhost{found['port'] or ''}{path}{query}"
        return RedirectResponse(url, 307, {"cache-control": "no-store"})
