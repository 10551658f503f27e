"""Something that breaks in a run and is ended: what all faults have in common."""

from __future__ import annotations

import asyncio
import random
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from dev import processes
from dev.processes import Child
from torture.channels_tap import ChannelsTap
from torture.link import Link
from torture.stack import Stack


@dataclass(frozen=True)
class World:
    """What faults can reach."""

    stack: Stack
    rng: random.Random
    links: Sequence[Link]
    mail_link: Link
    channels_tap: ChannelsTap
    #: The hot recipient first.
    users: Sequence[UUID]


class Fault(ABC):
    """Something that breaks and is ended; made anew each time."""

    name: str
    #: Whether a process is ended, so that a mail may come twice.
    kills = True
    #: Whether no mail can be sent meanwhile, so that service means mails too.
    stops_mails = False
    #: How long it lasts, from the shortest to the longest.
    seconds = (0.3, 3.0)

    def __init__(self, world: World) -> None:
        #: Whether it was seen to have the effect that its name says.
        self.had_effect = False
        self.world = world
        self.stack = world.stack
        self.rng = world.rng

    @abstractmethod
    async def begin(self) -> None:
        """Break it."""

    @abstractmethod
    async def end(self) -> None:
        """Mend it, and return when it runs again."""

    async def kill(self, *names: str) -> None:
        """kill -9 of these of the wallet's processes."""
        for name in names:
            await asyncio.to_thread(self.stack.kill, name)
        self.had_effect = all(was_killed(self.stack.children[name]) for name in names)

    async def suspend(self, process: Child) -> None:
        """Have it stand still until it is told to go on."""
        process.signal(signal.SIGSTOP)
        self.had_effect = await asyncio.to_thread(stands_still, process)

    async def start(self, *names: str) -> None:
        """Start these processes again, all at once, and wait until they are at work."""
        for name in names:
            await asyncio.to_thread(self.stack.spawn, name)
        for name in names:
            await asyncio.to_thread(self.stack.wait_for, name)


def was_killed(process: Child) -> bool:
    """Whether kill -9 is what ended it."""
    return process.exit_status == -signal.SIGKILL


def stands_still(process: Child) -> bool:
    """Whether it is suspended."""
    state = processes.output_of(["ps", "-o", "stat=", "-p", str(process.pid)])
    return state.startswith("T")


async def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Wait until it holds, or for so long; whether it did."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
