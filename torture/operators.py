"""Operators who reverse transfers at the same time, in parts, and decide each other's proposals."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg

from persistence.engine.database import Database
from persistence.operators import operators
from torture import requests
from torture.caller import Caller, Crowd
from torture.client import Client
from torture.record import Command, Operation, Outcome
from torture.record_operators import AskedReversal, Decision
from torture.users import User

#: How many there are: one proposes, and the others decide.
OPERATORS = 3
#: What one operator may reverse: part of the amounts of a run are above it.
APPROVAL_ABOVE = "1"
#: Their sessions are confirmed when the run begins, for an hour.
CONFIRMED_SECONDS = 3_000
_LONGEST_PAUSE_SECONDS = 0.8
DONE = "OperatorActionDone"

#: Give users a second factor, which has just confirmed their sessions.
SECOND_FACTOR = (
    "INSERT INTO passkeys (user_id, id, credential_id, public_key, counter, transports, name, "
    "created_at) SELECT id, id, uuid_send(id), uuid_send(id), 0, '{}', 'A passkey', now() "
    "FROM unnest(%s::uuid[]) AS given (id)",
    "UPDATE users SET confirm_above = 1 WHERE id = ANY (%s)",
    "UPDATE sessions SET confirmed_by_factor = true, confirmed_at = now() WHERE user_id = ANY (%s)",
)
_ANSWER = """
  __typename
  ... on OperatorActionDone { action { id status reversalReference } }
  ... on UserError { message }
"""
_REVERSE = f"""
mutation ($input: ReverseTransactionInput!) {{ result: reverseTransaction(input: $input) {{ {_ANSWER} }} }}
"""
_DECIDE = f"""
mutation ($input: DecideActionInput!) {{ result: decideAction(input: $input) {{ {_ANSWER} }} }}
"""


def appoint(database_url: str, audit_key: bytes, users: Sequence[User]) -> None:
    """Make those users operators with a second factor, who have just signed in with it."""
    asyncio.run(_appoint(database_url, audit_key, users))
    ids = [user.user_id for user in users]
    with psycopg.connect(database_url) as connection:
        for statement in SECOND_FACTOR:
            connection.execute(statement, [ids])


async def _appoint(database_url: str, audit_key: bytes, users: Sequence[User]) -> None:
    opened = await Database.open(database_url)
    try:
        for user in users:
            await operators.add(opened, user.email, audit_key=audit_key)
    finally:
        await opened.close()


class Operators:
    """All operators of a run, each with a device."""

    def __init__(
        self, crowd: Crowd, users: Sequence[User], devices: Sequence[Client], rng: random.Random
    ) -> None:
        self._crowd = crowd
        self._users = users
        self._callers = [Caller(crowd, [device], rng) for device in devices]
        self._rng = rng
        for user in users:
            crowd.by_id[user.user_id] = user

    async def run(self) -> None:
        """Reverse until it is time to stop."""
        until = time.monotonic() + CONFIRMED_SECONDS
        while not self._crowd.stopping.is_set() and time.monotonic() < until:
            command = self._transfer()
            if command is not None:
                await self._reverse_together(command)
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_PAUSE_SECONDS))

    def _transfer(self) -> Command | None:
        """A transfer that was acknowledged lately."""
        latest = self._crowd.record.commands[-200:]
        sent = [
            each
            for each in latest
            if each.outcome is Outcome.ACKNOWLEDGED and each.operation is Operation.SEND_MONEY
        ]
        return self._rng.choice(sent) if sent else None

    async def _reverse_together(self, command: Command) -> None:
        """Two operators reverse parts of it at once; what becomes a proposal, all others decide at once."""
        assert command.reference is not None
        key = self._crowd.new_key()
        asked = [
            AskedReversal(
                user.user_id,
                command.reference,
                self._rng.randint(1, command.amount_minor),
                f"{key}-{number}",
                time.monotonic(),
            )
            for number, user in enumerate(self._rng.sample(list(self._users), 2))
        ]
        self._crowd.record.reversals += asked
        await asyncio.gather(*(self._reverse(each) for each in asked))
        for each in asked:
            if each.status == "PROPOSED":
                await asyncio.gather(*(self._decide(each, user) for user in self._users))
            each.ended = time.monotonic()

    async def _reverse(self, asked: AskedReversal) -> None:
        given = {
            "reference": str(asked.reference),
            "amount": requests.decimal(asked.amount_minor),
            "reason": "Reported in the torture run.",
            "idempotencyKey": asked.key,
        }
        tried = await self._caller(asked.operator_id).until_answered(
            _REVERSE, {"input": given}, asked.operator_id
        )
        if not tried.is_answered or tried.answer is None:
            return
        result = tried.answer.data["result"]
        asked.answer = result["__typename"]
        if asked.answer == DONE:
            action = result["action"]
            asked.action_id, asked.status = action["id"], action["status"]
            if action["reversalReference"] is not None:
                asked.reversal = UUID(action["reversalReference"])

    async def _decide(self, asked: AskedReversal, user: User) -> None:
        decision = Decision(user.user_id, self._rng.random() < 0.7)
        asked.decisions.append(decision)
        given = {"actionId": asked.action_id, "agrees": decision.agrees}
        tried = await self._caller(user.user_id).until_answered(
            _DECIDE, {"input": given}, user.user_id
        )
        if tried.is_answered and tried.answer is not None:
            result = tried.answer.data["result"]
            decision.answer = result["__typename"]
            if decision.answer == DONE:
                decision.status = result["action"]["status"]

    def _caller(self, user_id: UUID) -> Caller:
        return next(
            caller
            for caller, user in zip(self._callers, self._users, strict=True)
            if user.user_id == user_id
        )
