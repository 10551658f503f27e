"""Interrupts what pages hear from the service."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocketRoute

from tests.client import actions

GRAPHQL = re.compile(r"^ws://[^/]+/graphql$")
CHANNELS = re.compile(r"^ws://[^/]+/app/")
EVERY = re.compile(r"^ws://")


class Cable:
    """What the WebSockets of a page go through: it can be cut, and joined again."""

    def __init__(self, page: Page, sockets: re.Pattern[str]) -> None:
        self._joined = True
        self._open: list[WebSocketRoute] = []
        page.route_web_socket(sockets, self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        if not self._joined:
            socket.close(code=1011)
            return
        socket.connect_to_server()
        self._open.append(socket)

    def cut(self) -> None:
        self._joined = False
        for socket in self._open:
            socket.close(code=1011)
        self._open.clear()

    def join(self) -> None:
        self._joined = True


def listen_on_channels(page: Page) -> list[str]:
    """Open Home, without the GraphQL socket, once it listens on its channel; what its sockets receive is added."""
    Cable(page, GRAPHQL).cut()
    heard: list[str] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda data: heard.append(str(data)))
    )
    page.goto("/")
    actions.until(page, lambda: any("subscription_succeeded" in data for data in heard))
    return heard


def refuse_reads(page: Page) -> None:
    """Nothing but the stream may tell what came."""
    for operation in ("WalletSequence", "NewestTransactions", "NewestNotifications"):
        actions.intercept(page, operation, lambda route: route.abort())
