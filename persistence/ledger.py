"""Moving money: lock, look, settle, write and commit, in two round trips to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import psycopg
import psycopg_pool
from psycopg import AsyncConnection
from psycopg import errors as sqlstates

from domain import errors, ids, money, sessions, settling, text, transfers
from domain.accounts import Person
from domain.settling import Posted, TokenBudget
from domain.transfers import Account, Command, Line
from persistence import database, lines, pipeline, unit_of_work
from persistence.pipeline import Rows, Statement

#: A connection lost is tried again, with the same key, this often.
_LOST_ATTEMPTS = 3
_POOL_SECONDS = 3.0
#: How long one attempt may take before it is given up and its connection closed.
_ATTEMPT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved, now or (`replayed`) when this key was first used, and who is concerned."""

    line: Line
    replayed: bool
    #: The caller, as now.
    person: Person
    counterparty: Person | None


class Ledger:
    """The way in which money moves. Make one per process with `open`."""

    def __init__(
        self,
        pool: psycopg_pool.AsyncConnectionPool[AsyncConnection[Any]],
        limits: money.Limits,
        isolation: str,
        audit_key: bytes,
    ) -> None:
        self._pool = pool
        self._limits = limits
        self._audit_key = audit_key
        self._begin: Statement = (f"BEGIN ISOLATION LEVEL {isolation}".encode(), ())
        self._under_way: set[asyncio.Task[Any]] = set()

    @classmethod
    async def open(
        cls,
        url: str,
        limits: money.Limits,
        *,
        connections: int = 8,
        isolation: str = "READ COMMITTED",
        audit_key: bytes = b"",
    ) -> Self:
        """Connections are made in the background: a database that is away raises later.

        What it writes is sealed with `audit_key`: the same in every process, or the books are at fault.
        """
        pool = psycopg_pool.AsyncConnectionPool(
            database.plain_url(url),
            kwargs={**database.CONNECTION_ARGUMENTS, "autocommit": True},
            min_size=1,
            max_size=connections,
            timeout=_POOL_SECONDS,
            # The next request notices that a database is back, not a timer that has grown long.
            reconnect_timeout=_POOL_SECONDS,
            open=False,
            name="ledger",
        )
        await pool.open()
        return cls(pool, limits, isolation, audit_key)

    async def close(self) -> None:
        """Finish what is under way, then close the connections."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._pool.close()

    async def move(self, command: Command) -> Movement:
        """Do what the command asks. Raises its refusal, or Unavailable where nothing is known to have
        moved: repeat it with the same key.

        A caller that is cancelled does not take a commit under way along.
        """
        [outcome] = await self.settle([command])
        if isinstance(outcome, errors.DomainError):
            raise outcome
        return outcome

    async def settle(self, commands: Sequence[Command]) -> list[Movement | errors.DomainError]:
        """An outcome for each command, in order; all that moves is in one commit. Raises Unavailable."""
        task = asyncio.create_task(self._settle(commands))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _settle(self, commands: Sequence[Command]) -> list[Movement | errors.DomainError]:
        lost = 0
        for attempt in range(1, unit_of_work.ATTEMPTS + 1):
            try:
                return await self._attempt(commands)
            except (psycopg.Error, TimeoutError) as error:
                last = attempt == unit_of_work.ATTEMPTS
                if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.PoolClosed):
                    raise errors.Unavailable from error
                if isinstance(error, sqlstates.UniqueViolation):
                    # Somebody used the key in between: the next attempt finds it and replays.
                    if last:
                        raise
                elif unit_of_work.is_retried(error):
                    if last:
                        raise errors.Unavailable from error
                elif _is_lost(error):
                    lost += 1
                    if lost == _LOST_ATTEMPTS or last:
                        raise errors.Unavailable from error
                    await self._weed()
                elif isinstance(error, TimeoutError) or database.is_trouble(error):
                    raise errors.Unavailable from error
                else:
                    raise
            await unit_of_work.pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    async def _weed(self) -> None:
        """Where one connection was lost its siblings may be too: look at each before it is used."""
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(_POOL_SECONDS):
                await self._pool.check()

    async def _attempt(self, commands: Sequence[Command]) -> list[Movement | errors.DomainError]:
        connection = await self._pool.getconn()
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                return await self._in_two_round_trips(connection, commands)
        except BaseException:
            # After an error in a pipeline nobody can tell what the connection is in the middle of.
            await connection.close()
            raise
        finally:
            await self._pool.putconn(connection)

    async def _in_two_round_trips(
        self, connection: AsyncConnection[Any], commands: Sequence[Command]
    ) -> list[Movement | errors.DomainError]:
        _, _, locked, looked, earlier, *asked = await pipeline.round_trip(
            connection,
            [
                self._begin,
                _BOUND if len(commands) == 1 else _BOUND_TOGETHER,
                _lock(commands),
                *_look(commands),
            ],
        )
        people = {row[0]: row for row in locked}
        ledger = self._as_it_stands(locked, looked, earlier, asked[0] if asked else [])
        settlement = settling.settle(ledger, commands)
        writing = _write(settlement) if settlement.lines else []
        await pipeline.round_trip(connection, [*writing, _COMMIT])
        return [
            _movement(outcome, people, ledger) if isinstance(outcome, Posted) else outcome
            for outcome in settlement.outcomes
        ]

    def _as_it_stands(
        self, locked: Rows, looked: Rows, earlier: Rows, tokens: Rows
    ) -> settling.Ledger:
        [[now, standing]] = looked
        posted = [lines.from_row(row) for row in earlier]
        return settling.Ledger(
            accounts={row[0]: _account(row) for row in locked},
            posted={(p.user_id, p.kind, p.idempotency_key): p for p in posted if p.idempotency_key},
            standing={*standing, *(row[0] for row in tokens)},
            budgets={row[0]: TokenBudget(row[1], row[2]) for row in tokens},
            now=now,
            limits=self._limits,
            audit_key=self._audit_key,
        )


def _is_lost(error: Exception) -> bool:
    """Whether the connection itself broke, so that another one may do."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    # Without a code it was libpq that said so; 08 and 57P are the server's goodbyes.
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


# ================================================================ the first round trip

_BOUND: Statement = (unit_of_work.bounds().encode(), ())
# Whoever is behind a lock held elsewhere does not keep those for long who share the commit.
_BOUND_TOGETHER: Statement = (unit_of_work.bounds(lock_timeout_seconds=1).encode(), ())
_COMMIT: Statement = (b"COMMIT", ())

_LOCK = b"""
SELECT id, name, email, email_verified_at, balance, sequence, last_posted_at, book_seal, closed_at
FROM lock_accounts($1::uuid[])
"""

# Statements of their own, after the locks, so that they see what was committed during the wait. Each is
# there for one command, which is planned in half the time, and for any number.
_CLOCK_AND_SESSIONS = """
SELECT clock_timestamp(), ARRAY(
    SELECT s.id FROM {source}
    WHERE {which} AND s.ended_at IS NULL AND s.rotated_at > clock_timestamp() - $3::interval
)
"""
_SESSION = _CLOCK_AND_SESSIONS.format(
    source="sessions AS s", which="s.user_id = $1::uuid AND s.id = $2::uuid"
).encode()
_SESSIONS = _CLOCK_AND_SESSIONS.format(
    source="unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id), sessions AS s",
    which="s.user_id = asked.user_id AND s.id = asked.id",
).encode()
_LINE = ", ".join(f"t.{column}" for column in lines.COLUMNS.split(", "))
_EARLIER_OF_ONE = f"""
SELECT {_LINE} FROM transactions AS t
WHERE t.user_id = $1::uuid AND t.kind = $2::text AND t.idempotency_key = $3::text
""".encode()  # noqa: S608
_EARLIER = f"""
SELECT {_LINE} FROM unnest($1::uuid[], $2::text[], $3::text[]) AS asked (user_id, kind, key)
JOIN transactions AS t
    ON t.user_id = asked.user_id AND t.kind = asked.kind AND t.idempotency_key = asked.key
""".encode()  # noqa: S608
_TOKENS = b"""
SELECT k.id, k.daily_limit, (
    SELECT coalesce(sum(t.amount + t.fee), 0)::bigint
    FROM transactions AS t
    WHERE t.user_id = k.user_id AND t.api_token_id = k.id AND t.direction = 'outgoing'
        AND t.created_at > clock_timestamp() - $3::interval
)
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
JOIN api_tokens AS k ON k.user_id = asked.user_id AND k.id = asked.id
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
"""
_IDLE = str(sessions.SESSION_IDLE_LIFETIME).replace(",", "").encode()
_WINDOW = f"{transfers.DAILY_LIMIT_WINDOW.total_seconds():.0f} s".encode()


def _lock(commands: Sequence[Command]) -> Statement:
    account_ids = {account_id for command in commands for account_id in command.account_ids}
    return _LOCK, (pipeline.array(account_ids),)


def _look(commands: Sequence[Command]) -> list[Statement]:
    by_token = {(c.user_id, c.api_token_id) for c in commands if c.api_token_id is not None}
    tokens = [(_TOKENS, (*_pairs(by_token), _WINDOW))] if by_token else []
    if len(commands) == 1:
        [command] = commands
        user_id, kind, key = command.key
        owner, session_id = str(user_id).encode(), command.session_id
        return [
            (_SESSION, (owner, str(session_id).encode() if session_id else None, _IDLE)),
            (_EARLIER_OF_ONE, (owner, kind.value.encode(), key.encode())),
            *tokens,
        ]
    in_session = {(c.user_id, c.session_id) for c in commands if c.session_id is not None}
    keys = {command.key for command in commands}
    return [
        (_SESSIONS, (*_pairs(in_session), _IDLE)),
        (
            _EARLIER,
            (
                pipeline.array(user_id for user_id, _, _ in keys),
                pipeline.array(kind.value for _, kind, _ in keys),
                pipeline.array(key for _, _, key in keys),
            ),
        ),
        *tokens,
    ]


def _pairs(pairs: set[tuple[UUID, UUID]]) -> tuple[bytes, bytes]:
    return pipeline.array(first for first, _ in pairs), pipeline.array(last for _, last in pairs)


def _account(row: tuple[Any, ...]) -> Account:
    user_id, _, _, verified_at, balance_minor, sequence, last_posted_at, book_seal, closed_at = row
    return Account(
        user_id=user_id,
        balance_minor=balance_minor,
        sequence=sequence,
        is_verified=verified_at is not None,
        is_closed=closed_at is not None,
        last_posted_at=last_posted_at,
        book_seal=book_seal,
    )


# ================================================================ the second round trip

_UPDATE = b"""
UPDATE users
SET balance = changed.balance, sequence = changed.sequence, last_posted_at = changed.last_posted_at,
    book_seal = changed.book_seal
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[])
    AS changed (id, balance, sequence, last_posted_at, book_seal)
WHERE users.id = changed.id AND users.id = ANY ($1::uuid[])
"""
_INSERT_LINES = f"""
INSERT INTO transactions ({lines.COLUMNS}, note_search_text)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::uuid[], $9::text[], $10::bigint[], $11::timestamptz[], $12::text[], $13::uuid[], $14::bytea[],
    $15::text[]
)
""".encode()  # noqa: S608
_ANNOUNCE = b"""
INSERT INTO outbox (user_id, id, topic, payload)
SELECT posted.user_id, posted.id, 'transaction.posted', jsonb_build_object('sequence', posted.sequence)
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS posted (user_id, id, sequence)
"""


def _write(settlement: settling.Settlement) -> list[Statement]:
    changed = settlement.accounts.values()
    new = settlement.lines
    array = pipeline.array
    user_ids = array([n.user_id for n in new])
    sequences = array([n.sequence for n in new])
    return [
        (
            _UPDATE,
            (
                array([a.user_id for a in changed]),
                array([a.balance_minor for a in changed]),
                array([a.sequence for a in changed]),
                array([a.last_posted_at for a in changed]),
                array([a.book_seal for a in changed]),
            ),
        ),
        (
            _INSERT_LINES,
            (
                user_ids,
                sequences,
                array([n.reference for n in new]),
                array([n.kind.value for n in new]),
                array([n.direction.value for n in new]),
                array([n.amount_minor for n in new]),
                array([n.fee_minor for n in new]),
                array([n.counterparty_id for n in new]),
                array([n.note for n in new]),
                array([n.balance_after_minor for n in new]),
                array([n.created_at for n in new]),
                array([n.idempotency_key for n in new]),
                array([n.api_token_id for n in new]),
                array([n.seal for n in new]),
                array(None if n.note is None else text.search_text(n.note) for n in new),
            ),
        ),
        (_ANNOUNCE, (user_ids, array([ids.new_id() for _ in new]), sequences)),
    ]


def _movement(
    posted: Posted, people: dict[UUID, tuple[Any, ...]], ledger: settling.Ledger
) -> Movement:
    account, line = posted.account, posted.line
    counterparty_id = line.counterparty_id
    return Movement(
        line=line,
        replayed=posted.replayed,
        person=_person(people[account.user_id], account),
        counterparty=(
            _person(people[counterparty_id], ledger.accounts[counterparty_id])
            if counterparty_id is not None
            else None
        ),
    )


def _person(row: tuple[Any, ...], account: Account) -> Person:
    return Person(
        user_id=account.user_id,
        name=row[1],
        email=row[2],
        email_verified_at=row[3],
        balance_minor=account.balance_minor,
        sequence=account.sequence,
    )
