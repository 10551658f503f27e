"""What all injected faults have in common."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from dev import processes
from dev.processes import Child
from torture.channels_tap import ChannelsTap
from torture.link import Link
from torture.receivers import Receivers
from torture.stack import Stack


@dataclass(frozen=True)
class World:
    """What faults have access to."""

    stack: Stack
    rng: random.Random
    links: Sequence[Link]
    mail_link: Link
    channels_tap: ChannelsTap
    receivers: Receivers
    #: The popular recipient first.
    users: Sequence[UUID]


class Fault(ABC):
    """A fault, injected once; each injection is a new instance."""

    name: str
    #: Whether a process is killed, so that a mail may be sent twice.
    kills = True
    #: Whether no mail can be sent meanwhile, so that service includes mails.
    stops_mails = False
    #: The shortest and the longest duration.
    seconds = (0.3, 3.0)

    def __init__(self, world: World) -> None:
        #: Whether its effect was observed.
        self.had_effect = False
        self.world = world
        self.stack = world.stack
        self.rng = world.rng

    @abstractmethod
    async def begin(self) -> None:
        """Inject the fault."""

    @abstractmethod
    async def end(self) -> None:
        """End the fault, and return when what it affected runs again."""

    async def kill(self, *names: str) -> None:
        """kill -9 of these processes of the wallet."""
        for name in names:
            await asyncio.to_thread(self.stack.kill, name)
        self.had_effect = all(was_killed(self.stack.children[name]) for name in names)

    async def suspend(self, process: Child) -> None:
        """Suspend the process until it gets SIGCONT."""
        process.signal(signal.SIGSTOP)
        self.had_effect = await asyncio.to_thread(is_suspended, process)

    async def start(self, *names: str) -> None:
        """Start these processes together, and wait until they are ready."""
        for name in names:
            await asyncio.to_thread(self.stack.spawn, name)
        for name in names:
            await asyncio.to_thread(self.stack.wait_for, name)


def was_killed(process: Child) -> bool:
    """Whether it was ended by kill -9."""
    return process.exit_status == -signal.SIGKILL


def stands_still(process: Child) -> bool:
    """Whether it is suspended."""
    state = processes.output_of(["ps", "-o", "stat=", "-p", str(process.pid)])
    return state.startswith("T")


def is_suspended(process: Child, patience_seconds: float = 1.0) -> bool:
    """Whether it stands still, at the latest after that time: SIGSTOP takes effect once it is scheduled."""
    deadline = time.monotonic() + patience_seconds
    while not (is_still := stands_still(process)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_still


async def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Wait until the condition holds, at most that long; whether it did."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
