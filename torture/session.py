"""One run from its first process to its last check."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from torture import checker, drain, ledgers, movers, users
from torture.channels_tap import ChannelsTap
from torture.chaos import PROBE_SECONDS, Chaos, Probe
from torture.checker import Violation
from torture.client import Answer, Client
from torture.delayed import DelayingNetwork
from torture.fault import World
from torture.link import NONE, Chances, Link
from torture.listeners import EventStreamListener, Listener, WebSocketListener
from torture.mails import Correspondent, Mailbox
from torture.movers import Crowd, Mover
from torture.readers import Reader
from torture.record import Failure, Record
from torture.stack import Stack
from torture.users import Person

READERS = 3
LONGEST_DELAY_SECONDS = 300.0
#: The mail catcher keeps a thousand.
MOST_MAILS = 600
_LOOK_SECONDS = 4.0
_FIRST_LONG_LOOK_SECONDS = 10.0
_LAST_WORDS_SECONDS = 30.0


@dataclass(frozen=True)
class Plan:
    """What one run does: all of its choices follow from the seed."""

    seed: int
    seconds: float
    people: int = 40
    movers: int = 16
    chances: Chances = field(default_factory=Chances)


@dataclass(frozen=True)
class Result:
    """What came of it; the rest is in the record."""

    violations: list[Violation]
    settled: bool
    chaos_seconds: float
    entries: int
    #: Mails that no kill excused from coming exactly once.
    mails_due_once: int


class Session:
    """Brings stack, callers, listeners and chaos together, and checks what came of it."""

    def __init__(self, stack: Stack, plan: Plan, tell: Callable[[str], None]) -> None:
        self.record = Record(
            seed=plan.seed,
            fee_basis_points=stack.settings.transfer_fee_basis_points,
            epoch_offset=time.time() - time.monotonic(),
        )
        self._stack = stack
        self._plan = plan
        self._tell = tell
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._listeners: list[Listener] = []
        self._clients: list[Client] = []
        self._violations: list[Violation] = []
        dice = self._dice("links")
        self._links = [Link(port, dice, plan.chances) for port in stack.api_ports]
        self._mail_link = Link(stack.catcher.port, dice, NONE, port=stack.mail_port)
        self._mailbox = Mailbox(stack.catcher.folder)
        self._network = DelayingNetwork(
            self.record,
            stack.api_ports,
            self._dice("delayed"),
            self._watch,
            longest_seconds=min(LONGEST_DELAY_SECONDS, plan.seconds * 0.8),
        )
        self._channels_tap = ChannelsTap(
            stack.channels_port, stack.channels.port, self._dice("channels"), self.record
        )

    async def run(self) -> Result:
        """All of it. Raises ServiceError where the stack cannot be had."""
        try:
            self._tell("starting the services")
            settled_in = await self._start()
            self._began = time.monotonic()
            movers_at_work = self._begin(settled_in)
            await self._chaos(settled_in[0], self._crowd).run(self._plan.seconds)
            chaos_seconds = time.monotonic() - self._began
            return await self._finish(movers_at_work, chaos_seconds)
        finally:
            await self._cancel_tasks()
            await self._network.cancel()
            for client in self._clients:
                client.close()
            for link in (*self._links, self._mail_link):
                await link.stop()
            await self._channels_tap.stop()
            await asyncio.to_thread(self._stack.stop)

    # ------------------------------------------------ starting

    async def _start(self) -> list[Person]:
        """The prober first, then those who move money."""
        await asyncio.to_thread(self._stack.start_services)
        addresses = [f"person-{number}@torture.example" for number in range(self._plan.people + 1)]
        everybody = await asyncio.to_thread(
            users.settle_in,
            self._stack.postgres.url,
            self._stack.settings,
            [*addresses, *self._addresses_for_mails()],
        )
        for link in (*self._links, self._mail_link):
            await link.start()
        await self._channels_tap.start()
        self._tell("starting the processes")
        await asyncio.to_thread(self._stack.start_processes)
        return everybody[: len(addresses)]

    def _addresses_for_mails(self, whose: str = "") -> list[str]:
        """Those who ask for one mail each; a part of them is the prober's."""
        count = min(MOST_MAILS, int(self._plan.seconds) + 30)
        parts = {"crowd": count, "prober": count // 2}
        return [
            f"{part}-{number}@torture.example"
            for part in ([whose] if whose else parts)
            for number in range(parts[part])
        ]

    def _begin(self, settled_in: list[Person]) -> list[asyncio.Task[Any]]:
        """Have everybody begin; the tasks of those who have to finish what they do."""
        self._crowd = Crowd(settled_in[1:], self.record, self._stopping, self._network)
        # The prober has a wallet too, whom nobody else pays.
        self._crowd.by_id[settled_in[0].user_id] = settled_in[0]
        crowd = self._crowd
        at_work: list[Coroutine[Any, Any, None]] = []
        for number in range(self._plan.movers):
            dice = self._dice(f"mover {number}")
            at_work.append(Mover(crowd, [self._client(dice), self._client(dice)], dice).run())
        for number in range(READERS):
            dice = self._dice(f"reader {number}")
            at_work.append(Reader(crowd, self._client(dice), dice).run())
        dice = self._dice("mails")
        correspondent = Correspondent(
            self.record, self._client(dice), dice, self._addresses_for_mails("crowd")
        )
        at_work.append(correspondent.run(self._stopping))
        tasks = [self._task(work) for work in at_work]
        ports = [link.port for link in self._links]
        for kind in (WebSocketListener, EventStreamListener):
            listened_to = [crowd.people[0], *self._dice(kind.transport).sample(crowd.people[1:], 2)]
            for number, person in enumerate(listened_to):
                dice = self._dice(f"{kind.transport} {number}")
                self._listen(kind(person, ports, dice, self._watch))
        self._task(self._look_along())
        return tasks

    def _chaos(self, prober: Person, crowd: Crowd) -> Chaos:
        direct = WebSocketListener(prober, self._stack.api_ports, self._dice("prober"), self._watch)
        self._listen(direct)
        own = [
            Mover(crowd, [self._client(self._dice("prober"), [port])], self._dice("prober"))
            for port in self._stack.api_ports
        ]
        correspondent = Correspondent(
            self.record,
            self._client(self._dice("prober"), self._stack.api_ports),
            self._dice("prober"),
            self._addresses_for_mails("prober"),
        )
        probe = Probe(
            person=prober,
            crowd=crowd,
            movers=own,
            listener=direct,
            tap=self._channels_tap,
            mails=lambda: correspondent.see_mails_go_on(self._mailbox, PROBE_SECONDS),
        )
        world = World(
            stack=self._stack,
            dice=self._dice("chaos"),
            links=self._links,
            mail_link=self._mail_link,
            channels_tap=self._channels_tap,
            people=[person.user_id for person in crowd.people],
        )
        return Chaos(world, probe, self.record, self._tell)

    def _listen(self, listener: Listener) -> None:
        self._listeners.append(listener)
        self.record.subscribers.append(listener.heard)
        self._task(listener.run())

    def _client(self, dice: random.Random, ports: list[int] | None = None) -> Client:
        client = Client(ports or [link.port for link in self._links], dice, self._watch)
        self._clients.append(client)
        return client

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._tell_how_it_ended)
        self._tasks.append(task)
        return task

    def _tell_how_it_ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._tell(f"BROKEN: one of those who watch or ask gave up: {error!r}")

    def _dice(self, what: str) -> random.Random:
        return random.Random(f"{self._plan.seed} {what}")

    # ------------------------------------------------ meanwhile

    def _watch(self, answer: Answer) -> None:
        self.record.failures.append(
            Failure(time.monotonic(), answer.status, answer.code, answer.message)
        )

    async def _look_along(self) -> None:
        """What can be checked all along; nobody waits for the end to hear of a broken promise."""
        along = checker.Along()
        long_look_at = time.monotonic() + _FIRST_LONG_LOOK_SECONDS
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._read_log()
            totals: ledgers.Totals | None = None
            # It is away now and then, as it is meant to be.
            with contextlib.suppress(psycopg.Error):
                totals = await asyncio.to_thread(ledgers.totals, self._stack.postgres.url)
                self.record.looks += 1
            found = along.look(self.record, totals, time.monotonic())
            if time.monotonic() >= long_look_at:
                with contextlib.suppress(psycopg.Error):
                    found += await self._look_long()
                    # As much again has come to pass by then: all of them cost what two would.
                    long_look_at += long_look_at - self._began
            known = {_place(each) for each in self._violations}
            for violation in found:
                if _place(violation) not in known:
                    self._violations.append(violation)
                    self._tell(f"BROKEN: {violation}")

    def _read_log(self) -> None:
        """PostgreSQL's statistics end with a crash of it; what it has written stays."""
        entries = self._stack.new_log_lines()
        self.record.deadlocks += checker.read_deadlocks(entries)

    async def _look_long(self) -> list[Violation]:
        """Every command and read that has ended, against every ledger entry. Raises psycopg.Error."""
        read = await asyncio.to_thread(ledgers.read, self._stack.postgres.url)
        # What people see meanwhile is no part of it.
        seen = self.record.so_far()
        found = await asyncio.to_thread(checker.check_so_far, seen, read, time.monotonic())
        self.record.long_looks += 1
        return found

    # ------------------------------------------------ the end

    async def _finish(self, at_work: list[asyncio.Task[Any]], chaos_seconds: float) -> Result:
        self._tell("waiting until everything has come to its end")
        self._stopping.set()
        for link in self._links:
            link.chances = NONE
            self.record.bad_lines += link.done
        self._channels_tap.swallow = 0.0
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            await asyncio.gather(*at_work)
        await self._network.deliver_rest()
        database_url = self._stack.postgres.url
        settled = await drain.settle(database_url, self._stack.valkey.url, self._listeners)
        direct = self._client(self._dice("end"), self._stack.api_ports)
        await movers.ask_by_key(self._crowd, direct)
        for task in self._tasks:
            # Nobody who failed for a reason of its own is counted as one who saw nothing wrong.
            if task.done():
                task.result()
        self.record.ended += set(self._stack.ended()) - set(self.record.ended)
        self._tell("checking")
        await self._prove()
        self._mailbox.write_into(self.record)
        self._read_log()
        read = await asyncio.to_thread(ledgers.read, database_url)
        at_end = await asyncio.to_thread(checker.check, self.record, read)
        told = {_place(each) for each in at_end}
        before = [each for each in self._violations if _place(each) not in told]
        entries = sum(len(ledger.entries) for ledger in read.people.values())
        once = checker.count_due_once(self.record, read)
        return Result([*before, *at_end], settled, chaos_seconds, entries, once)

    async def _prove(self) -> None:
        """Have the wallet's own audit look at the ledgers, while its processes end."""
        await self._cancel_tasks()
        proof, _ = await asyncio.gather(
            asyncio.to_thread(self._stack.prove, sorted(self.record.receipts)),
            asyncio.to_thread(self._stack.stop_processes),
        )
        self.record.audit_status, self.record.audit_output = proof.status, proof.output
        self.record.receipts_contained = proof.contained
        self.record.receipts_output = proof.other_receipts

    async def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _place(violation: Violation) -> tuple[int, UUID | None, str]:
    """What tells it from others: the figures in its sentence may change from look to look."""
    return violation.promise, violation.user_id, violation.where
