"""What all clients that change something have in common: they retry until there is an answer."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from torture.client import UNAVAILABLE, Answer, Client, Lost
from torture.delayed import DelayingNetwork
from torture.record import Record
from torture.users import User

TRIES = 7
FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 1.2


@dataclass
class Crowd:
    """The users whose money is moved, and what the movers share; the first user is the popular recipient."""

    users: Sequence[User]
    record: Record
    stopping: asyncio.Event
    network: DelayingNetwork
    asked: int = 0

    def __post_init__(self) -> None:
        self.by_id = {user.user_id: user for user in self.users}
        self.balances: dict[UUID, int] = {}

    def new_key(self) -> str:
        self.asked += 1
        return f"torture-{self.record.seed}-{self.asked}"


@dataclass(slots=True)
class Tries:
    """The result of trying one request until it is answered."""

    #: The last answer; None if the last try was lost.
    answer: Answer | None = None
    #: When the last try began.
    began: float = 0.0
    count: int = 0
    lost: int = 0

    @property
    def is_answered(self) -> bool:
        return self.answer is not None and not self.answer.has_failed


class Caller:
    """Sends requests as any user, again and again while they are lost."""

    def __init__(self, crowd: Crowd, devices: Sequence[Client], rng: random.Random) -> None:
        self._crowd = crowd
        #: Each has its own connections; the first is used unless several requests are sent at once.
        self._devices = devices
        self._rng = rng

    async def until_answered(
        self,
        document: str,
        variables: dict[str, Any],
        user_id: UUID,
        device: Client | None = None,
        tries: int = TRIES,
    ) -> Tries:
        """Try until there is an answer; the pauses between the tries grow."""
        token = self._crowd.by_id[user_id].token
        tried = Tries()
        for attempt in range(tries):
            tried.began, tried.answer = time.monotonic(), None
            tried.count += 1
            with contextlib.suppress(Lost):
                tried.answer = await (device or self._devices[0]).ask(document, variables, token)
            if tried.is_answered:
                break
            # The error is in the record's failures; the effect of the try is looked up at the end.
            tried.lost += 1
            if tried.answer is not None and tried.answer.code != UNAVAILABLE:
                break
            if self._crowd.stopping.is_set():
                break
            pause = min(FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause * self._rng.uniform(0.5, 1.5))
        return tried
