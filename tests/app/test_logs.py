"""Logs contain no secret and no complete address, in any field."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from app.telemetry import logs
from app.telemetry.lines import Lines

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The logs of a process, on this test's standard output; as it was before afterwards."""
    monkeypatch.setattr(logs.access, "lines", None)
    monkeypatch.setattr(logs.access, "is_on", True)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("nothing of the kind", "nothing of the kind"),
        ("mail to user.alpha@demo.app failed", "mail to u…a@demo.app failed"),
        (f"Bearer {TOKEN}", "Bearer [redacted]"),
        ("{'authorization': 'Bearer opaque'}", "{'authorization': 'Bearer [redacted]'}"),
        ("mw_AbCdEfGhIjKl-_ was used", "[redacted] was used"),
        ("/verify-email?token=abc&a=b", "/verify-email?token=[redacted]&a=b"),
        (f"GET /statements/{'aB-_' * 20} 200", "GET /statements/[redacted] 200"),
        (f"GET /exports/{'aB-_' * 20} 200", "GET /exports/[redacted] 200"),
        (f"https://wallet.example/r/{'aB-' * 14}x", "https://wallet.example/r/[redacted]"),
        ("domain/statements/periods.py", "domain/statements/periods.py"),
        ("redis://:hunter2@127.0.0.1:6379/0", "redis://:[redacted]@127.0.0.1:6379/0"),
        ("smtp://me:p%40ss@mail.example:25", "smtp://me:[redacted]@mail.example:25"),
    ],
)
def test_secrets_and_addresses_are_left_out(text: str, cleaned: str) -> None:
    assert logs.clean(text) == cleaned


def test_each_line_is_json_with_its_level_time_and_request(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("test").info(
            "registered", email="user.alpha@demo.app", password="hunter2", facts={"token": TOKEN}
        )
        logging.getLogger("elsewhere").warning("said of %s", "user.beta@demo.app")
        structlog.get_logger("test").debug("not shown")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["event"] == "registered"
    assert first["level"] == "info"
    assert first["request_id"] == second["request_id"] == "r-1"
    assert first["timestamp"].endswith("Z")
    assert first["email"] == "u…a@demo.app"
    assert first["password"] == "[redacted]"
    assert TOKEN not in json.dumps(first)
    assert second["event"] == "said of u…a@demo.app"


def test_a_traceback_is_one_line_without_secrets(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    try:
        raise ValueError(f"no such token: {TOKEN}")
    except ValueError:
        structlog.get_logger("test").exception("failed")
    (line,) = capsys.readouterr().out.splitlines()
    assert "ValueError: no such token: [redacted]" in json.loads(line)["exception"]


def test_a_socket_that_was_refused_is_no_error(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    server = logging.getLogger("uvicorn.error")
    server.error("ASGI callable returned without completing handshake.")
    server.error("ASGI callable failed.")
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == [
        "ASGI callable failed."
    ]


SERVED = {"method": "POST", "path": "/graphql", "status": 200, "milliseconds": 1.5}


@pytest.mark.parametrize(
    "more",
    [
        {"operation": "sendMoney"},
        {"codes": ["RATE_LIMITED", "NOT_FOUND"]},
        {"path": f"/statements/{'aB-_' * 20}"},
        {"reason": "user.alpha@demo.app", "session_token": "hunter2", "code": None},
    ],
)
def test_a_request_is_logged_as_everything_else_is(
    configured: None, capsys: pytest.CaptureFixture[str], more: dict[str, Any]
) -> None:
    logs.configure("INFO")

    async def serve() -> None:
        with structlog.contextvars.bound_contextvars(request_id="r-1"):
            logs.access.served({**SERVED, **more})
            structlog.get_logger("test").info("request", **SERVED | more)

    asyncio.run(serve())
    quick, usual = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(quick) == list(usual)
    assert quick.pop("timestamp").endswith("Z")
    assert usual.pop("timestamp").endswith("Z")
    assert quick == usual


def test_requests_are_not_logged_above_their_level(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("WARNING")

    async def serve() -> None:
        logs.access.served(SERVED)
        structlog.get_logger("test").warning("something else")

    asyncio.run(serve())
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["event"] == "something else"


class _Counting(io.StringIO):
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_lines_are_written_together_in_their_order() -> None:
    stream = _Counting()

    async def write() -> None:
        lines = Lines(stream)
        lines.write_soon("one\n")
        lines.write_soon("two\n")
        assert not stream.getvalue()
        lines.write("three\n")
        lines.flush()
        assert stream.writes == 1
        lines.write_soon("four\n")
        while stream.writes < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(write(), 10))
    assert stream.getvalue() == "one\ntwo\nthree\nfour\n"


def test_many_characters_are_written_at_once() -> None:
    stream = _Counting()

    async def write() -> None:
        Lines(stream).write_soon("x" * 100_000)

    asyncio.run(write())
    assert len(stream.getvalue()) == 100_000


@pytest.mark.parametrize("end", ["", "raise RuntimeError", "raise SystemExit(3)"])
def test_no_line_is_lost_when_the_process_ends(end: str) -> None:
    program = f"""
import asyncio
from app.telemetry import logs

async def serve():
    logs.access.served({{"path": "/"}})
    {end}

logs.configure("INFO")
asyncio.run(serve())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    (line,) = ended.stdout.splitlines()
    assert json.loads(line)["path"] == "/"
