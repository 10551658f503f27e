"""The ASGI application: all routes, and the resources opened at startup and closed at shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.typesetter.typesetter import Typesetter
from app import api, served_schema, wiring
from app.caught_mails import Mails
from app.http import client, data_exports, funding, health, pages, qr, replies, statements
from app.http.cors import Cors
from app.http.edge import Edge
from app.http.envelope import Envelope
from app.http.health import Health
from app.http.hosts import Hosts
from app.http.origins import Origins
from app.http.pusher_auth import PusherAuth
from app.http.short_path import ShortPath
from app.served_schema import print_sdl
from app.telemetry.metrics import Metrics
from domain.exports import links as export_links
from domain.people import passwords
from domain.statements import links
from graphql_server.endpoint import Endpoint, methods
from graphql_server.execution import Engine
from graphql_server.http import answering
from graphql_server.long_lived import LongLived
from settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.telemetry.spans import Tracing

log = structlog.get_logger(__name__)

GRAPHQL_PATH = "/graphql"
_READ = ("GET", "HEAD")
#: The addresses of the API besides GraphQL, and their methods.
_METHODS = {
    "/dev/mail.json": _READ,
    "/docs": _READ,
    "/docs/examples.json": _READ,
    "/healthz": _READ,
    "/metrics": _READ,
    "/pusher/auth": ("POST",),
    qr.ROUTE: _READ,
    "/readyz": _READ,
    "/schema.graphql": _READ,
    "/service-worker.js": _READ,
}
_ROUTES = frozenset({*client.ROUTES, *_METHODS, "/dev/mail", funding.ROUTE, GRAPHQL_PATH})


class App:
    """The application that uvicorn serves. It opens its resources at startup, not on creation."""

    def __init__(
        self,
        settings: Settings,
        edge: Edge,
        mails: Mails | None = None,
        tracing: Tracing | None = None,
        password_rounds: int = passwords.DEFAULT_ROUNDS,
    ) -> None:
        """`mails` reads caught mails, which are shown to anyone."""
        self._password_rounds = password_rounds
        self._tracing = tracing
        self._settings = settings
        self._edge = edge
        self._mails = mails
        self._opened: wiring.Opened | None = None
        self._graphql: Endpoint | None = None
        self._others: ASGIApp | None = None
        self.long_lived = LongLived()
        #: The invalid setting that prevented the start.
        self.refused: SettingsError | None = None
        origins = Origins(settings)
        taken = methods(hardened=settings.graphql_profile == "hardened")
        by_address = {**_METHODS, GRAPHQL_PATH: taken}
        by_address |= {f"{path}/": methods for path, methods in by_address.items()}
        self._origins = origins
        cors = self._http = Cors(self._answer, origins, by_address)
        hosts = Hosts(settings, shows_mail=mails is not None)
        self._envelope = Envelope(self._dispatch, settings, hosts, self._metrics, route_of)
        #: For servers that can answer plain requests without ASGI.
        self.short_path = ShortPath(GRAPHQL_PATH, self._envelope, cors, self._answer_whole)

    # These choose an application without being coroutines, which would add an await to every request.

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self._live(receive, send)
        return self._envelope(scope, receive, send)

    def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            return self._http(scope, receive, send)
        if scope["path"].removesuffix("/") == GRAPHQL_PATH:
            assert self._graphql is not None
            return self._graphql(scope, receive, send)
        return _refuse_socket(receive, send)

    def _answer(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        assert self._graphql is not None
        assert self._others is not None
        app = self._graphql if scope["path"] == GRAPHQL_PATH else self._others
        return app(scope, receive, send)

    def _answer_whole(self, scope: Scope, body: bytes) -> Awaitable[answering.Response | None]:
        assert self._graphql is not None
        return self._graphql.answer_whole(scope, body)

    def _metrics(self) -> Metrics:
        assert self._opened is not None
        return self._opened.metrics

    async def _live(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as closing:
            await receive()
            try:
                opened = await closing.enter_async_context(
                    wiring.open_services(self._settings, self._tracing, self._password_rounds)
                )
                self._open(opened)
            except SettingsError as error:
                self.refused = error
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            looking = asyncio.create_task(health.report(opened))
            closing.push_async_callback(asyncio.wait, [looking])
            closing.callback(looking.cancel)
            message: Message = await receive()
            assert message["type"] == "lifespan.shutdown"
        await send({"type": "lifespan.shutdown.complete"})

    def _open(self, opened: wiring.Opened) -> None:
        hardened = self._settings.graphql_profile == "hardened"
        shown = pages.Pages(self._settings, self._mails)
        self._graphql = Endpoint(
            (Engine if self._tracing is None else self._tracing.engine)(
                served_schema.build(),
                api.WalletService(opened.services),
                api.operations_table(),
                metrics=opened.metrics,
                long_lived=self.long_lived,
                account_streams=self._edge.account_streams,
                socket_messages=self._edge.socket_messages,
                hardened=hardened,
                is_compiled=self._settings.graphql_executor == "compiled",
            ),
            self._origins,
            self._edge.streams,
            hardened=hardened,
            page=None if hardened else shown.playground,
        )
        self._others = _other_addresses(opened, shown, None if hardened else print_sdl())
        opened.metrics.registry.register(self._edge)
        self._opened = opened


async def _refuse_socket(receive: Receive, send: Send) -> None:
    """Closing a socket before it is accepted is a response with status 403."""
    await receive()
    await send({"type": "websocket.close"})


def _other_addresses(opened: wiring.Opened, shown: pages.Pages, sdl: str | None) -> ASGIApp:
    """The routes besides GraphQL. Without `sdl` the schema is not served."""
    checks = Health(opened)
    files = statements.Statements(opened.services, Typesetter().render)

    async def show_schema(request: Request) -> Response:
        if sdl is None:
            return await shown.not_found(request)
        return PlainTextResponse(sdl, headers={"cache-control": "no-cache", "vary": "Origin"})

    async def not_found(request: Request, _error: Exception) -> Response:
        path = request.url.path.removesuffix("/")
        if path != request.url.path and (path == GRAPHQL_PATH or path in _METHODS):
            return client.redirect(request, path)
        return await shown.not_found(request)

    playground_assets = StaticFiles(directory=pages.PLAYGROUND / "assets", check_dir=False)
    application = Starlette(
        routes=[
            *(Route(path, shown.client) for path in client.ROUTES),
            Route("/dev/mail", shown.mailbox),
            Route("/dev/mail.json", shown.mailbox_json),
            Route("/docs", shown.reference),
            Route("/docs/examples.json", shown.examples),
            Route("/schema.graphql", show_schema),
            Route("/service-worker.js", shown.worker),
            Route("/healthz", checks.alive),
            Route("/readyz", checks.ready),
            Route("/metrics", checks.metrics),
            Route(statements.ROUTE, files.answer),
            Route(data_exports.ROUTE, data_exports.DataExports(opened.services).answer),
            Route(qr.ROUTE, qr.QrCodes(opened.services).answer),
            Route(funding.ROUTE, funding.Funding(opened.services).answer, methods=["POST"]),
            Route("/pusher/auth", PusherAuth(opened).answer, methods=["POST"]),
            Mount("/assets", client.Assets(pages.ASSETS)),
            Mount("/playground/assets", playground_assets),
        ],
        exception_handlers={404: not_found, HTTPException: _refuse, 500: _fail},
    )
    # Such a redirect would use the Host header, which a client can forge.
    application.router.redirect_slashes = False
    return application


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "GET").split(", ")))
        return replies.refusal(
            405, f"This address takes {allowed}.", "BAD_USER_INPUT", allow=allowed
        )
    return replies.refusal(error.status_code, str(error.detail), "BAD_USER_INPUT")


async def _fail(_request: Request, _error: Exception) -> Response:
    return replies.refusal(500, "Something went wrong on our side. Try again.", "INTERNAL")


def route_of(path: str) -> str:
    """The path as a metrics label, if it is a known route: clients can request any other."""
    if path in _ROUTES:
        return path
    if path.startswith("/activity/"):
        return "/activity/{id}"
    if path.startswith(links.PATH):
        return statements.ROUTE
    if path.startswith(export_links.PATH):
        return data_exports.ROUTE
    return "assets" if path.startswith(("/assets/", "/playground/assets/")) else "other"
