"""A small in-process load: moves money, reads and subscribes, and records what it observes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from domain import errors, ids
from domain.authority import Session
from domain.ledger import metadata
from domain.ledger.add_balance import AddBalance
from domain.ledger.close_key import CloseIdempotencyKey
from domain.ledger.posting import PostingCommand
from domain.ledger.seals import Receipt
from domain.ledger.send_money import SendMoney
from persistence.engine.database import Database
from persistence.ledger import history
from persistence.ledger.ledger import Movement
from persistence.people import accounts
from realtime.live import Live
from torture.record import Closing, Command, Failure, Operation, Outcome, Read, Record, Subscriber
from torture.requests import EPOCH

#: Tries of one command while the answer is UNAVAILABLE.
TRIES = 5


class Mover(Protocol):
    """A ledger, intact or broken."""

    async def move(self, command: PostingCommand) -> Movement: ...
    async def run(self, command: CloseIdempotencyKey) -> Movement | None: ...


class User(Protocol):
    """A verified user with a session."""

    @property
    def user_id(self) -> UUID: ...
    @property
    def session_id(self) -> UUID: ...


@dataclass
class Crowd:
    """Users, and the ledgers through which their money is moved; several stand for several processes."""

    record: Record
    users: Sequence[User]
    movers: Sequence[Mover]
    database: Database

    async def add(self, user: User, amount_minor: int) -> Command:
        """Top up an account."""
        return await self.ask(
            user, self.command(user, Operation.ADD_BALANCE, None, amount_minor), self.movers[0]
        )

    def command(
        self, user: User, operation: Operation, recipient_id: UUID | None, amount_minor: int
    ) -> Command:
        """A command with a key of its own."""
        return Command(
            user_id=user.user_id,
            operation=operation,
            key=f"crowd-{ids.new_id()}",
            recipient_id=recipient_id,
            amount_minor=amount_minor,
            note=None,
            began=time.monotonic(),
        )

    async def run(self, callers: int, commands: int, seed: int) -> None:
        """That many concurrent callers with so many random commands each; half of them pay the first user."""
        await asyncio.gather(
            *(self._call(random.Random(f"{seed} {n}"), commands) for n in range(callers))
        )

    async def send(self, sender: User, recipient: User, amount_minor: int) -> Command:
        """One transfer, after which both sides read their balances."""
        asked = self.command(sender, Operation.SEND_MONEY, recipient.user_id, amount_minor)
        await self.ask(sender, asked, self.movers[0])
        await self.look(sender)
        await self.look(recipient)
        return asked

    async def send_twice(
        self, sender: User, recipient: User, amount_minor: int
    ) -> tuple[Command, Command]:
        """Use one key at once through two ledgers."""
        asked = self.command(sender, Operation.SEND_MONEY, recipient.user_id, amount_minor)
        again = Command(**{name: getattr(asked, name) for name in _INPUT})
        await asyncio.gather(
            self.ask(sender, asked, self.movers[0]), self.ask(sender, again, self.movers[-1])
        )
        return asked, again

    async def close(self, user: User, command: Command) -> Closing:
        """Close the key of the command."""
        closing = Closing(command.user_id, command.operation, command.key, began=time.monotonic())
        self.record.closings.append(closing)
        asked = CloseIdempotencyKey(
            Session(user.user_id, user.session_id), command.operation.kind, command.key
        )
        for _ in range(TRIES):
            try:
                found = await self.movers[0].run(asked)
            except errors.Unavailable:
                closing.lost += 1
                continue
            closing.reference = found.entry.reference if found is not None else None
            closing.is_answered = True
            break
        closing.ended = time.monotonic()
        return closing

    async def close_and_send(self, sender: User, recipient: User, amount_minor: int) -> Command:
        """Close a key, after which a transfer with it arrives that was sent earlier."""
        asked = self.command(sender, Operation.SEND_MONEY, recipient.user_id, amount_minor)
        await self.close(sender, asked)
        return await self.ask(sender, asked, self.movers[-1])

    async def look(self, user: User) -> None:
        """Read a balance and its sequence."""
        began = time.monotonic()
        with contextlib.suppress(errors.Unavailable):
            seen = await accounts.person(self.database, user.user_id)
            assert seen is not None
            self.record.reads.append(
                Read(user.user_id, began, time.monotonic(), seen.balance_minor, seen.sequence)
            )

    async def _call(self, rng: random.Random, commands: int) -> None:
        for _ in range(commands):
            sender = rng.choice(self.users[1:])
            others = [user for user in self.users if user is not sender]
            recipient = self.users[0] if rng.random() < 0.5 else rng.choice(others)
            amount_minor = rng.randint(1, 400)
            what = rng.random()
            if what < 0.15:
                await self.send_twice(sender, recipient, amount_minor)
                continue
            if what < 0.25:
                await self.close_and_send(sender, recipient, amount_minor)
                continue
            asked = self.command(sender, Operation.SEND_MONEY, recipient.user_id, amount_minor)
            if what < 0.5:
                asked.metadata = (("order", str(amount_minor)), ("empty", ""))
            if what > 0.9:
                asked.not_after = self.record.microseconds(
                    time.monotonic() + rng.uniform(-0.01, 0.01)
                )
            await self.ask(sender, asked, rng.choice(self.movers))
            if what < 0.3:
                await self.close(sender, asked)
            await self.look(rng.choice([sender, recipient]))

    async def ask(self, user: User, asked: Command, mover: Mover) -> Command:
        """Carry out the command, and record what it was answered."""
        self.record.commands.append(asked)
        for _ in range(TRIES):
            asked.tries += 1
            asked.answer_began = time.monotonic()
            try:
                self._note(asked, await mover.move(_typed(user, asked)))
            except errors.Unavailable:
                asked.lost += 1
                continue
            except errors.DomainError as refusal:
                asked.outcome, asked.refusal = Outcome.REFUSED, type(refusal).__name__
            except Exception as error:
                asked.lost += 1
                self.record.failures.append(
                    Failure(time.monotonic(), 500, "INTERNAL", f"{error!r}")
                )
            break
        asked.ended = time.monotonic()
        return asked

    def _note(self, asked: Command, moved: Movement) -> None:
        asked.outcome = Outcome.ACKNOWLEDGED
        asked.reference = moved.entry.reference
        asked.sequence = moved.entry.sequence
        asked.balance_after_minor = moved.entry.balance_after_minor
        asked.viewer_balance_minor = moved.person.balance_minor
        asked.viewer_sequence = moved.person.sequence
        asked.replayed = moved.replayed
        asked.receipt = Receipt.of(moved.entry).render()
        self.record.receipts.add(asked.receipt)


_INPUT = ("user_id", "operation", "key", "recipient_id", "amount_minor", "note", "began")


def _typed(user: User, asked: Command) -> PostingCommand:
    amount = Decimal(asked.amount_minor).scaleb(-2)
    not_after = None if asked.not_after is None else EPOCH + timedelta(microseconds=asked.not_after)
    if asked.operation is Operation.ADD_BALANCE:
        return AddBalance(
            authority=Session(asked.user_id, user.session_id),
            amount=amount,
            idempotency_key=asked.key,
            reference=ids.new_id(),
            metadata=metadata.of(asked.metadata),
            not_after=not_after,
        )
    return SendMoney(
        authority=Session(asked.user_id, user.session_id),
        recipient_id=asked.recipient_id,
        amount=amount,
        note=asked.note,
        idempotency_key=asked.key,
        reference=ids.new_id(),
        metadata=metadata.of(asked.metadata),
        not_after=not_after,
    )


@contextlib.asynccontextmanager
async def listening(
    crowd: Crowd, live: Live, *, timeout_seconds: float = 20.0
) -> AsyncIterator[None]:
    """Subscribe to all events of all users until the last one is received, or the time is over."""
    listeners = [Subscriber(user.user_id, "stream") for user in crowd.users]
    crowd.record.subscribers += listeners
    heard = asyncio.Event()
    tasks = [asyncio.create_task(_listen(listener, live, heard)) for listener in listeners]
    try:
        yield
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await _wait_for_the_end(crowd.database, listeners, heard)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(listener: Subscriber, live: Live, heard: asyncio.Event) -> None:
    async with contextlib.aclosing(live.entries(listener.user_id, 0)) as stream:
        async for view in stream:
            listener.sequences.append(view.entry.sequence)
            listener.balances_minor.append(view.entry.balance_after_minor)
            listener.references.append(view.entry.reference)
            listener.arrived.append(time.monotonic())
            heard.set()


async def _wait_for_the_end(
    database: Database, listeners: Sequence[Subscriber], heard: asyncio.Event
) -> None:
    newest = await history.newest_sequences(database, [each.user_id for each in listeners])
    while any(max(each.sequences, default=0) < newest[each.user_id] for each in listeners):
        heard.clear()
        await heard.wait()
