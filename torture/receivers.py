"""The receivers of a run: processes that refuse, hang, cut and get killed while their secrets are rotated."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from dev import processes
from dev.processes import Child
from domain.webhooks import WebhookStream
from torture import record_webhooks
from torture.client import Client
from torture.journal import Journal, Trouble
from torture.receiver import HOST, PATH
from torture.record import Record
from torture.record_webhooks import Attempt, Request
from torture.requests import minor
from torture.stack import Stack
from torture.users import User
from torture.webhook_owner import Owner

READY_SECONDS = 60.0
_POLL_SECONDS = 0.1
#: With webhooks.
_USERS = 3
_PAUSES_SECONDS = (0.2, 2.5)
#: Longer than the attempt that a receiver lets hang.
_TROUBLE_SECONDS = 18.0
_IDLE_SECONDS = 3.0
_OVERLAPS_SECONDS = (0, 8, 12, 20)
#: At the end: how often owners have failed deliveries tried again, and how long anything may take.
_HURRY_SECONDS = 6.0
_TIMEOUT_SECONDS = 60.0
_STATES = """
SELECT w.id, coalesce(c.accepted_number, 0),
    CASE w.stream WHEN 'NOTIFICATIONS' THEN u.notification_number ELSE u.sequence END,
    w.status = 'ACTIVE' AND w.next_attempt_at IS NULL
FROM webhooks AS w JOIN users AS u ON u.id = w.user_id
LEFT JOIN delivery_cursors AS c
    ON c.user_id = w.user_id AND c.receiver_id = w.id AND c.sink LIKE 'webhooks%'
"""
_ATTEMPTS = """
SELECT number, attempt, extract(epoch FROM sent_at)::float8, duration_milliseconds / 1000.0::float8,
    status, is_delivered
FROM webhook_attempts WHERE webhook_id = %s ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class State:
    """How far a webhook has delivered."""

    delivered_through: int
    newest: int
    #: Whether it delivers, and nothing has failed.
    is_fine: bool


class Receiver:
    """One webhook: its receiver's process, and its owner."""

    def __init__(
        self, stack: Stack, name: str, user: User, stream: WebhookStream, client: Client
    ) -> None:
        self.record = record_webhooks.Receiver(user.user_id, stream)
        folder = stack.folder / "receivers"
        folder.mkdir(exist_ok=True)
        self._file = folder / f"{name}.sqlite"
        self.journal = Journal(self._file)
        self.owner = Owner(user, client, self.journal, self.record)
        self._name = name
        self._log: Path = stack.log_of(name)
        self.port = processes.free_port()
        self._child: Child | None = None

    async def start(self) -> None:
        """Create the webhook, and start the process."""
        await self.owner.create(f"http://{HOST}:{self.port}{PATH}")
        await self.run_process()

    async def run_process(self) -> None:
        """Start the process, and wait until it accepts connections."""
        arguments = ["-P", "-m", "torture.receiver", str(self._file), str(self.port)]

        def run() -> None:
            child = self._child = processes.spawn_python(self._name, arguments, log=self._log)
            accepts = lambda: processes.accepts_connections(HOST, self.port)  # noqa: E731
            processes.wait_until(accepts, child, READY_SECONDS, self._name)

        await asyncio.to_thread(run)

    def kill(self) -> None:
        """kill -9 of the process."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    async def heal(self) -> None:
        """End all misbehaviour, and have the process running."""
        self.journal.order(None)
        if self._child is None:
            await self.run_process()


#: What happens to a receiver or its webhook, until then or until it is time to stop.
Act = Callable[[Receiver, asyncio.Event], Coroutine[Any, Any, None]]


class Receivers:
    """All receivers of a run."""

    def __init__(
        self,
        stack: Stack,
        record: Record,
        rng: random.Random,
        make_client: Callable[[], Client],
    ) -> None:
        self._stack = stack
        self._record = record
        self._rng = rng
        self._make_client = make_client
        self._all: list[Receiver] = []
        self._acts = self._deal()

    async def start(self, users: Sequence[User]) -> None:
        """Webhooks of some of the users."""
        chosen = self._rng.sample(users, min(len(users), _USERS))
        wanted = [(user, WebhookStream.WALLET_EVENTS) for user in chosen]
        wanted += [(user, WebhookStream.NOTIFICATIONS) for user in chosen[:-1]]
        for number, (user, stream) in enumerate(wanted, 1):
            name = f"receiver-{number}"
            receiver = Receiver(self._stack, name, user, stream, self._make_client())
            self._all.append(receiver)
            self._record.receivers.append(receiver.record)
        await asyncio.gather(*(receiver.start() for receiver in self._all))

    async def run(self, stopping: asyncio.Event) -> None:
        """Misbehave until it is time to stop."""
        await asyncio.gather(*(self._disturb(receiver, stopping) for receiver in self._all))

    def stop(self) -> None:
        """Kill the processes."""
        for receiver in self._all:
            receiver.kill()
            receiver.journal.close()

    def slow_down(self, *, is_slow: bool) -> None:
        """Acknowledge late, or not any more."""
        for receiver in self._all:
            receiver.journal.slow_down(is_slow=is_slow)

    def in_flight(self, since: float) -> int:
        """How many requests that arrived since then have not been answered."""
        return sum(receiver.journal.in_flight(since) for receiver in self._all)

    def read(self) -> None:
        """Write into the record what the receivers have stored so far."""
        for receiver in self._all:
            read_journal(receiver.record, receiver.journal)

    def read_attempts(self, database_url: str) -> None:
        """Write into the record what the wallet says of the deliveries. Raises psycopg.Error."""
        for receiver in self._all:
            read_attempts(
                receiver.record, database_url, receiver.owner.webhook_id, self._record.epoch_offset
            )

    # ------------------------------------------------ misbehaviour

    async def _disturb(self, receiver: Receiver, stopping: asyncio.Event) -> None:
        while not await _is_set(stopping, self._rng.uniform(*_PAUSES_SECONDS)):
            act = next(self._acts)
            if isinstance(act, Trouble):
                await self._trouble(receiver, act, stopping)
            else:
                await act(receiver, stopping)

    async def _trouble(self, receiver: Receiver, trouble: Trouble, stopping: asyncio.Event) -> None:
        receiver.journal.order(trouble)
        began = time.monotonic()
        is_idle = True
        while receiver.journal.has_orders and time.monotonic() < began + _TROUBLE_SECONDS:
            if await _is_set(stopping, _POLL_SECONDS):
                break
            is_idle &= not receiver.journal.in_flight(began)
            if is_idle and time.monotonic() > began + _IDLE_SECONDS:
                # Without a delivery it has no effect.
                await self._replay(receiver, stopping)
                is_idle = False
        receiver.journal.order(None)
        await self._go_on(receiver, stopping)

    async def _kill(self, receiver: Receiver, stopping: asyncio.Event) -> None:
        await asyncio.to_thread(receiver.kill)
        receiver.record.kills += 1
        await _is_set(stopping, self._rng.uniform(0.2, 2.0))
        await receiver.run_process()
        await self._go_on(receiver, stopping)

    async def _rotate(self, receiver: Receiver, _stopping: asyncio.Event) -> None:
        await receiver.owner.rotate(self._rng.choice(_OVERLAPS_SECONDS))

    async def _pause(self, receiver: Receiver, stopping: asyncio.Event) -> None:
        await receiver.owner.pause()
        await _is_set(stopping, self._rng.uniform(0.2, 2.0))
        await receiver.owner.resume()

    async def _replay(self, receiver: Receiver, _stopping: asyncio.Event) -> None:
        """From what was certainly acknowledged, so that nothing is left out."""
        certain = max(receiver.journal.last - 1, receiver.record.first)
        back = self._rng.randint(0, 5)
        await receiver.owner.replay(max(certain - back, receiver.record.first))

    async def _go_on(self, receiver: Receiver, stopping: asyncio.Event) -> None:
        """As owners do who do not want to wait for the next attempt; sometimes nobody does anything."""
        if self._rng.random() < 0.15:
            return
        ways = (self._resume, self._resume, self._pause, self._replay)
        await self._rng.choice(ways)(receiver, stopping)
        # Neither of the others continues a webhook that was disabled.
        await receiver.owner.resume()

    async def _resume(self, receiver: Receiver, _stopping: asyncio.Event) -> None:
        await receiver.owner.resume()

    def _deal(self) -> Iterator[Trouble | Act]:
        """What a short run needs first, then everything, then everything in random order, repeatedly."""
        first: list[Trouble | Act] = [
            Trouble.ERROR, self._kill, Trouble.CUT, self._rotate, Trouble.HANG, self._replay,
        ]  # fmt: skip
        every: list[Trouble | Act] = [
            *(trouble for trouble in Trouble if trouble is not Trouble.SLOW),
            self._kill, self._kill, self._rotate, self._rotate, self._rotate, self._pause,
            self._replay,
        ]  # fmt: skip
        yield from first
        while True:
            self._rng.shuffle(every)
            yield from every

    # ------------------------------------------------ the end

    async def wait_until_delivered(self, database_url: str) -> bool:
        """Whether every receiver has every event, once all are healthy. Gives up when nothing progresses."""
        await asyncio.gather(*(receiver.heal() for receiver in self._all))
        least, since, hurried = float("inf"), time.monotonic(), float("-inf")
        while time.monotonic() - since < _TIMEOUT_SECONDS:
            found = await asyncio.to_thread(states, database_url)
            waiting = sum(state.newest - state.delivered_through for state in found.values())
            if waiting == 0:
                return True
            if waiting < least:
                least, since = waiting, time.monotonic()
            if time.monotonic() - hurried > _HURRY_SECONDS:
                hurried = time.monotonic()
                for receiver in self._all:
                    if not found[receiver.owner.webhook_id].is_fine:
                        await receiver.owner.resume()
            await asyncio.sleep(_POLL_SECONDS)
        return False


def read_journal(record: record_webhooks.Receiver, journal: Journal) -> None:
    """Write into the record what the receiver has stored so far."""
    record.last = journal.last
    record.requests = [
        Request(
            arrived=noted.at,
            path=noted.sent.path,
            event_id=noted.sent.event_id,
            timestamp=noted.sent.timestamp,
            kind=noted.sent.kind,
            number=noted.sent.number,
            balance_minor=None if noted.sent.amount is None else minor(noted.sent.amount),
            reference=None if noted.sent.reference is None else UUID(noted.sent.reference),
            signed_by=noted.sent.signed_by,
            reply=noted.reply,
            answered=noted.answered,
            is_processed=noted.is_processed,
        )
        for noted in journal.requests()
    ]


def read_attempts(
    record: record_webhooks.Receiver, database_url: str, webhook_id: UUID, epoch_offset: float
) -> None:
    """Write into the record what the wallet says of the deliveries. Raises psycopg.Error."""
    record.delivered_through = states(database_url)[webhook_id].delivered_through
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_ATTEMPTS, [webhook_id]).fetchall()
    record.attempts = [
        Attempt(number, attempt, sent_at - epoch_offset, float(seconds), status, is_delivered)
        for number, attempt, sent_at, seconds, status, is_delivered in rows
    ]


def states(database_url: str) -> dict[UUID, State]:
    """How far each webhook has delivered. Raises psycopg.Error."""
    with psycopg.connect(database_url) as connection:
        return {row[0]: State(*row[1:]) for row in connection.execute(_STATES)}


async def _is_set(stopping: asyncio.Event, seconds: float) -> bool:
    """Wait that long at most; whether it is time to stop."""
    try:
        async with asyncio.timeout(seconds):
            return await stopping.wait()
    except TimeoutError:
        return False
