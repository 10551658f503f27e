"""The provider as a process: `python -m dev.stripe.server` with the `STRIPE_EMULATOR_*` variables."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dev.stripe.actions import Actions
from dev.stripe.api import Api
from dev.stripe.deliveries import Deliveries
from dev.stripe.pages import Pages
from dev.stripe.provider import Provider
from dev.stripe.store import Store

Connections = dict[tuple[str, int], asyncio.Transport]


def application(environment: dict[str, str], connections: Connections) -> Starlette:
    """The provider's API, its payment page, its dashboard, and the task that delivers events."""
    store = Store(Path(environment["STRIPE_EMULATOR_FILE"]))
    endpoint = environment.get("STRIPE_EMULATOR_ENDPOINT", "")
    keys = environment["STRIPE_API_KEY"].split(",")
    provider = Provider(
        store, environment["STRIPE_EMULATOR_URL"].rstrip("/"), keys, delivers=bool(endpoint)
    )
    deliveries = Deliveries(
        provider,
        endpoint,
        environment["STRIPE_WEBHOOK_SECRET"].split(","),
        float(environment.get("STRIPE_EMULATOR_PAUSE_SECONDS", "1")),
    )

    def cut(request: Request) -> None:
        client = request.client
        transport = connections.get((client.host, client.port)) if client else None
        if transport is not None:
            transport.abort()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(deliveries.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        store.close()

    actions = Actions(provider, deliveries)
    api = Api(provider, deliveries.deliver_now, cut)
    pages = Pages(provider, actions)
    everything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes = [
        Route("/v1/{path:path}", api.answer, methods=everything),
        *pages.routes(),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def protocol(connections: Connections) -> type[HttpToolsProtocol]:
    """HTTP connections that can be found by their client's address, to end one without an answer."""

    class Findable(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if self.client is not None:
                connections[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.client is not None:
                connections.pop(self.client, None)

    return Findable


def main() -> None:
    environment = dict(os.environ)
    connections: Connections = {}
    uvicorn.run(
        application(environment, connections),
        host=environment["STRIPE_EMULATOR_HOST"],
        port=int(environment["STRIPE_EMULATOR_PORT"]),
        http=protocol(connections),
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
