"""Clients that move money: they retry with the same key until there is an answer, or close the key."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from torture import http1, requests
from torture.caller import FIRST_PAUSE_SECONDS, TRIES, Caller, Crowd
from torture.checker_commands import TOO_LATE
from torture.client import Client, Lost
from torture.record import Closing, Command, Operation, Outcome

_LONGEST_THOUGHT_SECONDS = 0.15
#: How many of its latest commands a mover may repeat.
_REMEMBERED = 50
#: How often a mover does something rarer than moving money with a new key.
_RARE = 0.25
_NOTES = (None, None, None, "rent", "Straße 12, Hinterhaus", "お昼ご飯 🍱", 'a "quoted" \\ {note}')
_METADATA: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (),
    (),
    (("order", "4711"),),
    (("rechnung", "Straße 12"), ("empty", "")),
    (("a", "2"), ("b", 'a "quoted" \\ {value}'), ("お昼", "🍱")),
)


class Mover(Caller):
    """A client that moves the money of any user, one movement after the other."""

    def __init__(self, crowd: Crowd, devices: Sequence[Client], rng: random.Random) -> None:
        super().__init__(crowd, devices, rng)
        self._recent: deque[Command] = deque(maxlen=_REMEMBERED)

    async def run(self) -> None:
        """Move money until it is time to stop. Everything rare happens at least once, however short the run."""
        rare = [
            self._move,
            self._repeat,
            self._alter,
            self._send_twice_at_once,
            self._close_lost,
            self._leave_lost,
            self._close_unanswered,
            self._close_answered,
            self._close_unused,
            self._close_at_once,
            self._be_late,
        ]
        for act in rare:
            if not self._crowd.stopping.is_set():
                await act()
        while not self._crowd.stopping.is_set():
            is_rare = self._rng.random() < _RARE
            await (self._rng.choice(rare) if is_rare else self._move)()
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_THOUGHT_SECONDS))

    async def ask(
        self, command: Command, device: Client | None = None, *, tries: int = TRIES
    ) -> None:
        """Try until there is an answer, and record the outcome in the command."""
        self._crowd.record.commands.append(command)
        document, variables = requests.DOCUMENTS[command.operation], requests.variables(command)
        tried = await self.until_answered(document, variables, command.user_id, device, tries)
        command.tries, command.lost = tried.count, tried.lost
        if tried.is_answered and tried.answer is not None:
            command.answer_began = tried.began
            requests.note(command, tried.answer)
            if command.receipt is not None:
                self._crowd.record.receipts.add(command.receipt)
            if command.viewer_balance_minor is not None:
                self._crowd.balances[command.user_id] = command.viewer_balance_minor
        elif tried.answer is not None:
            command.refusal = tried.answer.code
        command.ended = time.monotonic()

    async def close(self, command: Command, device: Client | None = None) -> Closing:
        """Close the key of the command; try until there is an answer."""
        closing = Closing(command.user_id, command.operation, command.key, began=time.monotonic())
        self._crowd.record.closings.append(closing)
        variables = requests.closing_variables(closing)
        tried = await self.until_answered(requests.CLOSE, variables, command.user_id, device, TRIES)
        closing.lost = tried.lost
        if tried.is_answered and tried.answer is not None:
            requests.note_closing(closing, tried.answer)
        closing.ended = time.monotonic()
        return closing

    # ------------------------------------------------ behaviours

    async def _move(self) -> None:
        """Move money; close the key of a movement that was never answered."""
        command = self._command()
        await self.ask(command)
        if command.outcome is Outcome.UNANSWERED:
            await self.close(command)
        self._recent.append(command)

    async def _repeat(self) -> None:
        if self._recent:
            await self.ask(self._again(self._rng.choice(self._recent)))

    async def _alter(self) -> None:
        if self._recent:
            await self.ask(self._altered(self._rng.choice(self._recent)))

    async def _send_twice_at_once(self) -> None:
        """Use one key from two devices; at times with another input."""
        command = self._command()
        twin = (self._altered if self._rng.random() < 0.4 else self._again)(command)
        await asyncio.gather(self.ask(command), self.ask(twin, self._devices[-1]))

    async def _close_lost(self) -> None:
        """Close the key of a request that is held in transit, and repeat the request."""
        command = self._command()
        self._lose(command)
        await self.close(command)
        await self.ask(self._again(command))
        self._recent.append(command)

    async def _leave_lost(self) -> None:
        """Leave a request in transit; it may have a `notAfter` that passes before it is delivered."""
        command = self._command()
        if self._rng.random() < 0.7:
            command.not_after = self._soon(0.0, 0.5)
        self._lose(command)
        self._recent.append(command)

    async def _close_unanswered(self) -> None:
        """Try once; close the key if there was no answer."""
        command = self._command()
        await self.ask(command, tries=1)
        if command.outcome is Outcome.UNANSWERED:
            await self.close(command)
            await self.ask(self._again(command))
        self._recent.append(command)

    async def _close_answered(self) -> None:
        if self._recent:
            await self.close(self._rng.choice(self._recent))

    async def _close_unused(self) -> None:
        """Close a key before it is used."""
        command = self._command()
        await self.close(command)
        await self.ask(command)
        self._recent.append(command)

    async def _close_at_once(self) -> None:
        """Use a key and close it, from two devices."""
        command = self._command()
        await asyncio.gather(self.ask(command), self.close(command, self._devices[-1]))
        self._recent.append(command)

    async def _be_late(self) -> None:
        """Move money with a `notAfter` that has passed or is about to; if too late, use the key again."""
        command = self._command()
        command.not_after = self._soon(-0.05, 0.05)
        await self.ask(command)
        if command.refusal == TOO_LATE:
            await self.ask(self._again(command))
        self._recent.append(command)

    def _lose(self, command: Command) -> None:
        """Send the request; it is held in transit, and the caller gives up."""
        self._crowd.record.commands.append(command)
        payload = {
            "query": requests.DOCUMENTS[command.operation],
            "variables": requests.variables(command),
        }
        token = self._crowd.by_id[command.user_id].token
        self._crowd.network.hold(command, http1.post(payload, token))
        command.tries = command.lost = 1
        command.ended = time.monotonic()

    # ------------------------------------------------ inputs

    def _soon(self, earliest_seconds: float, latest_seconds: float) -> int:
        """A time between these from now, in microseconds since 1970."""
        seconds = self._rng.uniform(earliest_seconds, latest_seconds)
        return self._crowd.record.microseconds(time.monotonic() + seconds)

    def _command(self) -> Command:
        user = self._rng.choice(self._crowd.users)
        balance = self._crowd.balances.get(user.user_id, 0)
        if balance < 100 or self._rng.random() < 0.08:
            amount, recipient = self._rng.randint(1_000, 20_000), None
        else:
            amount = self._amount(balance)
            hot = self._crowd.users[0]
            others = [p for p in self._crowd.users if p is not user]
            is_hot = hot is not user and self._rng.random() < 0.2
            recipient = (hot if is_hot else self._rng.choice(others)).user_id
        return Command(
            user_id=user.user_id,
            operation=Operation.SEND_MONEY if recipient else Operation.ADD_BALANCE,
            key=self._crowd.new_key(),
            recipient_id=recipient,
            amount_minor=amount,
            note=self._rng.choice(_NOTES) if recipient else None,
            began=time.monotonic(),
            metadata=self._rng.choice(_METADATA),
        )

    def _amount(self, balance: int) -> int:
        """Mostly small; now and then about the whole balance, or more."""
        what = self._rng.random()
        if what < 0.85:
            return self._rng.randint(1, 500)
        return max(1, min(int(balance * self._rng.uniform(0.4, 1.3)), 900_000))

    @staticmethod
    def _again(command: Command) -> Command:
        """The same key with the same input, at any time."""
        return Command(
            user_id=command.user_id,
            operation=command.operation,
            key=command.key,
            recipient_id=command.recipient_id,
            amount_minor=command.amount_minor,
            note=command.note,
            began=time.monotonic(),
            metadata=command.metadata,
        )

    def _altered(self, command: Command) -> Command:
        """The same key with another amount or other metadata."""
        again = self._again(command)
        if self._rng.random() < 0.3:
            return replace(again, metadata=(*command.metadata, ("altered", "yes")))
        return replace(again, amount_minor=command.amount_minor + 1)


async def ask_by_key(crowd: Crowd, client: Client) -> None:
    """Look up the keys of all commands without an answer. Connections are no longer disturbed."""
    for command in crowd.record.commands:
        if command.outcome is not Outcome.UNANSWERED:
            continue
        names = {"kind": command.operation.kind.name, "key": command.key}
        for _ in range(TRIES):
            with contextlib.suppress(Lost):
                answer = await client.ask(
                    requests.BY_KEY, names, crowd.by_id[command.user_id].token
                )
                if answer.code is None:
                    found = answer.data["viewer"]["transactionByIdempotencyKey"]
                    command.found_by_key = found is not None
                    command.found_reference = UUID(found["reference"]) if found else None
                    break
            await asyncio.sleep(FIRST_PAUSE_SECONDS)
