"""The embedded mail catcher as a process of its own, and how to reach it."""

from __future__ import annotations

from pathlib import Path

from dev import mailbox, processes
from dev.processes import Child

HOST = "127.0.0.1"


class MailCatcher:
    """One SMTP server on loopback; it keeps its port over `stop()` and `start()`."""

    def __init__(self, *, folder: Path, log: Path, port: int | None = None) -> None:
        self.folder = folder
        self.log = log
        self.port = port or 0
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self.port}"

    @property
    def child(self) -> Child:
        assert self._child is not None, "the server was not started"
        return self._child

    def mails(self) -> list[mailbox.CaughtMail]:
        """What was caught, newest first."""
        return mailbox.read(self.folder)

    def start(self) -> None:
        """Start and wait until it answers. Raises `ServiceError`."""
        self.begin()
        self.finish()

    def begin(self) -> None:
        """Start without waiting."""
        self.port = self.port or processes.free_port()
        module = ["-m", "dev.mail_catcher_server", str(self.port), str(self.folder)]
        self._child = processes.spawn_python("mail catcher", module, log=self.log)

    def finish(self) -> None:
        """Wait until the server that `begin` started answers."""
        processes.wait_until(
            lambda: processes.accepts_connections(HOST, self.port),
            self.child,
            30,
            "The mail catcher",
        )

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(5)

    def kill(self) -> None:
        """Kill it with SIGKILL, for tests of failures."""
        self.child.kill()
