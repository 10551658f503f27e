"""The built web client: its page at every address that the client knows, and its files."""

from __future__ import annotations

import json
import mimetypes
import os
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import NotModifiedResponse, PathLike, StaticFiles
from starlette.types import Scope

from settings import ROOT, Settings

DIST = ROOT / "client" / "dist"
#: The routes of client/src/router.ts; a test compares the two.
ROUTES = (
    "/",
    "/@{handle}",
    "/account-closed",
    "/activity",
    "/activity/insights",
    "/activity/statement",
    "/activity/{id}",
    "/add",
    "/add/return",
    "/check-mail",
    "/forgot-password",
    "/notifications",
    "/operator",
    "/operator/accounts/{id}",
    "/operator/actions",
    "/operator/totals",
    "/operator/transactions/{reference}",
    "/r/{token}",
    "/register",
    "/report-sign-in",
    "/request",
    "/requests",
    "/requests/{id}",
    "/requests/{id}/pay",
    "/reset-password",
    "/scheduled",
    "/scheduled/{id}",
    "/send",
    "/settings",
    "/settings/account",
    "/settings/account/close",
    "/settings/api-tokens",
    "/settings/appearance",
    "/settings/blocked",
    "/settings/devices",
    "/settings/link",
    "/settings/notifications",
    "/settings/password",
    "/settings/profile",
    "/settings/security",
    "/settings/webhooks",
    "/settings/webhooks/new",
    "/settings/webhooks/{id}",
    "/sign-in",
    "/split",
    "/splits/{id}",
    "/verify-email",
)
_ADDRESS = re.compile("|".join(re.sub(r"{\w+}", "[^/]+", path) for path in ROUTES if path != "/"))
#: Media types, not from the system's list, which differs between systems.
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
#: Best first. The build writes such a file beside each that compresses well.
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_REFUSED = re.compile(r";\s*q=0(?:\.0*)?$")
#: It fetches the client's files, and loads no scripts.
_WORKER_POLICY = "default-src 'none'; connect-src 'self'"
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


class Client:
    """The client as served; `page` is None if it is not built."""

    def __init__(self, settings: Settings) -> None:
        self._policy = policy(settings)

    def worker(self, request: Request) -> Response | None:
        """The service worker. It is served beside the pages, since its path limits what it may answer."""
        file = DIST / "service-worker.js"
        if not file.is_file():
            return None
        response = _response(file, request.headers, 200)
        response.headers["content-security-policy"] = _WORKER_POLICY
        return response

    def page(self, request: Request, status: int = 200) -> Response | None:
        """The single page of the client, which routes by its URL."""
        file = DIST / "index.html"
        if not file.is_file():
            return None
        response = _response(file, request.headers, status)
        response.headers["content-security-policy"] = self._policy
        return response


def without_slash(request: Request) -> Response | None:
    """A redirect, if the path differs from a route of the client only by a trailing slash."""
    address = request.url.path.removesuffix("/")
    is_close = address != request.url.path and _ADDRESS.fullmatch(address)
    if not is_close or request.method not in ("GET", "HEAD"):
        return None
    return redirect(request, address)


def redirect(request: Request, path: str) -> Response:
    """A redirect to that path with the same method, body and query."""
    # A path only: the Host header can be forged.
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(quote(path, safe="/@") + query, 308, {"cache-control": "no-cache"})


class Assets(StaticFiles):
    """The client's files, then those of our own pages."""

    def __init__(self, own: Path) -> None:
        super().__init__()
        self.all_directories = [DIST / "assets", own]

    def file_response(
        self,
        full_path: PathLike,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        return _response(Path(full_path), Headers(scope=scope), status_code)


def policy(settings: Settings) -> str:
    """The Content-Security-Policy of the client: nothing but this service and its Channels."""
    connect = ["'self'", socket_origin(settings.app_url), *_channels(settings)]
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"font-src 'self'; connect-src {' '.join(connect)}; manifest-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def socket_origin(app_url: str) -> str:
    """For older browsers, in which 'self' does not include WebSockets of the same host."""
    parts = urlsplit(app_url)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"


def _channels(settings: Settings) -> list[str]:
    if not settings.pusher_configured:
        return []
    host = settings.pusher_host or f"ws-{settings.pusher_cluster}.pusher.com"
    port = f":{settings.pusher_port}" if settings.pusher_port else ""
    # pusher-js tries TLS if a plain connection fails.
    schemes = ("wss",) if settings.pusher_use_tls else ("ws", "wss")
    return [f"{scheme}://{host}{port}" for scheme in schemes]


def _response(file: Path, headers: Headers, status: int) -> Response:
    """The file, compressed if available and accepted; 304 if the browser has it already."""
    encoding, chosen = _best(file, headers.get("accept-encoding", ""))
    response = FileResponse(chosen, status, media_type=_media_type(file), stat_result=chosen.stat())
    response.headers["vary"] = "Accept-Encoding"
    if encoding:
        response.headers["content-encoding"] = encoding
    response.headers["cache-control"] = _FOR_EVER if _never_changes(file) else _ASK_AGAIN
    if status == 200 and response.headers["etag"] in known_tags(headers):
        return NotModifiedResponse(response.headers)
    return response


def accepted_encodings(accepted: str) -> set[str]:
    """The content codings that an Accept-Encoding header allows."""
    offers = [part.strip().lower() for part in accepted.split(",")]
    return {offer.split(";")[0].strip() for offer in offers if not _REFUSED.search(offer)}


def known_tags(headers: Headers) -> set[str]:
    """The entity tags in If-None-Match, without the mark of weak ones."""
    known = headers.get("if-none-match", "")
    return {tag.strip().removeprefix("W/") for tag in known.split(",")}


def _best(file: Path, accepted: str) -> tuple[str, Path]:
    welcome = accepted_encodings(accepted)
    for encoding, suffix in _ENCODINGS:
        compressed = file.with_name(file.name + suffix)
        if encoding in welcome and compressed.is_file():
            return encoding, compressed
    return "", file


def _media_type(file: Path) -> str | None:
    return _MEDIA_TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]


def _never_changes(file: Path) -> bool:
    """Whether the name of the file contains the hash of its content: Vite's manifest lists these files."""
    manifest = DIST / "manifest.json"
    try:
        return file.resolve() in _hashed(manifest.resolve(), manifest.stat().st_mtime_ns)
    except OSError:
        return False


@lru_cache(maxsize=2)
def _hashed(manifest: Path, _changed_at: int) -> frozenset[Path]:
    files = set()
    for chunk in json.loads(manifest.read_bytes()).values():
        files |= {chunk["file"], *chunk.get("css", ()), *chunk.get("assets", ())}
    return frozenset(manifest.parent / name for name in files)
