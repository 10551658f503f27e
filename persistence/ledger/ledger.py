"""The ledger: lock, look up, decide, write and commit, in two round trips to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Self
from uuid import UUID

import psycopg
import psycopg_pool
from psycopg import errors as sqlstates

from domain import errors
from domain.ledger import decisions, money, settling
from domain.ledger.decisions import Command, Done, Posted
from domain.ledger.kinds import Direction
from domain.ledger.metadata import MetadataOf, Pair
from domain.ledger.posting import PostingCommand
from domain.ledger.transfers import Account, Entry
from domain.notifications.notices import Notification
from domain.people.accounts import Person
from domain.values import value
from persistence.engine import database, pipeline, servers, unit_of_work
from persistence.engine.connections import Connections, is_lost
from persistence.engine.pinned import Connection
from persistence.ledger import statements
from persistence.ledger.looking import Questions

#: How many attempts may lose their connection before the command fails.
_LOST_ATTEMPTS = 3
#: How long one attempt may take before it is abandoned and its connection closed.
_ATTEMPT_SECONDS = 20.0
#: Otherwise only one commit at a time on the whole cluster could change users of several shards, so that they do not
#: deadlock. Those of the ledger do not: they lock all accounts first, in one order. Elsewhere it has no effect.
_CONCURRENT_ON_A_CLUSTER = "-c citus.enable_deadlock_prevention=off"


@value
class Movement:
    """A transaction posted now, or (`replayed`) at the first use of its key, and its users."""

    entry: Entry
    replayed: bool
    #: The caller in the current state.
    person: Person
    #: None if the command did not lock their account.
    counterparty: Person | None
    #: The counterparty's entry, if it was posted just now.
    other_entry: Entry | None = None
    #: The metadata of the entry, if any.
    metadata: tuple[Pair, ...] = ()
    #: What the command has notified users of, just now.
    notifications: Sequence[Notification] = ()


#: The result of a command: a transaction, None if it succeeded and posted nothing, or its refusal.
Result = Movement | None | errors.DomainError


class Ledger:
    """Executes commands, the only way to post entries. Make one per process with `open`."""

    def __init__(
        self,
        pool: Connections,
        limits: money.Limits,
        audit_key: bytes,
        traceparent: Callable[[], str | None] | None = None,
    ) -> None:
        self._traceparent = traceparent
        self._pool = pool
        self._limits = limits
        self._audit_key = audit_key
        self._under_way: set[asyncio.Task[Any]] = set()
        #: Whether the database was a cluster when a command was last executed.
        self.is_cluster = False

    @classmethod
    async def open(
        cls,
        url: str,
        limits: money.Limits,
        *,
        connections: int = 8,
        audit_key: bytes = b"",
        traceparent: Callable[[], str | None] | None = None,
    ) -> Self:
        """Connections are opened in the background: an unreachable database raises later.

        Entries are sealed with `audit_key`, which must be the same in every process. `traceparent` is the
        current trace context, which outbox rows carry.
        """
        pool = await Connections.open(
            servers.of(url),
            name="ledger",
            minimum=1,
            maximum=connections,
            options=_CONCURRENT_ON_A_CLUSTER,
        )
        return cls(pool, limits, audit_key, traceparent)

    async def close(self) -> None:
        """Finish the commands in progress, then close the connections."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._pool.close()

    async def move(self, command: PostingCommand) -> Movement:
        """Execute the command. Raises its refusal, or Unavailable if the outcome is unknown: repeat
        the command with the same key.

        Cancelling the caller does not cancel a commit in progress.
        """
        movement = await self.run(command)
        assert movement is not None
        return movement

    async def run(self, command: Command) -> Movement | None:
        """Execute the command, as `move` does; None if it posted nothing."""
        [outcome] = await self.settle([command])
        if isinstance(outcome, errors.DomainError):
            raise outcome
        return outcome

    async def settle(self, commands: Sequence[Command]) -> list[Result]:
        """A result for each command, in order; all changes are in one commit. Raises Unavailable."""
        task = asyncio.create_task(self.settle_in_task(commands))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def settle_in_task(self, commands: Sequence[Command]) -> list[Result]:
        """The same for a caller that is not cancelled: that would abandon the commit."""
        lost = 0
        for attempt in range(1, unit_of_work.ATTEMPTS + 1):
            try:
                return await self._attempt(commands)
            except (psycopg.Error, TimeoutError) as error:
                last = attempt == unit_of_work.ATTEMPTS
                if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.PoolClosed):
                    raise database.unavailable(error) from error
                if isinstance(error, sqlstates.UniqueViolation):
                    # The key was used concurrently: the next attempt finds and replays it.
                    if last:
                        raise
                elif unit_of_work.is_retried(error):
                    if last:
                        raise database.unavailable(error) from error
                elif is_lost(error):
                    lost += 1
                    if lost == _LOST_ATTEMPTS or last:
                        raise database.unavailable(error) from error
                    await self._pool.weed()
                elif isinstance(error, TimeoutError) or database.is_trouble(error):
                    raise database.unavailable(error) from error
                else:
                    raise
            await unit_of_work.pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, commands: Sequence[Command]) -> list[Result]:
        async with self._pool.one() as connection, asyncio.timeout(_ATTEMPT_SECONDS):
            self.is_cluster = connection.is_cluster
            return await self._in_two_round_trips(connection, commands)

    async def _in_two_round_trips(
        self, connection: Connection, commands: Sequence[Command]
    ) -> list[Result]:
        questions = Questions(commands)
        begin = statements.begin(connection, commands)
        if self._traceparent is not None and (traceparent := self._traceparent()) is not None:
            begin.append(statements.trace(traceparent))
        results = await pipeline.round_trip(
            connection, [*begin, statements.lock(commands), *questions.statements]
        )
        locked, *answers = results[len(begin) :]
        people = {row[0]: row for row in locked}
        known = questions.read(answers)
        ledger = decisions.Ledger(
            accounts={user_id: _account(row) for user_id, row in people.items()},
            posted=known.posted,
            active=known.active,
            now=known.now,
            limits=self._limits,
            found=known.found,
            audit_key=self._audit_key,
        )
        settlement = settling.settle(ledger, commands)
        await pipeline.round_trip(connection, [*statements.write(settlement), statements.COMMIT])
        connection.warnings.check()
        others = {
            entry.reference: entry
            for entry in settlement.entries
            if entry.direction is Direction.INCOMING and entry.counterparty_id is not None
        }
        return [_result(outcome, people, ledger, others) for outcome in settlement.outcomes]


def _result(
    outcome: decisions.Outcome,
    people: dict[UUID, tuple[Any, ...]],
    ledger: decisions.Ledger,
    others: dict[UUID, Entry],
) -> Result:
    if isinstance(outcome, Posted):
        return _movement(outcome, people, ledger, others)
    return None if isinstance(outcome, Done) else outcome


def _account(row: tuple[Any, ...]) -> Account:
    (
        user_id, _, _, verified_at, balance_minor, sequence, last_posted_at, book_seal, closed_at,
        notification_number, mailed_notifications, _, _, restricted_until, confirm_above_minor,
    ) = row  # fmt: skip
    return Account(
        user_id=user_id,
        balance_minor=balance_minor,
        sequence=sequence,
        is_verified=verified_at is not None,
        is_closed=closed_at is not None,
        last_posted_at=last_posted_at,
        book_seal=book_seal,
        notification_number=notification_number,
        mailed_notifications=mailed_notifications,
        restricted_until=restricted_until,
        confirm_above_minor=confirm_above_minor,
    )


def _movement(
    posted: Posted,
    people: dict[UUID, tuple[Any, ...]],
    ledger: decisions.Ledger,
    others: dict[UUID, Entry],
) -> Movement:
    account, entry = posted.account, posted.entry
    counterparty_id = entry.counterparty_id
    return Movement(
        entry=entry,
        replayed=posted.replayed,
        person=_person(people[account.user_id], account),
        counterparty=(
            _person(people[counterparty_id], ledger.accounts[counterparty_id])
            if counterparty_id in people
            else None
        ),
        other_entry=None if posted.replayed else others.get(entry.reference),
        metadata=() if entry.metadata_digest is None else _metadata(ledger, entry),
        notifications=posted.notifications,
    )


def _metadata(ledger: decisions.Ledger, entry: Entry) -> tuple[Pair, ...]:
    assert entry.idempotency_key is not None
    key = decisions.Key(entry.user_id, entry.kind, entry.idempotency_key)
    found = ledger.find(MetadataOf(key))
    return () if found is None else found.pairs


def _person(row: tuple[Any, ...], account: Account) -> Person:
    return Person(
        user_id=account.user_id,
        name=row[1],
        email=row[2],
        email_verified_at=row[3],
        balance_minor=account.balance_minor,
        sequence=account.sequence,
        time_zone=row[11],
        handle=row[12],
    )
