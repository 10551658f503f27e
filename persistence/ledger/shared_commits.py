"""Group commit: commands that arrive while a commit is in progress share the next one.

There is no timer. A single command is executed at once; under load, the longer commits take, the more
commands each carries. An account that many users pay is then locked once per commit instead of once per
command.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, cast

from domain import errors
from domain.ledger.decisions import Command
from domain.ledger.posting import PostingCommand
from persistence.engine import database
from persistence.ledger.ledger import Ledger, Movement, Result

#: How many batches are in progress at once, unless the caller says otherwise.
BATCHES_AT_ONCE = 2
#: On a cluster: two batches with the same accounts wait for each other's locks, and a commit of twice as many
#: commands takes little longer, since most of its time goes into the round trips to the nodes.
_AT_ONCE_ON_A_CLUSTER = 1
#: After a failed batch its commands are executed one by one, this many concurrently.
ALONE_AT_ONCE = 4
#: Fewer commands are not divided among batches: a commit costs as much as several commands.
_WORTH_A_COMMIT = 8
_LOCK_NOT_AVAILABLE = "55P03"
#: How Citus reports an error of a node in `INSERT … SELECT`, whatever its cause.
_INTERNAL_ERROR = "XX000"
#: Errors that a single command may cause: the others of the batch may well succeed.
_OF_ONE_COMMAND = database.RETRIED | {_LOCK_NOT_AVAILABLE, _INTERNAL_ERROR}


@dataclass(slots=True, eq=False)
class _Waiting:
    command: Command
    #: A refusal is a result, as in the ledger; an exception is a fault.
    outcome: asyncio.Future[Result]


def _do_nothing(_commands: int) -> None:
    """Ignore the number of commands."""


class SharedCommits:
    """A ledger for the requests of one process. Each command has its own outcome."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        batches: int | None = None,
        batch_commands: int = 200,
        queue_commands: int = 1000,
        settling: Callable[[int], None] = _do_nothing,
    ) -> None:
        """Without `batches`, there are BATCHES_AT_ONCE, or a single one on a cluster. The callback receives the
        number of commands of each commit.
        """
        self._ledger = ledger
        self._batches = batches
        self._batch_commands = batch_commands
        self._queue_commands = queue_commands
        self._settling = settling
        self._waiting: deque[_Waiting] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._alone: set[asyncio.Task[None]] = set()
        self._alone_at_once = asyncio.Semaphore(ALONE_AT_ONCE)
        self._is_scheduled = False

    def move(self, command: PostingCommand) -> Coroutine[Any, Any, Movement]:
        """Execute the command in a shared commit. Raises its refusal, or Unavailable where the outcome
        is unknown: repeat the command with the same key.

        Cancelling the caller does not cancel the commit of the others.
        """
        # Such a command posts something, or is refused. Not a coroutine itself, which would cost each.
        return cast("Coroutine[Any, Any, Movement]", self.run(command))

    async def run(self, command: Command) -> Movement | None:
        """Execute the command, as `move` does; None where it posted nothing."""
        if len(self._waiting) + len(self._alone) >= self._queue_commands:
            raise errors.unavailable(
                "Too many transfers and top-ups are waiting; this one was not started."
            )
        waiting = _Waiting(command, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._schedule()
        outcome = await waiting.outcome
        if isinstance(outcome, errors.DomainError):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Execute the waiting commands, then close the ledger."""
        while tasks := self._under_way | self._alone:
            await asyncio.wait(tasks)
        await self._ledger.close()

    @property
    def _at_once(self) -> int:
        """How many batches may be in progress at the same time."""
        if self._batches is not None:
            return self._batches
        return _AT_ONCE_ON_A_CLUSTER if self._ledger.is_cluster else BATCHES_AT_ONCE

    def _schedule(self) -> None:
        """Have the waiting commands executed, if there may be another batch."""
        # One that begins takes the commands of the same iteration of the event loop, and of the one before.
        if not self._is_scheduled and len(self._under_way) < self._at_once:
            self._is_scheduled = True
            self._start(self._work(), self._under_way)

    async def _work(self) -> None:
        """Execute one batch after another, until nothing waits."""
        self._is_scheduled = False
        try:
            while len(self._under_way) <= self._at_once and (batch := self._next()):
                if self._waiting:
                    self._schedule()
                await self._settle(batch)
        finally:
            # At once: a command that comes before the task has ended has to find its place free.
            self._under_way.discard(_this_task())

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        # Divide the commands among this batch and the free ones: while PostgreSQL works on one, this
        # process works on the other.
        free = max(0, self._at_once - len(self._under_way))
        share = -(-len(self._waiting) // (1 + free))
        most = min(self._batch_commands, max(share, _WORTH_A_COMMIT))
        while self._waiting and len(batch) < most:
            waiting = self._waiting.popleft()
            # The outcome of a cancelled command is no longer needed.
            if not waiting.outcome.cancelled():
                batch.append(waiting)
        return batch

    def _start(self, work: object, tasks: set[asyncio.Task[None]]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _settle(self, batch: Sequence[_Waiting]) -> None:
        self._settling(len(batch))
        try:
            outcomes = await self._ledger.settle_in_task([each.command for each in batch])
        except Exception as error:
            self._fail(batch, error)
        else:
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if not waiting.outcome.done():
                    waiting.outcome.set_result(outcome)

    def _fail(self, batch: Sequence[_Waiting], error: Exception) -> None:
        if _is_of_one_command(error):
            if len(batch) > 1:
                for waiting in batch:
                    self._start(self._settle_alone(waiting), self._alone)
                return
            failed = [*batch]
        else:
            # The ledger has retried long enough: the waiting commands would fail too.
            failed = [*batch, *self._waiting]
            self._waiting.clear()
        for waiting in failed:
            _refuse(waiting, error)

    async def _settle_alone(self, waiting: _Waiting) -> None:
        async with self._alone_at_once:
            if waiting.outcome.done():
                return
            self._settling(1)
            try:
                [outcome] = await self._ledger.settle_in_task([waiting.command])
            except Exception as error:
                _refuse(waiting, error)
            else:
                if not waiting.outcome.done():
                    waiting.outcome.set_result(outcome)


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _is_of_one_command(error: Exception) -> bool:
    """Whether a single command may have caused it, and not an unreachable or slow database."""
    if not isinstance(error, errors.Unavailable):
        return True
    return database.sqlstate(error.__cause__) in _OF_ONE_COMMAND


def _refuse(waiting: _Waiting, error: Exception) -> None:
    if waiting.outcome.done():
        return
    if isinstance(error, errors.Unavailable):
        # One exception each: an exception raised by several callers accumulates all their tracebacks.
        refusal = errors.Unavailable(error.message)
        refusal.__cause__ = error.__cause__
        waiting.outcome.set_result(refusal)
    else:
        waiting.outcome.set_exception(error)
