"""Child processes that never outlive their parent: start them, watch them, stop them."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAUNCHER = Path(__file__).with_name("launch.py")
POLL_SECONDS = 0.02
LARGEST_OLD_LOG_BYTES = 5_000_000
#: The variables that programs need from our environment; any other may be a secret.
INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM")
INHERITED_PREFIXES = ("LC_", "DYLD_", "LD_LIBRARY_", "COVERAGE_")
#: Below the ranges that Linux and macOS use for outgoing connections, so that no other program gets the
#: port of a service while it restarts.
PORTS = range(20_000, 32_000)


def minimal_environment(*prefixes: str) -> dict[str, str]:
    """The variables that a child may inherit, and those that begin with one of the prefixes."""
    wanted = (*INHERITED_PREFIXES, *prefixes)
    return {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith(wanted)
    }


def network_environment() -> dict[str, str]:
    """The minimal environment and the proxies, for programs that download packages."""
    proxies = {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
    named = {name: value for name, value in os.environ.items() if name.lower() in proxies}
    return {**minimal_environment("SSL_CERT_"), **named}


class ServiceError(Exception):
    """A service is unavailable; the message says why and what to do."""


@dataclass(frozen=True)
class Identity:
    """The user that a child becomes."""

    uid: int
    gid: int
    name: str


class Child:
    """One process in a session of its own, with its output in a file."""

    def __init__(
        self, name: str, process: subprocess.Popen[bytes], log: Path, stop_signal: signal.Signals
    ) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._stop_signal = stop_signal

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """Negative is a signal's number; None while it runs."""
        return self._process.poll()

    def write_and_close(self, text: str) -> None:
        """Write the whole standard input; only for a child that was spawned with `with_input`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(text.encode())
            self._process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """Signal the child itself, if it is still running."""
        if self.running:
            self._process.send_signal(number)

    def ask_to_stop(self) -> None:
        self.signal(self._stop_signal)

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it ended in time."""
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, grace_seconds: float = 10) -> None:
        """SIGTERM, wait, then SIGKILL; afterwards its whole process group has ended."""
        self.ask_to_stop()
        self.wait(grace_seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the child and its process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def log_tail(self, lines: int = 12) -> str:
        return tail(self.log, lines)


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    identity: Identity | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    death_signal: signal.Signals = signal.SIGKILL,
    with_input: bool = False,
) -> Child:
    """Start `command` (an absolute path first) as a child that ends when this process does.

    Its environment is `env` alone, or else the minimal one: secrets go only to processes that need them.
    On Linux the kernel sends it `death_signal` even after a `kill -9` of the parent. That is bound
    to the *thread* that spawns, so spawn from one that stays. Output is appended to `log`.
    """
    user = (-1, -1) if identity is None else (identity.uid, identity.gid)
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
    facts = [os.getpid(), int(death_signal), *user]
    with _open_log(log) as output:
        process = subprocess.Popen(  # noqa: S603 - our own programs.
            [*launcher, *map(str, facts), *map(str, command)],
            stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=minimal_environment() if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    return Child(name, process, log, stop_signal)


def spawn_python(
    name: str, arguments: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
) -> Child:
    """Start a module of this project with this Python: `["-m", "app.cli", "serve"]`.

    It has the variables of `env` and of the minimal environment.
    """
    ours = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    full = {**minimal_environment(), **(env or {}), **ours}
    return spawn(name, [sys.executable, *arguments], log=log, env=full)


def stop_all(children: Sequence[Child], grace_seconds: float = 10) -> None:
    """SIGTERM to all at once, then wait for each: one grace period in total, then SIGKILL."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + grace_seconds
    for child in children:
        child.wait(max(0, deadline - time.monotonic()))
        child.kill()


def wait_until(ready: Callable[[], bool], child: Child, timeout_seconds: float, what: str) -> None:
    """Wait until `ready()`. Raises `ServiceError` if the child ends or the timeout expires."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if not child.running:
            raise ServiceError(
                f"{what} ended immediately with status {child.exit_status}: see {child.log}, "
                f"which says last:\n{child.log_tail()}"
            )
        if time.monotonic() > deadline:
            raise ServiceError(
                f"{what} was not ready within {timeout_seconds:.0f} seconds: see {child.log}, "
                f"which says last:\n{child.log_tail()}"
            )
        time.sleep(POLL_SECONDS)


def free_port(host: str = "127.0.0.1") -> int:
    """A free TCP port."""
    for port in random.sample(PORTS, 200):
        if port_is_free(host, port):
            return port
    raise ServiceError(f"No free TCP port was found on {host} between 20000 and 32000.")


def port_is_free(host: str, port: int) -> bool:
    """Whether the port is free. Raises `OSError` if this process may not listen there at all."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def accepts_connections(host: str, port: int) -> bool:
    """Whether a server listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def end(pid: int, patience_seconds: float = 5) -> None:
    """End a process that is not our child: SIGTERM, wait, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience_seconds
        while command_line(pid) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if not command_line(pid):
            return


def command_line(pid: int) -> str:
    """The command line of that process; empty if there is none or it is unknown."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return output_of(["ps", "-ww", "-o", "args=", "-p", str(pid)]).strip()


def output_of(command: Sequence[str | Path]) -> str:
    """What a short command prints; empty if it cannot be run or fails."""
    try:
        done = subprocess.run(  # noqa: S603 - our own programs.
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
            env=minimal_environment(),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def tail(path: Path, lines: int) -> str:
    """The last lines of a text file, without reading all of it."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def _open_log(path: Path) -> Iterator[int]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_OLD_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def children_of(parent: int) -> list[int]:
    """The running child processes of a process."""
    listed = output_of(["ps", "-A", "-o", "pid=,ppid="])
    pairs = [entry.split() for entry in listed.splitlines()]
    return [int(pid) for pid, its_parent in pairs if int(its_parent) == parent]
