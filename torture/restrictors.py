"""An operator who restricts accounts while they send, receive and add money, and lifts the restrictions."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from uuid import UUID

from domain import ids
from torture import record_accounts, requests, schedulers
from torture.caller import Caller, Crowd
from torture.client import Client
from torture.movers import Mover
from torture.operators import CONFIRMED_SECONDS, DONE
from torture.record import Command, Operation
from torture.record_accounts import Bar, Barred, Lift
from torture.record_schedules import AskedSchedule
from torture.users import User

#: How many requests race each restriction.
AT_ONCE = 3
_BARS = (Bar.SENDING, Bar.RECEIVING, Bar.ADDING)
_LONGEST_HEAD_START_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.6
#: How often each is tried while it is not answered, however short the run.
_TRIES = 5
#: Those who restrict or reverse choose among users with so much.
_ENOUGH_MINOR = 500
_REASON = "Reported in the torture run."
_RESTRICT = """
mutation ($input: RestrictAccountInput!) { result: restrictAccount(input: $input) {
  __typename ... on UserError { message }
} }
"""
_LIFT = """
mutation ($input: LiftRestrictionsInput!) { result: liftRestrictions(input: $input) {
  __typename ... on UserError { message }
} }
"""


class Lifting(Caller):
    """Lifts restrictions as an operator."""

    def __init__(
        self, crowd: Crowd, devices: Sequence[Client], rng: random.Random, operator: User
    ) -> None:
        super().__init__(crowd, devices, rng)
        self._operator = operator

    async def lift(self, user_id: UUID) -> bool:
        """Lift all restrictions of the user; whether they are."""
        record, began = self._crowd.record, time.monotonic()
        record_accounts.end(record.barred, user_id, began, *_BARS)
        given = {"userId": ids.global_id("User", user_id), "reason": _REASON}
        tried = await self.until_answered(_LIFT, {"input": given}, self._operator.user_id)
        # Without an answer it may be lifted too, until the last try is known to have ended.
        record.lifts.append(Lift(user_id, began, time.monotonic()))
        if not tried.is_answered or tried.answer is None:
            return False
        return bool(tried.answer.data["result"]["__typename"] == DONE)

    async def restrict(self, barred: Barred) -> None:
        """Bar the account until then, or until that is lifted."""
        given = {
            "userId": ids.global_id("User", barred.user_id),
            "restrictions": [barred.what.value],
            "reason": _REASON,
        }
        if barred.until is not None:
            given["until"] = requests.instant(barred.until)
        self._crowd.record.barred.append(barred)
        tried = await self.until_answered(_RESTRICT, {"input": given}, self._operator.user_id)
        answer = tried.answer if tried.is_answered else None
        if answer is not None and answer.data["result"]["__typename"] == DONE:
            barred.answered = time.monotonic()


class Restrictor:
    """Restricts any user but the popular recipient, each time while requests of that account are in progress."""

    def __init__(
        self, crowd: Crowd, devices: Sequence[Client], rng: random.Random, operator: User
    ) -> None:
        """There is a device more than `AT_ONCE`, and another one for schedules."""
        self._crowd = crowd
        self._rng = rng
        self._operator = Lifting(crowd, devices[:1], rng, operator)
        self._movers = [Mover(crowd, [device], rng) for device in devices[1:]]

    async def run(self) -> None:
        """Restrict until it is time to stop: each restriction at least once, however short the run."""
        until = time.monotonic() + CONFIRMED_SECONDS
        for what in _BARS:
            for _ in range(_TRIES):
                if await self._restrict(what):
                    break
        while not self._crowd.stopping.is_set() and time.monotonic() < until:
            await self._restrict(self._rng.choice(_BARS))
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_PAUSE_SECONDS))

    async def _restrict(self, what: Bar) -> bool:
        """Whether it was answered."""
        user, other = self._people()
        barred = Barred(user.user_id, what, time.monotonic())
        if self._rng.random() < 0.4:
            seconds = self._rng.uniform(0.3, 2.0)
            barred.until = self._crowd.record.microseconds(barred.began + seconds)
        racing = [self._move(mover, barred, other) for mover in self._movers[:AT_ONCE]]
        if what is Bar.SENDING:
            racing.append(self._schedule(self._movers[-1], user, other))
        await asyncio.gather(self._operator.restrict(barred), *racing)
        # After the answer, each of these is refused.
        await asyncio.gather(*(self._move(m, barred, other) for m in self._movers[:AT_ONCE]))
        if barred.until is None:
            await self._operator.lift(user.user_id)
            await self._move(self._movers[0], barred, other)
        return barred.answered is not None

    async def _move(self, mover: Mover, barred: Barred, other: User) -> None:
        """What the account is barred from, at about the same time."""
        await asyncio.sleep(self._rng.uniform(0, _LONGEST_HEAD_START_SECONDS))
        is_received = barred.what is Bar.RECEIVING
        sender, recipient = (
            (other.user_id, barred.user_id) if is_received else (barred.user_id, other.user_id)
        )
        adds = barred.what is Bar.ADDING
        command = Command(
            user_id=sender,
            operation=Operation.ADD_BALANCE if adds else Operation.SEND_MONEY,
            key=self._crowd.new_key(),
            recipient_id=None if adds else recipient,
            amount_minor=self._rng.randint(1, 50),
            note=None,
            began=time.monotonic(),
        )
        await mover.ask(command)

    async def _schedule(self, mover: Mover, user: User, recipient: User) -> None:
        """A run that is due at once, and may have to be sent while the account is restricted."""
        asked = AskedSchedule(
            user.user_id,
            recipient.user_id,
            self._rng.randint(1, 50),
            None,
            self._crowd.new_key(),
            time.monotonic(),
        )
        self._crowd.record.schedules.append(asked)
        tried = await mover.until_answered(
            requests.SCHEDULE,
            requests.schedule_variables(asked, schedulers.today()),
            user.user_id,
        )
        if tried.is_answered and tried.answer is not None:
            asked.answer = tried.answer.data["scheduleTransfer"]["__typename"]
        asked.ended = time.monotonic()

    def _people(self) -> tuple[User, User]:
        """Two users who have money, if there are such, but never the popular recipient."""
        balances = self._crowd.balances
        others = list(self._crowd.users[1:])
        rich = [u for u in others if balances.get(u.user_id, 0) >= _ENOUGH_MINOR]
        user, other = self._rng.sample(rich if len(rich) > 1 else others, 2)
        return user, other
