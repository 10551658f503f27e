"""Injects one fault after another, chosen by the seed, and waits for service to resume after each."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from uuid import UUID

from torture import faults, standby_faults
from torture.caller import Crowd
from torture.channels_tap import ChannelsTap
from torture.fault import Fault, World
from torture.listeners import Listener
from torture.movers import Mover
from torture.record import Command, InjectedFault, Operation, Outcome, Record
from torture.users import User

#: How long a probe keeps trying; the promise is shorter.
PROBE_SECONDS = 60.0
_PAUSE_SECONDS = (0.3, 2.0)
#: In a run shorter than this, faults are shorter too.
_SHORT_RUN_SECONDS = 60.0


class Probe:
    """A client with an undisturbed connection that determines when service has resumed."""

    def __init__(
        self,
        *,
        user: User,
        crowd: Crowd,
        movers: Sequence[Mover],
        listener: Listener,
        tap: ChannelsTap,
        mails: Callable[[], Awaitable[bool]],
    ) -> None:
        self._user = user
        self._crowd = crowd
        #: One for each API process.
        self._movers = movers
        self._listener = listener
        self._tap = tap
        #: Whether mails are delivered again.
        self._mails = mails

    async def wait_for_service(self, tell: Callable[[str], None], *, mails: bool) -> bool:
        """Whether money moves through each API process, its event arrives, and pushes (and mails) continue.

        Under load, a push or a mail may be queued for long. After a fault they only have to continue; that
        none is lost is checked at the end of the run.
        """
        accepted = self._tap.accepted
        passed = []
        began = time.monotonic()
        stages: list[tuple[str, Callable[[], Awaitable[bool]]]] = [
            *[(f"api {n}", lambda mover=mover: self._moves(mover, began))
              for n, mover in enumerate(self._movers, 1)],
            ("event", lambda: _holds(lambda: self._listener.last >= self._newest, began)),
            ("push", lambda: _holds(lambda: self._tap.accepted > accepted, began)),
            *([("mail", self._mails)] if mails else []),
        ]  # fmt: skip
        for name, reach in stages:
            if not await reach():
                return False
            passed.append(f"{name} {time.monotonic() - began:.1f} s")
        tell(f"service again: {', '.join(passed)}")
        return True

    async def _moves(self, mover: Mover, began: float) -> bool:
        """Whether a top-up and a transfer to the popular recipient, the most contended row, are accepted."""
        for recipient_id in (None, self._crowd.users[0].user_id):
            if not await self._is_acknowledged(mover, recipient_id, began):
                return False
        return True

    async def _is_acknowledged(self, mover: Mover, recipient_id: UUID | None, began: float) -> bool:
        while time.monotonic() - began < PROBE_SECONDS:
            command = self._command(recipient_id)
            await mover.ask(command)
            if command.outcome is Outcome.ACKNOWLEDGED:
                self._newest = command.sequence or 0
                return True
        return False

    def _command(self, recipient_id: UUID | None) -> Command:
        return Command(
            user_id=self._user.user_id,
            operation=Operation.SEND_MONEY if recipient_id else Operation.ADD_BALANCE,
            key=self._crowd.new_key(),
            recipient_id=recipient_id,
            # The top-up covers the transfer and its fee.
            amount_minor=1 if recipient_id else 2,
            note=None,
            began=time.monotonic(),
        )


class Chaos:
    """Injects faults one after another until the time is over."""

    def __init__(
        self, world: World, probe: Probe, record: Record, tell: Callable[[str], None]
    ) -> None:
        self._world = world
        self._rng = world.rng
        self._probe = probe
        self._record = record
        self._tell = tell

    async def run(self, seconds: float) -> None:
        """Inject faults for so long, and in any case all that no run may skip."""
        ends_at = time.monotonic() + seconds
        first, further = self._possible(self._first()), self._possible(faults.FURTHER)
        for number, kind in enumerate(_kinds(self._rng, first, further)):
            left = ends_at - time.monotonic()
            if left <= 0 and number >= len(first):
                return
            await asyncio.sleep(self._rng.uniform(*_PAUSE_SECONDS))
            # No fault is active at this moment, and nothing restarts processes but the faults.
            self._record.ended += set(self._world.stack.ended()) - set(self._record.ended)
            await self._inject(kind(self._world), shorter=seconds < _SHORT_RUN_SECONDS)

    def _first(self) -> list[type[Fault]]:
        """The faults that every run injects, however short it is."""
        stack = self._world.stack
        return [
            *faults.FIRST,
            *(faults.WITH_POOLER if stack.pooler is not None else ()),
            *(standby_faults.ALL if stack.standby is not None else ()),
        ]

    def _possible(self, kinds: Sequence[type[Fault]]) -> list[type[Fault]]:
        breaks_database = self._world.stack.breaks_database
        return [kind for kind in kinds if breaks_database or kind not in faults.OF_DATABASE]

    async def _inject(self, fault: Fault, *, shorter: bool) -> None:
        self._tell(fault.name)
        injected = InjectedFault(fault.name, began=time.monotonic(), kills=fault.kills)
        self._record.faults.append(injected)
        await fault.begin()
        try:
            shortest, longest = fault.seconds
            if shorter:
                longest = shortest + (longest - shortest) / 3
            await asyncio.sleep(self._rng.uniform(shortest, longest))
        finally:
            injected.ending = time.monotonic()
            await fault.end()
        injected.ended = time.monotonic()
        injected.had_effect = fault.had_effect
        self._tell(f"{fault.name}, ended")
        if await self._probe.wait_for_service(self._tell, mails=fault.stops_mails):
            injected.recovered_at = time.monotonic()


async def _holds(what: Callable[[], bool], began: float) -> bool:
    while time.monotonic() - began < PROBE_SECONDS:
        if what():
            return True
        await asyncio.sleep(0.02)
    return False


def _kinds(
    rng: random.Random, first: list[type[Fault]], further: list[type[Fault]]
) -> Iterator[type[Fault]]:
    """Those first, then each of the others, then all of them in random order, repeatedly."""
    rng.shuffle(first)
    rng.shuffle(further)
    everything = [*first, *further]
    while True:
        yield from everything
        rng.shuffle(everything)
