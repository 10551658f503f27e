"""Something that breaks in a run and is mended: what all troubles have in common."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from torture.channels_tap import ChannelsTap
from torture.link import Link
from torture.stack import Stack


@dataclass(frozen=True)
class World:
    """What troubles can reach."""

    stack: Stack
    dice: random.Random
    links: Sequence[Link]
    mail_link: Link
    channels_tap: ChannelsTap
    #: The hot recipient first.
    people: Sequence[UUID]


class Trouble(ABC):
    """Something that breaks and is mended; made anew each time."""

    name: str
    #: Whether a process is ended, so that a mail may come twice.
    kills = True
    #: Whether no mail can be sent meanwhile, so that service means mails too.
    stops_mails = False
    #: How long it lasts, from the shortest to the longest.
    seconds = (0.3, 3.0)

    def __init__(self, world: World) -> None:
        self.world = world
        self.stack = world.stack
        self.dice = world.dice

    @abstractmethod
    async def begin(self) -> None:
        """Break it."""

    @abstractmethod
    async def mend(self) -> None:
        """Mend it, and return when it runs again."""

    async def start(self, *names: str) -> None:
        """Start these processes again, all at once, and wait until they are at work."""
        for name in names:
            await asyncio.to_thread(self.stack.spawn, name)
        for name in names:
            await asyncio.to_thread(self.stack.wait_for, name)
