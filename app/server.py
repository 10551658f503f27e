"""Runs the API in this process: uvicorn, with a graceful shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

import structlog
import uvicorn

from app.asgi import App, route_of
from app.caught_mails import Mails
from app.http import connections, edge, sockets
from app.wiring import read_limits
from domain.people import passwords
from graphql_server import bodies
from settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.telemetry.spans import Tracing

log = structlog.get_logger(__name__)

#: How long streams and sockets have to end, and then the requests in progress.
_LONG_LIVED_SECONDS = 10.0
_REQUESTS_SECONDS = 10
_BACKLOG = 2048
#: Allocations before the garbage collector runs: a response takes a few hundred. The middle generation is
#: collected every third time, which stops the process for milliseconds: with Python's default, every twelfth
#: time, it would examine thousands of new subscriptions at once. The oldest one is collected about as often as
#: by default.
_COLLECTED_AFTER = (10_000, 1, 100)


class Server(uvicorn.Server):
    """uvicorn's server, but a signal ends it gracefully and with status 0."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if threading.current_thread() is threading.main_thread():
            # Objects created at startup live as long as the process: exclude them from garbage collection.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_COLLECTED_AFTER)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._app.long_lived.stop(_LONG_LIVED_SECONDS)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # uvicorn raises the signal again at the end, with which the exit status would be that of a crash.
        before = {
            kind: signal.signal(kind, self._ask_to_end) for kind in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def _ask_to_end(self, _signal: int, _frame: FrameType | None) -> None:
        self.should_exit = True


def configure(
    settings: Settings,
    mails: Mails | None = None,
    files: int | None = None,
    tracing: Tracing | None = None,
    password_rounds: int = passwords.DEFAULT_ROUNDS,
) -> tuple[uvicorn.Config, App]:
    """uvicorn's configuration for the application, which shows the caught mails.

    `files` overrides the system's limit on open files of the process, and `password_rounds` the
    cost of hashing a password (tests that do not measure it take less).
    """
    limits = edge.Edge(settings, files)
    app = App(settings, limits, mails, tracing, password_rounds)
    config = uvicorn.Config(
        app if tracing is None else tracing.requests(app, route_of),
        http=connections.Connections(limits, app.short_path if tracing is None else None),  # type: ignore[arg-type]
        ws=sockets.Sockets(limits.socket_messages),  # type: ignore[arg-type]
        lifespan="on",
        interface="asgi3",
        loop="none",
        ws_max_size=bodies.MAXIMUM_BYTES,
        ws_per_message_deflate=False,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        backlog=_BACKLOG,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=_REQUESTS_SECONDS,
    )
    return config, app


def run(
    settings: Settings,
    host: str,
    port: int,
    mails: Mails | None = None,
    tracing: Tracing | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    edge.raise_open_file_limit()
    try:
        read_limits(settings)
        listener = listen(host, port)
    except SettingsError as error:
        return _refuse(error)
    except OSError as error:
        sys.stderr.write(f"{_sentence(error, host, port)}\n")
        return 1
    config, app = configure(settings, mails, tracing=tracing)
    server = Server(config, app)
    with listener:
        address = listener.getsockname()
        log.info("serving", host=address[0], port=address[1], profile=settings.graphql_profile)
        if settings.audit_key is None:
            log.warning(
                "the ledgers are sealed without a key", advice="set AUDIT_KEY: .env.example"
            )
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(server.serve([listener]))
        except SystemExit as error:
            return _refuse(app.refused) if app.refused else int(error.code or 0)
    log.info("stopped")
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError if the port is in use or the host is not one of this machine."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _refuse(error: SettingsError) -> int:
    sys.stderr.write(f"{error}\n")
    return 2


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is in use: stop the program that listens there, or choose another --port."
    return f"Cannot listen on port {port} of {host}: {error.strerror or error}."


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
