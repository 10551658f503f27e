"""The API as a process of its own: startup and shutdown."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from app.http import edge
from dev import processes
from settings import ROOT, Settings
from tests.graphql_server.test_websocket import hear_to_the_end, say
from tests.waiting import block_until

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def serve(settings: Settings) -> Iterator[Start]:
    """Start `serve` on a port, on this test's services."""
    started: list[subprocess.Popen[str]] = []

    def start(port: int, *, files: int | None = None, **environment: str) -> subprocess.Popen[str]:
        limit = [] if files is None else ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"]
        process = subprocess.Popen(
            [*limit, sys.executable, "-m", "app.cli", "serve", "--port", str(port)],
            cwd=ROOT,
            env={**_environment(settings), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "SMTP_URL": settings.smtp_url.get_secret_value(),
        "MAIL_FROM": settings.mail_from,
    }


def wait_until_ready(port: int, process: subprocess.Popen[str]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:

        def is_ready() -> bool:
            assert process.poll() is None, process.communicate()
            with contextlib.suppress(httpx.TransportError):
                return client.get("/readyz").status_code == 200
            return False

        block_until(is_ready)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_gracefully_with_status_0(serve: Start, kind: signal.Signals) -> None:
    port = processes.free_port()
    process = serve(port)
    wait_until_ready(port, process)
    with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=["graphql-transport-ws"]) as client:
        say(client, type="connection_init")
        client.recv(timeout=10)
        process.send_signal(kind)
        hear_to_the_end(client)
        assert client.close_code == 1012
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in out + err
    assert '"event":"stopped"' in out


def test_what_needs_files_has_some_however_many_connections_there_are(serve: Start) -> None:
    port = processes.free_port()
    with (
        contextlib.ExitStack() as closing,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        process = serve(port, files=edge.RESERVED_FILES + 50, RATE_LIMIT_FACTOR="0")
        wait_until_ready(port, process)
        assert client.get("/healthz").status_code == 200
        for _ in range(edge.RESERVED_FILES + 100):
            closing.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        answer = client.get("/readyz")
        assert answer.status_code == 200, answer.text
        assert 'wallet_service_up{service="database"} 1.0' in client.get("/metrics").text
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert "Too many open files" not in out + err


def test_no_variable_has_it_show_caught_mails(serve: Start, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(
        b"To: a@demo.app\r\nSubject: Secret\r\n\r\nhttp://127.0.0.1/\r\n"
    )
    port = processes.free_port()
    names = ("DEV_MAIL_DIR", "MAILS", "MAIL_DIR")
    wait_until_ready(port, serve(port, **dict.fromkeys(names, str(tmp_path))))
    for address in ("/dev/mail", "/dev/mail.json"):
        answer = httpx.get(f"http://127.0.0.1:{port}{address}")
        assert answer.status_code == 404
        assert "Secret" not in answer.text


def test_a_taken_port_is_said_in_a_sentence(serve: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = serve(port)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 1
    assert (
        err
        == f"Port {port} of 127.0.0.1 is in use: stop the program that listens there, or choose another --port.\n"
    )
    assert out == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [("WALLET_CURRENCY", "XXX"), ("REDIS_URL", "http://127.0.0.1")],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence_that_names_it(
    serve: Start, name: str, value: str
) -> None:
    process = serve(processes.free_port(), **{name: value})
    out, err = process.communicate(timeout=90)
    assert process.returncode == 2
    assert name in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in out + err
