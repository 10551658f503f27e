"""A TCP relay in front of PostgreSQL that treats startup parameters as connection poolers do."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

Treatment = Literal["refuses options", "drops options", "changes process numbers"]

_SSL_REQUEST, _GSSENC_REQUEST = 80877103, 80877104
_BACKEND_KEY_DATA = b"K\x00\x00\x00\x0c"
_CHUNK_BYTES = 65_536


@contextlib.contextmanager
def before(url: str, treatment: Treatment) -> Iterator[str]:
    """The address of a relay to the server of `url`, with its database, role and password."""
    parts = urlsplit(url)
    server = (str(parts.hostname), parts.port or 5432)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(
            target=_accept, args=[listener, server, treatment], daemon=True
        )
        accepting.start()
        port = listener.getsockname()[1]
        account = parts.netloc.rpartition("@")[0]
        yield urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{port}"))
        # Wakes the thread, which closing the listener would not.
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listener: socket.socket, server: tuple[str, int], treatment: Treatment) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=[client, server, treatment], daemon=True).start()


def _serve(client: socket.socket, server: tuple[str, int], treatment: Treatment) -> None:
    with client, contextlib.suppress(OSError), socket.create_connection(server) as upstream:
        code, body = _startup(client)
        if treatment != "changes process numbers" and b"\x00options\x00" in b"\x00" + body:
            if treatment == "refuses options":
                client.sendall(_refusal())
                return
            names = body.rstrip(b"\x00").split(b"\x00")
            at = names.index(b"options")
            del names[at : at + 2]
            body = b"\x00".join(names) + b"\x00\x00"
        upstream.sendall(struct.pack("!ii", len(body) + 8, code) + body)
        back = threading.Thread(
            target=_pass_on,
            args=[upstream, client, treatment == "changes process numbers"],
            daemon=True,
        )
        back.start()
        _pass_on(client, upstream, False)
        back.join()


def _startup(client: socket.socket) -> tuple[int, bytes]:
    """The first message that is not a request for encryption: its code and its parameters."""
    while True:
        length, code = struct.unpack("!ii", client.recv(8, socket.MSG_WAITALL))
        if code not in (_SSL_REQUEST, _GSSENC_REQUEST):
            return code, client.recv(length - 8, socket.MSG_WAITALL)
        client.sendall(b"N")


def _refusal() -> bytes:
    """PgBouncer's."""
    fields = b"SFATAL\x00C08P01\x00Munsupported startup parameter: options\x00\x00"
    return b"E" + struct.pack("!i", len(fields) + 4) + fields


def _pass_on(source: socket.socket, target: socket.socket, changes_number: bool) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            if changes_number and (at := chunk.find(_BACKEND_KEY_DATA)) >= 0:
                at += len(_BACKEND_KEY_DATA)
                chunk = chunk[:at] + struct.pack("!i", 1) + chunk[at + 4 :]
                changes_number = False
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
