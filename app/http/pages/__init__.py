"""The service's own pages: welcome, links in mails, and caught mails."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from pathlib import Path

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from app.caught_mails import Mails
from app.http import client, envelope, replies
from app.http.localhost import Localhost
from app.http.reference import Reference
from settings import ROOT, Settings

FOLDER = Path(__file__).resolve().parent
ASSETS = FOLDER / "assets"
PLAYGROUND = ROOT / "client" / "playground" / "dist"

#: Required by GraphiQL's page; client/playground/README.md gives the reasons.
_PLAYGROUND_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self' {socket}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Mails have inline styles, and their frame inherits the policy of the surrounding page.
_MAILBOX_POLICY = envelope.STRICT_POLICY.replace(
    b"style-src 'self'", b"style-src 'self' 'unsafe-inline'"
).decode()

_NO_PLAYGROUND = (
    "The playground is not built: run `npm ci` and `npm run build` in client/playground, "
    "or start the service with `./wallet up`. The API itself is here by POST.\n"
)
_PLAYGROUND_BEING_BUILT = (
    "The playground is not built yet. `./wallet up` builds it within a minute of its first start, or says "
    "why it cannot. This page reloads until then.\n"
)
#: While `up` builds what belongs at an address, the browser asks again.
_REFRESH_SECONDS = "3"

#: The links in mails also work without the client.
_WITHOUT_CLIENT = {
    "/verify-email": "verify_email.html",
    "/reset-password": "reset_password.html",
    "/report-sign-in": "report_sign_in.html",
}
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
)


class Pages:
    """The pages of one service."""

    def __init__(self, settings: Settings, mails: Mails | None) -> None:
        """`mails` reads the caught mails, which are shown to anyone; only `up` has any."""
        self._settings = settings
        self._client = client.Client(settings)
        self._is_open = settings.graphql_profile == "open"
        self._mails = mails
        socket = client.socket_origin(settings.app_url)
        self._playground_policy = _PLAYGROUND_POLICY.format(socket=socket)
        self._reference = Reference(TEMPLATES)
        self._localhost = Localhost(settings)
        #: Only `up` catches mails and has demo users.
        self._is_demo = settings.app_is_local and mails is not None

    async def client(self, request: Request) -> Response:
        """The web client, or, if it is not built, a page that handles the links in mails."""
        if response := self._localhost.redirect(request) or self._client.page(request):
            return response
        if request.url.path == "/":
            return self._home()
        name = _WITHOUT_CLIENT.get(request.url.path)
        return _page(name) if name else await self.not_found(request)

    async def worker(self, request: Request) -> Response:
        """The client's service worker, if the client is built."""
        return self._client.worker(request) or await self.not_found(request)

    def _home(self) -> Response:
        response = _page(
            "home.html",
            playground=self._is_open,
            mailbox=self._mails is not None,
            demo=self._is_demo,
            app_url=self._settings.app_url,
        )
        if self._is_demo:
            response.headers["refresh"] = _REFRESH_SECONDS
        return response

    async def mailbox(self, request: Request) -> Response:
        if self._mails is None:
            return await self.not_found(request)
        if redirect := self._localhost.redirect(request):
            return redirect
        response = _page("mailbox.html")
        response.headers["content-security-policy"] = _MAILBOX_POLICY
        return response

    async def mailbox_json(self, request: Request) -> Response:
        if self._mails is None:
            return await self.not_found(request)
        return replies.json(await asyncio.to_thread(self._mails))

    async def playground(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page of GraphiQL, as an ASGI application; 404 if it is not built."""
        response = self._localhost.redirect(Request(scope)) or self._playground()
        await response(scope, receive, send)

    def _playground(self) -> Response:
        headers = {"cache-control": "no-store", "vary": "Accept, Origin"}
        page = PLAYGROUND / "index.html"
        try:
            changed_at = page.stat().st_mtime_ns
            html = _playground_page(page, changed_at)
        except OSError:
            if self._is_demo:
                headers["refresh"] = _REFRESH_SECONDS
                return PlainTextResponse(_PLAYGROUND_BEING_BUILT, 404, headers)
            return PlainTextResponse(_NO_PLAYGROUND, 404, headers)
        demo = b"true" if self._is_demo else b"false"
        headers["content-security-policy"] = self._playground_policy
        return HTMLResponse(html.replace(b"__WALLET_DEMO__", demo), headers=headers)

    async def reference(self, request: Request) -> Response:
        """The API reference, where the schema may be read."""
        if not self._is_open:
            return await self.not_found(request)
        return self._localhost.redirect(request) or await self._reference.page(request)

    async def examples(self, request: Request) -> Response:
        """The examples of the reference, for programs."""
        return await (self._reference.examples if self._is_open else self.not_found)(request)

    async def not_found(self, request: Request, _error: Exception | None = None) -> Response:
        """Redirect to the intended address if there is one; otherwise a page for browsers, JSON for programs."""
        if redirect := client.without_slash(request):
            return redirect
        if "text/html" in request.headers.get("accept", ""):
            return (
                self._localhost.redirect(request)
                or self._client.page(request, 404)
                or _page("not_found.html", status=404)
            )
        return replies.refusal(
            404, "There is nothing at this address. The API is at /graphql.", "NOT_FOUND"
        )


def is_playground_built() -> bool:
    """Whether the playground can be shown."""
    return (PLAYGROUND / "index.html").is_file()


@lru_cache(maxsize=2)
def _playground_page(page: Path, _changed_at: int) -> bytes:
    return page.read_bytes()


def _page(name: str, status: int = 200, **values: object) -> Response:
    html = TEMPLATES.get_template(name).render(**values)
    return HTMLResponse(html, status, {"cache-control": "no-store"})
