"""Clients that request money, and pay, decline and cancel what is requested: often at the same time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from torture import requests
from torture.caller import Crowd
from torture.client import Client
from torture.movers import Mover
from torture.record import Command, Operation
from torture.record_requests import Act, AskedRequest, Attempt
from torture.users import User

#: How many close one request at the same time.
AT_ONCE = 4
_LONGEST_PAUSE_SECONDS = 0.4
_LONGEST_HEAD_START_SECONDS = 0.05
_NOTES = (None, "dinner", "Miete für März", "🍕 と 🍺")


class Requester:
    """Requests money as any user, then has others close the request, each from a device of its own."""

    def __init__(self, crowd: Crowd, devices: Sequence[Client], rng: random.Random) -> None:
        """There are `AT_ONCE` devices."""
        self._crowd = crowd
        self._callers = [Mover(crowd, [device], rng) for device in devices]
        self._rng = rng

    async def run(self) -> None:
        """Request until it is time to stop. Every way to close a request occurs, however short the run."""
        ways: list[Callable[[], Awaitable[None]]] = [
            self._race_for_an_open_one,
            self._close_one_in_every_way,
            self._pay_with_two_keys,
            self._pay_or_decline_late,
            self._let_expire,
        ]
        for way in ways:
            if not self._crowd.stopping.is_set():
                await way()
        while not self._crowd.stopping.is_set():
            await self._rng.choice(ways)()
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_PAUSE_SECONDS))

    # ------------------------------------------------ behaviours

    async def _race_for_an_open_one(self) -> None:
        """Several users pay an open request; now and then its requester cancels it."""
        requester, *others = self._people(AT_ONCE)
        asked = await self._ask(requester, None)
        closing: list[tuple[Act, User]] = [(Act.PAY, each) for each in others]
        if self._rng.random() < 0.5:
            closing.append((Act.CANCEL, requester))
        await self._close(asked, closing)

    async def _close_one_in_every_way(self) -> None:
        requester, payer = self._people(2)
        asked = await self._ask(requester, payer)
        closing = [(Act.PAY, payer), (Act.DECLINE, payer), (Act.CANCEL, requester)]
        self._rng.shuffle(closing)
        await self._close(asked, closing)

    async def _pay_with_two_keys(self) -> None:
        requester, payer = self._people(2)
        asked = await self._ask(requester, payer)
        await self._close(asked, [(Act.PAY, payer), (Act.PAY, payer)])

    async def _pay_or_decline_late(self) -> None:
        """Close a request at about the time at which it expires."""
        requester, payer = self._people(2)
        seconds = self._rng.uniform(0.2, 1.0)
        asked = await self._ask(requester, payer, lifetime_seconds=seconds)
        left = asked.began + seconds - time.monotonic()
        await asyncio.sleep(max(left + self._rng.uniform(-0.1, 0.1), 0))
        await self._close(asked, [(self._rng.choice([Act.PAY, Act.DECLINE]), payer)])

    async def _let_expire(self) -> None:
        requester, payer = self._people(2)
        is_open = self._rng.random() < 0.3
        seconds = self._rng.uniform(0.5, 5.0)
        await self._ask(requester, None if is_open else payer, lifetime_seconds=seconds)

    # ------------------------------------------------ requests

    async def _ask(
        self, requester: User, payer: User | None, *, lifetime_seconds: float = 20.0
    ) -> AskedRequest:
        """Request money, until there is an answer."""
        record = self._crowd.record
        asked = AskedRequest(
            requester.user_id,
            None if payer is None else payer.user_id,
            self._rng.randint(1, 300),
            self._rng.choice(_NOTES),
            self._crowd.new_key(),
            time.monotonic(),
        )
        record.requests.append(asked)
        expires_at = record.microseconds(asked.began + lifetime_seconds)
        tried = await self._callers[0].until_answered(
            requests.ASK, requests.asking_variables(asked, expires_at), requester.user_id
        )
        if tried.is_answered and tried.answer is not None:
            result = tried.answer.data["requestMoney"]
            asked.answer = result["__typename"]
            if "paymentRequest" in result:
                asked.global_id = result["paymentRequest"]["id"]
        asked.ended = time.monotonic()
        return asked

    async def _close(self, asked: AskedRequest, closing: Sequence[tuple[Act, User]]) -> None:
        """All of them at about the same time, and one of them once more afterwards."""
        if asked.global_id is None:
            return
        await asyncio.gather(
            *(
                self._attempt(caller, asked, act, user)
                for caller, (act, user) in zip(self._callers, closing, strict=False)
            )
        )
        if self._rng.random() < 0.3:
            await self._attempt(self._callers[0], asked, *self._rng.choice(closing))

    async def _attempt(self, caller: Mover, asked: AskedRequest, act: Act, user: User) -> None:
        await asyncio.sleep(self._rng.uniform(0, _LONGEST_HEAD_START_SECONDS))
        attempt = Attempt(act, user.user_id, time.monotonic())
        asked.attempts.append(attempt)
        if act is Act.PAY:
            await self._pay(caller, asked, attempt)
        else:
            document = requests.CLOSE_REQUEST[act]
            tried = await caller.until_answered(document, {"id": asked.global_id}, user.user_id)
            attempt.lost = tried.lost
            if tried.is_answered and tried.answer is not None:
                attempt.answer = tried.answer.data["result"]["__typename"]
        attempt.ended = time.monotonic()

    async def _pay(self, caller: Mover, asked: AskedRequest, attempt: Attempt) -> None:
        attempt.key = self._crowd.new_key()
        command = Command(
            user_id=attempt.user_id,
            operation=Operation.PAY_REQUEST,
            key=attempt.key,
            recipient_id=asked.requester_id,
            amount_minor=asked.amount_minor,
            note=asked.note,
            began=attempt.began,
            request_id=asked.global_id,
        )
        await caller.ask(command)
        attempt.lost = command.lost
        if command.reference is not None:
            attempt.answer = "MoneySent"
        elif command.answer_began is not None:
            attempt.answer = command.refusal

    def _people(self, count: int) -> list[User]:
        return self._rng.sample(list(self._crowd.users), count)
