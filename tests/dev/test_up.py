"""`./wallet up` from start to end: the first run, another run, stopped, killed, and with a conflict."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import settings
from dev import processes
from dev.up import building
from tests.waiting import PATIENCE_SECONDS, block_until

DEMO = "user.alpha@demo.app"
LOGIN = """
mutation ($input: LoginInput!) {
  login(input: $input) { ... on SignedIn { credentials { accessToken } } }
}
"""
ADD = """
mutation ($input: AddBalanceInput!) {
  addBalance(input: $input) { ... on BalanceAdded { viewer { balance { amount } } } }
}
"""
FOREIGN_SECRET = "the-operators-key-to-something-else"
#: How the command lines of its children differ.
PROGRAMS = (
    *("dev.up.api", "app.cli relay", "app.cli worker", "channels_server", "mail_catcher_server"),
    *("valkey", "postgres"),
)
ME = "{ viewer { balance { amount } } }"
Start = Callable[..., "Running"]


class Running:
    """One `up` as a process, with what it printed."""

    def __init__(self, data: Path, port: int, output: Path, *arguments: str, **variables: str):
        self.data = data
        self.port = port
        self._output = output
        known = {name.upper() for name in settings.Settings.model_fields}
        kept = {name: value for name, value in os.environ.items() if name not in known}
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [
                    *[sys.executable, "-P", "-m", "app.cli", "up", "--data", str(data)],
                    *["--port", str(port), *arguments],
                ],
                cwd="/",
                env={**kept, "PYTHONPATH": str(settings.ROOT), **variables},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def wait_until_ready(self) -> Running:
        # The last line that it prints once it is ready.
        last = "Ctrl-C stops everything."
        block_until(lambda: last in self.said or self.process.poll() is not None)
        assert last in self.said, self.said
        return self

    def wait_for_end(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def children(self) -> list[int]:
        """Every process below it, PostgreSQL's own included."""
        parents = {}
        listed = processes.output_of(["ps", "-axo", "pid=,ppid="])
        for line in listed.splitlines():
            pid, parent = map(int, line.split())
            parents[pid] = parent
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found - {self.process.pid})

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ask(self, document: str, token: str = "", **variables: object) -> Any:
        """The data of the API's answer."""
        headers = {"content-type": "application/json"}
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        body = json.dumps({"query": document, "variables": variables})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", "/graphql", body, headers)
            return json.load(connection.getresponse())["data"]


def gone(pids: list[int]) -> bool:
    """Whether none of them is left; one that nobody has asked about yet counts as gone."""
    return not any(processes.command_line(pid) for pid in pids)


def secrets_seen(running: Running) -> set[tuple[str, str]]:
    """Which of the secrets are in whose environment or command line: Linux tells."""
    known = json.loads((running.data / "secrets.json").read_text())
    known["foreign"] = FOREIGN_SECRET
    public = {"installation", "pusher_app_id", "pusher_key"}
    seen = set()
    for pid in running.children():
        with contextlib.suppress(OSError):
            command = processes.command_line(pid)
            environment = Path(f"/proc/{pid}/environ").read_text()
            program = next((name for name in PROGRAMS if name in command), command)
            for name in known.keys() - public:
                assert known[name] not in command
                if known[name] in environment:
                    seen.add((program, name))
    return seen


def readable_by_others(folder: Path) -> list[Path]:
    """What another user of this machine could read, if folders let him through."""
    return [
        path
        for path in folder.rglob("*")
        if not path.is_symlink() and path.lstat().st_mode & 0o044 and "postgres" not in path.parts
    ]


def balance(running: Running) -> list[tuple[int]]:
    for line in (running.data / "env").read_text().splitlines():
        if line.startswith("DATABASE_URL="):
            with psycopg.connect(line.partition("=")[2].strip("'")) as connection:
                return connection.execute("SELECT balance FROM users ORDER BY name").fetchall()
    raise AssertionError("the environment of the commands has no DATABASE_URL")


@pytest.fixture
def start(service_folder: Path) -> Iterator[Start]:
    # The pages are not what is tested, and building them takes a while the first time.
    assert building.build() == []
    started: list[Running] = []
    port = processes.free_port()

    def start(*arguments: str, **variables: str) -> Running:
        output = service_folder / f"output-{len(started)}"
        data = service_folder / "a wallet's data"
        started.append(Running(data, port, output, *arguments, **variables))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(PATIENCE_SECONDS)


def test_it_starts_from_nothing_stops_completely_and_finds_its_data_again(start: Start) -> None:
    first = start(SOME_SECRET=FOREIGN_SECRET).wait_until_ready()
    assert DEMO in first.said
    assert f"http://localhost:{first.port}/graphql" in first.said
    assert first.get("/readyz")[0] == 200
    assert json.loads(first.get("/dev/mail.json")[1]) == []
    assert balance(first) == [(100_000,)] * 3
    alpha = {"email": DEMO, "password": "mini@Wallet025"}
    token = first.ask(LOGIN, input=alpha)["login"]["credentials"]["accessToken"]
    added = first.ask(ADD, token, input={"amount": "1", "idempotencyKey": "key-of-this-test"})
    assert added["addBalance"]["viewer"]["balance"]["amount"] == "1001.00"
    balances = balance(first)
    for name in ("secrets.json", "env", "lock", "logs/serve.log"):
        assert (first.data / name).stat().st_mode & 0o077 == 0, name
    secrets = (first.data / "secrets.json").read_text()
    assert readable_by_others(first.data) == []
    if sys.platform == "linux":
        ours = ("dev.up.api", "app.cli relay", "app.cli worker")
        needed = ("jwt_secret", "database_password", "valkey_password", "pusher_secret")
        needed = (*needed, "metrics_token", "audit_key")
        expected = {(program, name) for program in ours for name in needed}
        assert secrets_seen(first) == expected | {("channels_server", "pusher_secret")}

    second = start()
    assert second.wait_for_end() == 1
    assert "is taken by another program" in second.said
    third = start("--port", str(processes.free_port()))
    assert third.wait_for_end() == 1
    assert "Another `./wallet up` is using" in third.said
    assert [len(other.said.splitlines()) for other in (second, third)] == [1, 1]

    audit = [sys.executable, "-P", "-m", "app.cli", "audit", "--data", str(first.data)]
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(settings.ROOT)}
    assert subprocess.run(audit, cwd="/", env=bare, check=False).returncode == 0

    children = first.children()
    assert len(children) >= 7
    first.process.send_signal(signal.SIGINT)
    assert first.wait_for_end() == 0
    assert gone(children)
    assert not (first.data / "env").exists()

    again = start().wait_until_ready()
    assert "Tables" not in again.said
    assert balance(again) == balances
    assert again.ask(ME, token)["viewer"]["balance"]["amount"] == "1001.00"
    assert (again.data / "secrets.json").read_text() == secrets

    children = again.children()
    relay = next(pid for pid in children if " relay" in processes.command_line(pid))
    os.kill(relay, signal.SIGKILL)
    assert again.wait_for_end() == 1
    assert "relay has ended with status -9" in again.said
    assert gone(children)


def test_nothing_outlives_it_even_when_it_is_killed(start: Start) -> None:
    running = start("--no-demo")
    block_until(lambda: "Tables" in running.said)
    children = running.children()
    assert len(children) >= 4
    running.process.send_signal(signal.SIGKILL)
    running.wait_for_end()
    if sys.platform == "linux":
        block_until(lambda: gone(children))
    # The next one copes with whatever the kill has left.
    again = start("--no-demo")
    block_until(lambda: "PostgreSQL, Valkey" in again.said or again.process.poll() is not None)
    again.process.send_signal(signal.SIGTERM)
    assert again.wait_for_end() == 0, again.said


def test_a_signal_while_it_starts_stops_it_too(start: Start) -> None:
    running = start()
    block_until((running.data / "logs" / "postgres.log").exists)
    children = running.children()
    running.process.send_signal(signal.SIGHUP)
    assert running.wait_for_end() == 0
    assert gone(children)


def test_a_wrong_variable_is_named_before_anything_starts(start: Start) -> None:
    running = start(LOG_LEVEL="LOUD")
    assert running.wait_for_end() == 2
    assert re.search(r"(?m)^LOG_LEVEL is wrong: .*\.$", running.said)
    assert not (running.data / "postgres").exists()


def test_a_host_that_is_not_ours_is_refused_with_a_sentence(start: Start) -> None:
    running = start("--host", "192.0.2.1")
    assert running.wait_for_end() == 1
    assert "Nothing can listen on 192.0.2.1" in running.said
