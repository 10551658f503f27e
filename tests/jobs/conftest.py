"""Ledgers with transactions, and a relay and workers for each test."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from dev import processes
from dev.processes import Child
from settings import Settings
from tests import books as making
from tests.books import Books
from tests.jobs.running import environment


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with making.opened(database_url) as opened:
        yield opened


@pytest.fixture
def start_process(service_folder: Path) -> Iterator[Callable[[str, Settings], Child]]:
    """Start `relay` or `worker` as production does: `start_process("relay", settings)`."""
    children: list[Child] = []

    def start(command: str, settings: Settings, *options: str) -> Child:
        log = service_folder / f"{command}-{len(children)}.log"
        arguments = ["-m", "app.cli", command, *options]
        children.append(
            processes.spawn_python(command, arguments, log=log, env=environment(settings))
        )
        return children[-1]

    yield start
    with contextlib.suppress(ProcessLookupError):
        processes.stop_all(children)
