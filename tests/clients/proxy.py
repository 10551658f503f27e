"""An HTTP proxy whose next answers a test decides: lost, refused, silent, or from another server."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: The request reaches the service, and its answer is lost.
LOST = "lost"
#: The request does not reach the service.
DROPPED = "dropped"
#: Neither an answer nor an end of the connection.
SILENT = "silent"


@dataclass(frozen=True)
class Answer:
    """An answer that does not come from the service."""

    status: int
    body: str = "<html>no gateway</html>"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_graphql(cls, status: int, **error: Any) -> Answer:
        """A request that is refused as a whole."""
        body = json.dumps({"errors": [{"message": "No.", "extensions": error}]})
        return cls(status, body, {"content-type": "application/graphql-response+json"})


class Proxy(ThreadingHTTPServer):
    """Forwards to `target`, unless `faults` has something else for the next request."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.faults: deque[str | Answer] = deque()
        #: Files that it serves itself, by what their paths begin with.
        self.files: dict[str, Path] = {}
        #: Called for each request; the fault for it, if any.
        self.on_request: Callable[[], str | Answer | None] = lambda: None
        #: The operations of all requests that came.
        self.operations: list[str] = []
        #: Those of them to which the service has begun to respond: a subscription has started by then.
        self.begun: list[str] = []
        self._sockets: set[socket.socket] = set()
        self._frozen: set[socket.socket] = set()
        self._is_over = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that end in the middle are what this is for."""

    def process_request(self, request: Any, client_address: Any) -> None:
        self._sockets.add(request)
        super().process_request(request, client_address)

    def cut(self) -> None:
        """End every open connection."""
        for one in [*self._sockets]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def freeze(self) -> None:
        """Leave the open connections open, without anything passing through them any more."""
        self._frozen |= self._sockets

    def passes(self, connection: socket.socket) -> bool:
        """Whether something passes through that connection."""
        return connection not in self._frozen

    def stop(self) -> None:
        self._is_over.set()
        self.cut()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""

    def do_GET(self) -> None:
        for prefix, folder in self.server.files.items():
            if self.path.startswith(prefix):
                file = folder / self.path.removeprefix("/")
                kind = "text/html" if file.suffix == ".html" else "text/javascript"
                self._answer(Answer(200, file.read_text(), {"content-type": kind}))
                return
        self._pass_socket()

    def _pass_socket(self) -> None:
        """A WebSocket: its bytes are passed as they are."""
        self.close_connection = True
        address = urlsplit(self.server.target)
        with socket.create_connection((address.hostname, address.port)) as far:
            head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            far.sendall(f"{self.requestline}\r\n{head}\r\n".encode())
            while not self.server._is_over.is_set():
                readable, _, _ = select.select([self.connection, far], [], [], 0.05)
                for one in readable:
                    data = one.recv(65_536)
                    if not data:
                        return
                    if self.server.passes(self.connection):
                        (far if one is self.connection else self.connection).sendall(data)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        operation = json.loads(body)["query"].split("(")[0].split("{")[0].strip()
        # Taken before the operation is listed: a test that sees it there may add a fault for the next one.
        queued = self.server.faults.popleft() if self.server.faults else None
        self.server.operations.append(operation)
        fault = self.server.on_request() if queued is None else queued
        if fault == SILENT:
            self.server._is_over.wait(60)
        if fault in (SILENT, DROPPED):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif isinstance(fault, Answer):
            self._answer(fault)
        else:
            self._forward(operation, body, is_lost=fault == LOST)

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body.encode())))
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def _forward(self, operation: str, body: bytes, *, is_lost: bool) -> None:
        self.close_connection = True
        address = urlsplit(self.server.target)
        far = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name != "connection"}
        try:
            far.request("POST", self.path, body, headers)
            answer = far.getresponse()
            self.server.begun.append(operation)
            if is_lost:
                answer.read()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.flush()
            while chunk := answer.read1(65_536):
                if self.server.passes(self.connection):
                    self.wfile.write(chunk)
        except OSError:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        finally:
            far.close()
