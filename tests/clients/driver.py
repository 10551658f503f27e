"""Drives the TypeScript client, in a Node process, from the tests."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from pathlib import Path
from queue import Queue
from typing import Any

from dev import node
from settings import ROOT

TYPESCRIPT_CLIENT = ROOT / "clients" / "typescript"
_SCRIPT = Path(__file__).with_name("driver.mjs")


class Refused(Exception):
    """The client threw: `error` is what it threw, with its name and properties."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.error = error


def install(folder: Path) -> Path:
    """Build the package, pack it as for a registry, and install that in the folder."""
    node.ensure_built(TYPESCRIPT_CLIENT)
    node.run_npm(["pack", "--pack-destination", str(folder)], TYPESCRIPT_CLIENT)
    (package,) = folder.glob("*.tgz")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    options = ["--prefer-offline", "--no-audit", "--no-fund"]
    node.run_npm(["install", *options, str(package)], folder)
    (folder / "driver.mjs").write_text(_SCRIPT.read_text())
    return folder


class Driver:
    """One program with one wallet."""

    def __init__(self, folder: Path) -> None:
        self.events: Queue[Any] = Queue()
        #: Every session that the client gave to be kept.
        self.sessions: list[Any] = []
        self._answers: dict[int, Queue[Any]] = {}
        self._ids = itertools.count()
        self._process = subprocess.Popen(
            [node.node_path(), folder / "driver.mjs"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match json.loads(line):
                case {"id": number, **answer}:
                    self._answers[number].put(answer)
                case {"event": event}:
                    self.events.put(event)
                case {"session": session}:
                    self.sessions.append(session)

    def call(self, name: str, *given: Any) -> Any:
        """The result of a method of the wallet. Raises Refused."""
        number = next(self._ids)
        self._answers[number] = Queue()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "call": name, "with": given}) + "\n")
        self._process.stdin.flush()
        answer = self._answers[number].get(timeout=60)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def next_event(self) -> Any:
        return self.events.get(timeout=30)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait(10)
        self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
