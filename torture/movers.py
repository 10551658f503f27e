"""People who move money: they try again with the same key until they are answered or give up."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from torture.client import UNAVAILABLE, Answer, Client, Lost
from torture.people import Person
from torture.record import Command, Operation, Outcome, Record

TRIES = 7
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 1.2
_LONGEST_THOUGHT_SECONDS = 0.15
#: How many of the latest commands of each mover may be asked for again.
_REMEMBERED = 50
_NOTES = (None, None, None, "rent", "Straße 12, Hinterhaus", "お昼ご飯 🍱", 'a "quoted" \\ {note}')

_ANSWER = """
  __typename
  ... on {moved} {{
    replayed
    transaction {{ reference sequence seal balanceAfter {{ amount }} }}
    viewer {{ sequence balance {{ amount }} }}
  }}
  ... on UserError {{ message }}
  {refusals}
"""
_SENDING_REFUSALS = "... on InsufficientFunds { balance { amount } }"
DOCUMENTS = {
    Operation.SEND_MONEY: "mutation ($input: SendMoneyInput!) { sendMoney(input: $input) {"
    + _ANSWER.format(moved="MoneySent", refusals=_SENDING_REFUSALS)
    + "} }",
    Operation.ADD_BALANCE: "mutation ($input: AddBalanceInput!) { addBalance(input: $input) {"
    + _ANSWER.format(moved="BalanceAdded", refusals="")
    + "} }",
}
_MOVED = {"MoneySent", "BalanceAdded"}
_BY_KEY = """
query ($kind: TransactionKind!, $key: String!) { viewer {
  transactionByIdempotencyKey(kind: $kind, idempotencyKey: $key) { reference }
} }
"""
_KINDS = {Operation.SEND_MONEY: "TRANSFER", Operation.ADD_BALANCE: "TOP_UP"}


def minor(amount: str) -> int:
    """Hundredths, from what the API writes."""
    return int(Decimal(amount) * 100)


@dataclass
class Crowd:
    """Those who move money and what they share; the first of them is whom everybody likes to pay."""

    people: Sequence[Person]
    record: Record
    stopping: asyncio.Event
    asked: int = 0

    def __post_init__(self) -> None:
        self.by_id = {person.user_id: person for person in self.people}
        self.balances: dict[UUID, int] = {}

    def new_key(self) -> str:
        self.asked += 1
        return f"torture-{self.record.seed}-{self.asked}"


class Mover:
    """One who asks for movements of anybody's money, one after the other."""

    def __init__(self, crowd: Crowd, devices: Sequence[Client], dice: random.Random) -> None:
        self._crowd = crowd
        #: Each with connections of its own; the first is used unless two things are asked at once.
        self._devices = devices
        self._dice = dice
        self._recent: deque[Command] = deque(maxlen=_REMEMBERED)

    async def run(self) -> None:
        """Move money until it is time to stop."""
        while not self._crowd.stopping.is_set():
            what = self._dice.random()
            if what < 0.04 and self._recent:
                await self.ask(self._again(self._dice.choice(self._recent)))
            elif what < 0.07 and self._recent:
                await self.ask(self._altered(self._dice.choice(self._recent)))
            elif what < 0.12:
                # The same at once, from two devices: at times with another amount.
                command = self._command()
                twin = (self._altered if self._dice.random() < 0.4 else self._again)(command)
                await asyncio.gather(self.ask(command), self.ask(twin, self._devices[-1]))
            else:
                command = self._command()
                await self.ask(command)
                self._recent.append(command)
            await asyncio.sleep(self._dice.uniform(0, _LONGEST_THOUGHT_SECONDS))

    async def ask(self, command: Command, device: Client | None = None) -> None:
        """Try until there is an answer, with pauses that grow; what is known of it is in the command."""
        self._crowd.record.commands.append(command)
        for attempt in range(TRIES):
            began = time.monotonic()
            command.tries += 1
            try:
                answer = await self._try(command, device or self._devices[0])
            except Lost:
                command.lost += 1
            else:
                if answer.code is None and answer.status == 200:
                    command.answer_began = began
                    self._note(command, answer)
                    break
                command.refusal = answer.code
                if answer.code != UNAVAILABLE:
                    # It is in the record's failures; what it did is asked at the end.
                    command.lost += 1
                    break
                command.lost += 1
            if self._crowd.stopping.is_set():
                break
            pause = min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause * self._dice.uniform(0.5, 1.5))
        command.ended = time.monotonic()

    # ------------------------------------------------ what is asked

    def _command(self) -> Command:
        person = self._dice.choice(self._crowd.people)
        balance = self._crowd.balances.get(person.user_id, 0)
        if balance < 100 or self._dice.random() < 0.08:
            amount, recipient = self._dice.randint(1_000, 20_000), None
        else:
            amount = self._amount(balance)
            hot = self._crowd.people[0]
            others = [p for p in self._crowd.people if p is not person]
            is_hot = hot is not person and self._dice.random() < 0.2
            recipient = (hot if is_hot else self._dice.choice(others)).user_id
        return Command(
            user_id=person.user_id,
            operation=Operation.SEND_MONEY if recipient else Operation.ADD_BALANCE,
            key=self._crowd.new_key(),
            recipient_id=recipient,
            amount_minor=amount,
            note=self._dice.choice(_NOTES) if recipient else None,
            began=time.monotonic(),
        )

    def _amount(self, balance: int) -> int:
        """Mostly little; now and then all there is, or more."""
        what = self._dice.random()
        if what < 0.85:
            return self._dice.randint(1, 500)
        return max(1, min(int(balance * self._dice.uniform(0.4, 1.3)), 900_000))

    @staticmethod
    def _again(command: Command) -> Command:
        return Command(
            user_id=command.user_id,
            operation=command.operation,
            key=command.key,
            recipient_id=command.recipient_id,
            amount_minor=command.amount_minor,
            note=command.note,
            began=time.monotonic(),
        )

    def _altered(self, command: Command) -> Command:
        """The same key with another amount."""
        return replace(self._again(command), amount_minor=command.amount_minor + 1)

    # ------------------------------------------------ what is answered

    async def _try(self, command: Command, device: Client) -> Answer:
        asked: dict[str, Any] = {
            "amount": f"{command.amount_minor // 100}.{command.amount_minor % 100:02d}",
            "idempotencyKey": command.key,
        }
        if command.recipient_id is not None:
            recipient = self._crowd.by_id[command.recipient_id]
            asked |= {"recipient": {"userId": recipient.global_id}, "note": command.note}
        token = self._crowd.by_id[command.user_id].token
        return await device.ask(DOCUMENTS[command.operation], {"input": asked}, token)

    def _note(self, command: Command, answer: Answer) -> None:
        result = answer.data[command.operation.value]
        if result["__typename"] not in _MOVED:
            command.outcome = Outcome.REFUSED
            command.refusal = result["__typename"]
            if "balance" in result:
                command.refused_balance_minor = minor(result["balance"]["amount"])
            return
        command.outcome = Outcome.ACKNOWLEDGED
        command.refusal = None
        command.replayed = result["replayed"]
        moved, viewer = result["transaction"], result["viewer"]
        command.reference = UUID(moved["reference"])
        command.sequence = moved["sequence"]
        command.receipt = moved["seal"]
        self._crowd.record.receipts.add(moved["seal"])
        command.balance_after_minor = minor(moved["balanceAfter"]["amount"])
        command.viewer_sequence = viewer["sequence"]
        command.viewer_balance_minor = minor(viewer["balance"]["amount"])
        self._crowd.balances[command.user_id] = command.viewer_balance_minor


async def ask_by_key(crowd: Crowd, client: Client) -> None:
    """Ask what became of every command that was never answered. The line is good by now."""
    for command in crowd.record.commands:
        if command.outcome is not Outcome.UNANSWERED:
            continue
        names = {"kind": _KINDS[command.operation], "key": command.key}
        for _ in range(TRIES):
            with contextlib.suppress(Lost):
                answer = await client.ask(_BY_KEY, names, crowd.by_id[command.user_id].token)
                if answer.code is None:
                    found = answer.data["viewer"]["transactionByIdempotencyKey"]
                    command.found_by_key = found is not None
                    command.found_reference = UUID(found["reference"]) if found else None
                    break
            await asyncio.sleep(_FIRST_PAUSE_SECONDS)
