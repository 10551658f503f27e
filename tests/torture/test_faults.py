"""The effect of a fault is reported only if it was observed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from dev import processes
from dev.processes import Child
from torture import fault
from torture.database_faults import HELD_UP, StatementsSlow, finds

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    """A process that waits for a signal."""
    waiting = ["-c", "import signal; signal.pause()"]
    spawned = processes.spawn_python("waiting", waiting, log=tmp_path / "log")
    yield spawned
    spawned.kill()


def test_a_process_is_suspended_until_it_is_continued(child: Child) -> None:
    assert not fault.stands_still(child)
    child.signal(signal.SIGSTOP)
    assert fault.is_suspended(child)
    child.signal(signal.SIGCONT)
    assert not fault.stands_still(child)


def test_a_process_that_ended_by_itself_was_not_killed(child: Child) -> None:
    assert not fault.was_killed(child)
    child.stop()
    assert not fault.was_killed(child)


def test_a_process_that_was_killed_was(child: Child) -> None:
    child.kill()
    assert fault.was_killed(child)


async def test_a_lock_takes_effect_if_a_session_waits_for_it(database_url: str) -> None:
    lock = "SELECT pg_advisory_xact_lock(1)"
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url) as other:
        holder.execute(lock)
        pid = [holder.info.backend_pid]
        assert not finds(database_url, HELD_UP, pid, seconds=0.1)
        waiting = asyncio.create_task(asyncio.to_thread(other.execute, lock))
        assert await asyncio.to_thread(finds, database_url, HELD_UP, pid, seconds=20)
        holder.rollback()
        await waiting


async def test_a_slow_statement_in_progress_finishes(database_url: str) -> None:
    stack = SimpleNamespace(postgres=SimpleNamespace(url=database_url, admin_url=database_url))
    slow = StatementsSlow(cast(Any, SimpleNamespace(stack=stack, rng=None)))

    def lock_until_seen(connection: psycopg.Connection) -> None:
        while not slow.had_effect:
            connection.execute("SELECT FROM lock_accounts('{}')")

    await slow.begin()
    with contextlib.ExitStack() as opened:
        connections = [opened.enter_context(psycopg.connect(database_url)) for _ in range(5)]
        waiting = [
            asyncio.create_task(asyncio.to_thread(lock_until_seen, connection))
            for connection in connections
        ]
        await slow.end()
        assert slow.had_effect
        await asyncio.gather(*waiting)
