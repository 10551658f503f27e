"""A run from the start of its processes to the final checks."""

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

from torture import (
    checker,
    drain,
    guests,
    ledgers,
    movers,
    operators,
    provider_drain,
    provider_records,
    requesters,
    schedulers,
    users,
)
from torture.caller import Crowd
from torture.channels_tap import ChannelsTap
from torture.chaos import PROBE_SECONDS, Chaos, Probe
from torture.checker import Violation
from torture.client import Answer, Client
from torture.delayed import DelayingNetwork
from torture.fault import World
from torture.guests import Guests
from torture.link import NONE, Chances, Link
from torture.listeners import (
    NOTIFICATIONS,
    WALLET_EVENTS,
    EventStreamListener,
    Listener,
    WebSocketListener,
)
from torture.mails import Mailbox, MailRequester
from torture.movers import Mover
from torture.readers import Reader
from torture.receivers import Receivers
from torture.record import Failure, Record
from torture.requesters import Requester
from torture.schedulers import Scheduler
from torture.stack import Stack
from torture.users import User

READERS = 3
REQUESTERS = 3
LONGEST_DELAY_SECONDS = 300.0
#: The mail catcher keeps a thousand.
MOST_MAILS = 600
_LOOK_SECONDS = 4.0
_FIRST_LONG_LOOK_SECONDS = 10.0
_LAST_WORDS_SECONDS = 30.0


@dataclass(frozen=True)
class Plan:
    """The parameters of a run; the seed determines all of its choices."""

    seed: int
    seconds: float
    users: int = 40
    movers: int = 16
    chances: Chances = field(default_factory=Chances)


@dataclass(frozen=True)
class Result:
    """The result of a run; the rest is in its record."""

    violations: list[Violation]
    is_drained: bool
    chaos_seconds: float
    entries: int
    #: Mails for which no fault allowed a duplicate.
    mails_due_once: int


class Session:
    """Connects the stack, simulated clients and faults, and checks the outcome."""

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
        rng = self._rng("links")
        self._links = [Link(port, rng, plan.chances) for port in stack.api_ports]
        [self._checkout_link] = [Link(port, rng, plan.chances) for port in stack.checkout_ports]
        self._mail_link = Link(stack.catcher.port, rng, NONE, port=stack.mail_port)
        self._mailbox = Mailbox(stack.catcher.folder)
        self._network = DelayingNetwork(
            self.record,
            stack.api_ports,
            self._rng("delayed"),
            self._watch,
            longest_seconds=min(LONGEST_DELAY_SECONDS, plan.seconds * 0.8),
        )
        self._channels_tap = ChannelsTap(
            stack.channels_port, stack.channels.port, self._rng("channels"), self.record
        )
        rng = self._rng("receivers")
        self._receivers = Receivers(
            stack, self.record, rng, lambda: self._client(rng, stack.api_ports)
        )

    async def run(self) -> Result:
        """Run to the end. Raises ServiceError if the stack cannot be started."""
        try:
            self._tell("starting the services")
            created = await self._start()
            # Not of the prober and the popular recipient, whose events are too many to wait for.
            await self._receivers.start(created[2:])
            self._began = time.monotonic()
            movers_at_work = self._begin(created)
            await self._chaos(created[0], self._crowd).run(self._plan.seconds)
            chaos_seconds = time.monotonic() - self._began
            return await self._finish(movers_at_work, chaos_seconds)
        finally:
            await self._cancel_tasks()
            await self._network.cancel()
            for client in self._clients:
                client.close()
            for link in (*self._links, self._checkout_link, self._mail_link):
                await link.stop()
            await self._channels_tap.stop()
            self._receivers.stop()
            await asyncio.to_thread(self._stack.stop)

    # ------------------------------------------------ starting

    async def _start(self) -> list[User]:
        """The prober first, then the users whose money is moved."""
        await asyncio.to_thread(self._stack.start_services)
        addresses = [f"user-{number}@torture.example" for number in range(self._plan.users + 1)]
        acting = [f"operator-{number}@torture.example" for number in range(operators.OPERATORS)]
        created = await asyncio.to_thread(
            users.create,
            self._stack.direct_url,
            self._stack.settings,
            [*addresses, *acting, *guests.addresses(), *self._addresses_for_mails()],
        )
        self._operators = created[len(addresses) :][: len(acting)]
        special = created[len(addresses) + len(acting) :][: len(guests.addresses())]
        await asyncio.to_thread(
            operators.appoint,
            self._stack.direct_url,
            self._stack.settings.sealing_key,
            self._operators,
        )
        await asyncio.to_thread(schedulers.settle_in, self._stack.direct_url)
        self._guests = await asyncio.to_thread(Guests, self._stack, special, self._operators)
        for link in (*self._links, self._checkout_link, self._mail_link):
            await link.start()
        await self._channels_tap.start()
        self._tell("starting the processes")
        await asyncio.to_thread(self._stack.start_processes)
        return created[: len(addresses)]

    def _addresses_for_mails(self, whose: str = "") -> list[str]:
        """Addresses that request one mail each; some are the prober's."""
        count = min(MOST_MAILS, int(self._plan.seconds) + 30)
        parts = {"crowd": count, "prober": count // 2}
        return [
            f"{part}-{number}@torture.example"
            for part in ([whose] if whose else parts)
            for number in range(parts[part])
        ]

    def _begin(self, created: list[User]) -> list[asyncio.Task[Any]]:
        """Start all clients; the tasks of those that have to finish what they began."""
        self._crowd = Crowd(created[1:], self.record, self._stopping, self._network)
        # The prober has an account too, which receives no transfers.
        self._crowd.by_id[created[0].user_id] = created[0]
        crowd = self._crowd
        at_work: list[Coroutine[Any, Any, None]] = []
        for number in range(self._plan.movers):
            rng = self._rng(f"mover {number}")
            at_work.append(Mover(crowd, [self._client(rng), self._client(rng)], rng).run())
        for number in range(REQUESTERS):
            rng = self._rng(f"requester {number}")
            devices = [self._client(rng) for _ in range(requesters.AT_ONCE)]
            at_work.append(Requester(crowd, devices, rng).run())
        rng = self._rng("scheduler")
        at_work.append(Scheduler(crowd, [self._client(rng)], rng, self._stack.direct_url).run())
        rng = self._rng("operators")
        devices = [self._client(rng) for _ in self._operators]
        at_work.append(operators.Operators(crowd, self._operators, devices, rng).run())
        for number in range(READERS):
            rng = self._rng(f"reader {number}")
            at_work.append(Reader(crowd, self._client(rng), rng).run())
        rng = self._rng("mails")
        requester = MailRequester(
            self.record, self._client(rng), rng, self._addresses_for_mails("crowd")
        )
        at_work.append(requester.run(self._stopping))
        at_work.append(self._receivers.run(self._stopping))
        at_work += self._guests.at_work(
            crowd, [*self._links, self._checkout_link], self._rng, self._watch, self._clients
        )
        tasks = [self._task(work) for work in at_work]
        ports = [link.port for link in self._links]
        for kind in (WebSocketListener, EventStreamListener):
            listened_to = [crowd.users[0], *self._rng(kind.transport).sample(crowd.users[1:], 2)]
            for number, user in enumerate(listened_to):
                rng = self._rng(f"{kind.transport} {number}")
                self._listen(kind(user, ports, rng, self._watch))
            for number, user in enumerate(listened_to[:2]):
                rng = self._rng(f"{kind.transport} of notifications {number}")
                self._listen(kind(user, ports, rng, self._watch, NOTIFICATIONS))
        self._task(self._check_while_running())
        return tasks

    def _chaos(self, prober: User, crowd: Crowd) -> Chaos:
        direct = WebSocketListener(prober, self._stack.api_ports, self._rng("prober"), self._watch)
        self._listen(direct)
        own = [
            Mover(crowd, [self._client(self._rng("prober"), [port])], self._rng("prober"))
            for port in self._stack.api_ports
        ]
        requester = MailRequester(
            self.record,
            self._client(self._rng("prober"), self._stack.api_ports),
            self._rng("prober"),
            self._addresses_for_mails("prober"),
        )
        probe = Probe(
            user=prober,
            crowd=crowd,
            movers=own,
            listener=direct,
            tap=self._channels_tap,
            mails=lambda: requester.see_mails_go_on(self._mailbox, PROBE_SECONDS),
        )
        world = World(
            stack=self._stack,
            rng=self._rng("chaos"),
            links=self._links,
            mail_link=self._mail_link,
            channels_tap=self._channels_tap,
            receivers=self._receivers,
            users=[user.user_id for user in crowd.users],
        )
        return Chaos(world, probe, self.record, self._tell)

    def _listen(self, listener: Listener) -> None:
        self._listeners.append(listener)
        is_of_entries = listener.stream is WALLET_EVENTS
        heard = self.record.subscribers if is_of_entries else self.record.notified
        heard.append(listener.heard)
        self._task(listener.run())

    def _client(self, rng: random.Random, ports: list[int] | None = None) -> Client:
        client = Client(ports or [link.port for link in self._links], rng, self._watch)
        self._clients.append(client)
        return client

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._tell_how_it_ended)
        self._tasks.append(task)
        return task

    def _tell_how_it_ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._tell(f"BROKEN: a client or an observer failed: {error!r}")

    def _rng(self, what: str) -> random.Random:
        return random.Random(f"{self._plan.seed} {what}")

    # ------------------------------------------------ during the run

    def _watch(self, answer: Answer) -> None:
        self.record.failures.append(
            Failure(time.monotonic(), answer.status, answer.code, answer.message)
        )

    async def _check_while_running(self) -> None:
        """Check during the run whatever can be checked, so that a broken promise is reported at once."""
        running = checker.RunningChecks()
        has_snapshots = self._stack.has_snapshots()
        long_look_at = time.monotonic() + _FIRST_LONG_LOOK_SECONDS
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._read_log()
            totals: ledgers.Totals | None = None
            with contextlib.suppress(psycopg.Error):  # It is unavailable now and then, by design.
                totals = await asyncio.to_thread(ledgers.totals, self._stack.direct_url)
                self.record.quick_checks += 1
            seen = totals if has_snapshots else None
            found = running.look(self.record, seen, time.monotonic())
            if has_snapshots and time.monotonic() >= long_look_at:
                with contextlib.suppress(psycopg.Error):
                    found += await self._check_fully()
                    # The record has doubled by then: all checks together cost about twice the last one.
                    long_look_at += long_look_at - self._began
            known = {_place(each) for each in self._violations}
            for violation in found:
                if _place(violation) not in known:
                    self._violations.append(violation)
                    self._tell(f"BROKEN: {violation}")

    def _read_log(self) -> None:
        """PostgreSQL's statistics are lost in a crash; its log is not."""
        entries = self._stack.new_log_lines()
        self.record.deadlocks += checker.read_deadlocks(entries)

    async def _check_fully(self) -> list[Violation]:
        """Check every finished command and read against all ledger entries. Raises psycopg.Error."""
        read = await asyncio.to_thread(ledgers.read, self._stack.direct_url)
        self._receivers.read()
        # What is observed meanwhile is not part of it.
        seen = self.record.so_far()
        found = await asyncio.to_thread(checker.check_so_far, seen, read, time.monotonic())
        self.record.full_checks += 1
        return found

    # ------------------------------------------------ the end

    async def _finish(self, at_work: list[asyncio.Task[Any]], chaos_seconds: float) -> Result:
        self._tell("waiting until all queues are empty")
        self._stopping.set()
        for link in (*self._links, self._checkout_link):
            link.chances = NONE
            self.record.disturbances += link.done
        self._channels_tap.swallow = 0.0
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            await asyncio.gather(*at_work)
        await self._network.deliver_rest()
        await provider_drain.end_bad_days(self._stack.provider)
        database_url = self._stack.direct_url
        is_drained = await provider_drain.wait_until_reconciled(database_url)
        self._tell("reconciled with the payment provider")
        is_drained &= await drain.wait_until_drained(
            database_url, self._stack.valkey.url, self._listeners
        )
        is_drained &= await self._receivers.wait_until_delivered(database_url)
        direct = self._client(self._rng("end"), self._stack.api_ports)
        await movers.ask_by_key(self._crowd, direct)
        for task in self._tasks:
            # A client that failed must not count as one that observed no errors.
            if task.done():
                task.result()
        self.record.ended += set(self._stack.ended()) - set(self.record.ended)
        self._tell("checking")
        await self._prove()
        self._mailbox.write_into(self.record)
        self._read_log()
        read = await asyncio.to_thread(ledgers.read, database_url)
        self.record.at_provider = await asyncio.to_thread(
            provider_records.read, self._stack.provider.file
        )
        self.record.runs_sent = [run.number for run in read.runs if run.status == "SENT"]
        self._receivers.read()
        await asyncio.to_thread(self._receivers.read_attempts, database_url)
        at_end = await asyncio.to_thread(checker.check, self.record, read)
        told = {_place(each) for each in at_end}
        before = [each for each in self._violations if _place(each) not in told]
        entries = sum(len(ledger.entries) for ledger in read.users.values())
        once = checker.count_due_once(self.record, read)
        return Result([*before, *at_end], is_drained, chaos_seconds, entries, once)

    async def _prove(self) -> None:
        """Run the wallet's own audit while its processes stop."""
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
    """What identifies it: the figures in its sentence may change from check to check."""
    return violation.promise, violation.user_id, violation.where
