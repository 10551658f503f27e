"""The embedded Channels server as a process of its own, and how to reach it."""

from __future__ import annotations

from pathlib import Path

from dev import processes
from dev.processes import Child

HOST = "127.0.0.1"


class Channels:
    """One server on loopback for one app; it keeps its port over `stop()` and `start()`."""

    def __init__(
        self, *, app_id: str, key: str, secret: str, log: Path, port: int | None = None
    ) -> None:
        self.app_id = app_id
        self.key = key
        self.secret = secret
        self.port = port or 0
        self.log = log
        self._child: Child | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables that configure the service to use it."""
        return {
            "PUSHER_APP_ID": self.app_id,
            "PUSHER_KEY": self.key,
            "PUSHER_SECRET": self.secret,
            "PUSHER_HOST": HOST,
            "PUSHER_PORT": str(self.port),
            "PUSHER_USE_TLS": "false",
        }

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
        module = ["-m", "dev.channels_server"]
        self._child = processes.spawn_python("Channels", module, log=self.log, env=self.environment)

    def finish(self) -> None:
        """Wait until the server that `begin` started answers."""
        processes.wait_until(
            lambda: processes.accepts_connections(HOST, self.port), self.child, 30, "Channels"
        )

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(5)

    def kill(self) -> None:
        """Kill it with SIGKILL, for tests of failures."""
        self.child.kill()
