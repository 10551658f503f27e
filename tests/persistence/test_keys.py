"""Idempotency keys on real connections: used or closed, never both; deadlines; metadata."""

from __future__ import annotations

import asyncio
import itertools
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from domain import errors, ids
from domain.authority import ApiToken
from domain.ledger import metadata
from domain.ledger.close_key import CloseIdempotencyKey
from domain.ledger.decisions import Command
from domain.ledger.kinds import Kind
from domain.ledger.send_money import SendMoney
from domain.people import sessions
from persistence.ledger import statements
from persistence.ledger.ledger import Ledger, Movement, Result
from persistence.ledger.looking import Questions
from persistence.ledger.shared_commits import SharedCommits
from persistence.people import api_tokens
from tests import locks
from tests.books import LIMITS, Books, Someone, adding, sending
from tests.waiting import until

pytestmark = pytest.mark.anyio

PAIRS = [("order", "A-17"), ("branch", 'Köln {"NULL"}, \\'), ("empty", "")]


def closing(command: Command) -> CloseIdempotencyKey:
    _, kind, key = command.key
    return CloseIdempotencyKey(command.authority, kind, key)


def assert_one_took_effect(sent: object, closed: object) -> bool:
    """Whether the money moved; if it did not, the key is closed."""
    if isinstance(sent, Movement):
        assert isinstance(closed, Movement)
        assert (closed.entry, closed.replayed) == (sent.entry, True)
        return True
    assert isinstance(sent, errors.IdempotencyKeyClosed)
    assert closed is None
    return False


# ================================================================ closing


async def test_a_closed_key_moves_nothing_ever_and_closing_again_changes_nothing(
    books: Books,
) -> None:
    alpha, beta = await books.pair()
    command = sending(alpha, beta)
    assert await books.ledger.run(closing(command)) is None
    rows = "SELECT user_id, kind, idempotency_key, closed_at FROM closed_keys"
    closed = books.connection.execute(rows).fetchall()
    assert [row[:3] for row in closed] == [(alpha.user_id, "transfer", command.idempotency_key)]
    assert await books.ledger.run(closing(command)) is None
    assert books.connection.execute(rows).fetchall() == closed
    with pytest.raises(errors.IdempotencyKeyClosed):
        await books.ledger.move(command)
    assert books.balances(alpha, beta) == [1000, 0]
    await books.assert_clean()


async def test_a_key_that_moved_money_is_answered_with_its_movement(books: Books) -> None:
    alpha, beta = await books.pair()
    command = sending(alpha, beta, "2")
    moved = await books.ledger.move(command)
    closed = await books.ledger.run(closing(command))
    assert assert_one_took_effect(moved, closed)
    assert books.connection.execute("SELECT FROM closed_keys").fetchall() == []


@pytest.mark.parametrize("add_first", [True, False])
async def test_a_key_is_closed_for_one_kind_alone(books: Books, add_first: bool) -> None:
    alpha, beta = await books.pair()
    key = "one-key-of-both-kinds"
    send = sending(alpha, beta, key=key)
    add = replace(adding(alpha), idempotency_key=key)
    closed, moved = (add, send) if add_first else (send, add)
    await books.ledger.run(closing(closed))
    assert not (await books.ledger.move(moved)).replayed


async def test_an_ended_session_and_the_session_of_another_close_nothing(books: Books) -> None:
    alpha, beta = await books.pair()
    command = sending(alpha, beta)
    with pytest.raises(errors.Unauthenticated):
        await books.ledger.run(
            replace(closing(command), authority=replace(alpha.authority, id=beta.session_id))
        )
    books.connection.execute("UPDATE sessions SET ended_at = now()")
    with pytest.raises(errors.Unauthenticated):
        await books.ledger.run(closing(command))
    assert books.connection.execute("SELECT FROM closed_keys").fetchall() == []


async def test_an_api_token_closes_keys_of_its_user(books: Books) -> None:
    alpha, beta = await books.pair()
    token, _ = await api_tokens.create(
        books.database, alpha.principal, name="till", scopes=[sessions.Scope.SEND_MONEY],
        daily_limit_minor=100, expires_at=None,
    )  # fmt: skip
    command = sending(alpha, beta)
    by_token = replace(closing(command), authority=ApiToken(alpha.user_id, token.api_token_id))
    assert await books.ledger.run(by_token) is None
    with pytest.raises(errors.IdempotencyKeyClosed):
        await books.ledger.move(command)


async def test_a_closed_key_cannot_be_opened_by_the_service(books: Books) -> None:
    alpha, beta = await books.pair()
    await books.ledger.run(closing(sending(alpha, beta)))
    for change in ("DELETE FROM closed_keys", "UPDATE closed_keys SET kind = 'top_up'",
                   "TRUNCATE closed_keys"):  # fmt: skip
        with pytest.raises(psycopg.errors.RestrictViolation):
            books.connection.execute(change.encode())


# ================================================================ races


@pytest.mark.parametrize("close_first", [True, False])
async def test_in_one_batch_the_first_of_sending_and_closing_takes_effect(
    books: Books, close_first: bool
) -> None:
    alpha, beta = await books.pair()
    send = sending(alpha, beta)
    batch: list[Command] = [closing(send), send] if close_first else [send, closing(send)]
    # Others share the commit and are not affected.
    results = await books.ledger.settle([adding(beta), *batch, adding(beta)])
    sent, closed = results[1:3][::-1] if close_first else results[1:3]
    assert assert_one_took_effect(sent, closed) is not close_first
    assert isinstance(results[0], Movement)
    assert isinstance(results[3], Movement)
    await books.assert_clean()


async def _race(
    first: Ledger | SharedCommits, second: Ledger | SharedCommits, *commands: Command
) -> list[Result | BaseException]:
    """Every other command in the other ledger, all at once."""
    ledgers = itertools.cycle([first, second])
    return await asyncio.gather(
        *(ledger.run(command) for ledger, command in zip(ledgers, commands)),  # noqa: B905
        return_exceptions=True,
    )


@pytest.mark.parametrize("shared", [True, False])
async def test_sending_races_closing_and_one_of_them_takes_effect(
    books: Books, shared: bool
) -> None:
    alpha, beta = await books.pair("1000")
    other = await Ledger.open(books.url, LIMITS, connections=4)
    here: Ledger | SharedCommits = SharedCommits(books.ledger) if shared else books.ledger
    there: Ledger | SharedCommits = SharedCommits(other) if shared else other
    sends = [sending(alpha, beta) for _ in range(40)]
    # Both orders, each from both sides.
    pairs = [
        (closing(send), send) if number % 2 else (send, closing(send))
        for number, send in enumerate(sends)
    ]
    results = await _race(here, there, *(command for pair in pairs for command in pair))
    moved = 0
    for number, (one, two) in enumerate(zip(results[::2], results[1::2], strict=True)):
        sent, closed = (two, one) if number % 2 else (one, two)
        moved += assert_one_took_effect(sent, closed)
    assert books.balances(beta) == [moved]
    await other.close()
    await books.assert_clean()


_CLOSER = """
import asyncio, sys
from uuid import UUID
from domain.authority import Session
from domain.ledger.close_key import CloseIdempotencyKey
from domain.ledger.kinds import Kind
from domain.ledger import money
from persistence.engine import pinned
from persistence.ledger.ledger import Ledger

# A wait for a lock must not time out because this machine is busy.
pinned.LOCK_SECONDS = pinned.STATEMENT_SECONDS = 60

async def main(url, user, session):
    limits = money.limits(
        "USD", maximum_transfer="10000", maximum_top_up="10000", maximum_balance="1000000"
    )
    ledger = await Ledger.open(url, limits, connections=8)
    # No command waits so long for a connection that it is given up.
    at_once = asyncio.Semaphore(8)
    async def close(number):
        authority = Session(UUID(user), UUID(session))
        command = CloseIdempotencyKey(authority, Kind.TRANSFER, f"raced-key-{number}")
        async with at_once:
            return "closed" if await ledger.run(command) is None else "moved"
    print("ready", flush=True)
    sys.stdin.readline()
    print("\\n".join(await asyncio.gather(*map(close, range(100)))), flush=True)
    await ledger.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_sending_and_closing_in_two_processes_agree_on_each_key(books: Books) -> None:
    alpha, beta = await books.pair("1000")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CLOSER, books.url, str(alpha.user_id), str(alpha.session_id),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    assert await process.stdout.readline() == b"ready\n"
    process.stdin.write(b"\n")
    await process.stdin.drain()
    at_once = asyncio.Semaphore(8)

    async def send(number: int) -> Movement:
        async with at_once:
            return await books.ledger.move(sending(alpha, beta, key=f"raced-key-{number}"))

    # From the last key on, so that the two meet in the middle.
    sent = await asyncio.gather(*map(send, reversed(range(100))), return_exceptions=True)
    said = (await process.stdout.read()).decode().split()
    assert await process.wait() == 0
    for outcome, closed in zip(reversed(sent), said, strict=True):
        assert isinstance(outcome, Movement | errors.IdempotencyKeyClosed)
        assert (closed == "moved") == isinstance(outcome, Movement)
    await books.assert_clean()


async def test_a_request_held_up_at_the_lock_moves_nothing_after_its_key_was_closed(
    books: Books,
) -> None:
    alpha, beta = await books.pair()
    send = sending(alpha, beta)
    with psycopg.connect(books.url) as holder:
        holder.execute("SELECT FROM lock_accounts(%s)", [[alpha.user_id]])
        closed = asyncio.create_task(books.ledger.run(closing(send)))
        await _waiting_for_a_lock(books, 1)
        sent = asyncio.create_task(books.ledger.run(send))
        await _waiting_for_a_lock(books, 2)
    # PostgreSQL grants a row lock in the order of asking, mostly; whichever came first, they agree.
    assert_one_took_effect(*await asyncio.gather(sent, closed, return_exceptions=True))


async def _waiting_for_a_lock(books: Books, number: int) -> None:
    await until(lambda: locks.waiting(books.connection) == number)


# ================================================================ not after


async def test_a_command_after_its_instant_is_too_late_by_the_clock_of_the_database(
    books: Books,
) -> None:
    alpha, beta = await books.pair()
    command = replace(sending(alpha, beta), not_after=datetime.now(UTC) - timedelta(milliseconds=1))
    with pytest.raises(errors.TooLate):
        await books.ledger.move(command)
    assert books.balances(alpha, beta) == [1000, 0]
    in_time = replace(command, not_after=datetime.now(UTC) + timedelta(minutes=1))
    assert not (await books.ledger.move(in_time)).replayed
    assert (await books.ledger.move(command)).replayed


async def test_the_time_spent_waiting_for_the_lock_counts(books: Books) -> None:
    alpha, beta = await books.pair()
    with psycopg.connect(books.url) as holder:
        holder.execute("SELECT FROM lock_accounts(%s)", [[alpha.user_id]])
        row = holder.execute("SELECT clock_timestamp() + interval '0.3 seconds'").fetchone()
        assert row is not None
        send = replace(sending(alpha, beta), not_after=row[0])
        sent = asyncio.create_task(books.ledger.run(send))
        await _waiting_for_a_lock(books, 1)
        holder.execute("SELECT pg_sleep_until(%s)", [row[0]])
    with pytest.raises(errors.TooLate):
        await sent


# ================================================================ metadata


async def with_metadata(books: Books) -> tuple[Someone, Someone, SendMoney, Movement]:
    alpha, beta = await books.pair()
    command = replace(sending(alpha, beta), metadata=metadata.of(PAIRS))
    return alpha, beta, command, await books.ledger.move(command)


async def test_metadata_is_stored_in_order_for_the_callers_entry_alone(books: Books) -> None:
    alpha, _, _, moved = await with_metadata(books)
    stored = books.connection.execute(
        "SELECT user_id, sequence, key, value FROM transaction_metadata ORDER BY position"
    ).fetchall()
    assert stored == [(alpha.user_id, moved.entry.sequence, *pair) for pair in PAIRS]
    assert moved.other_entry is not None
    assert moved.other_entry.metadata_digest is None
    await books.assert_clean()


async def test_a_key_replays_with_the_same_metadata_alone(books: Books) -> None:
    alpha, beta, command, moved = await with_metadata(books)
    again = await books.ledger.move(
        replace(command, metadata=metadata.of(PAIRS), reference=ids.new_id())
    )
    assert (again.entry, again.replayed) == (moved.entry, True)
    for pairs in ([], PAIRS[:2], PAIRS[::-1], [*PAIRS, ("more", "")]):
        with pytest.raises(errors.IdempotencyKeyReused):
            await books.ledger.move(replace(command, metadata=metadata.of(pairs)))
    plain = sending(alpha, beta)
    await books.ledger.move(plain)
    with pytest.raises(errors.IdempotencyKeyReused):
        await books.ledger.move(replace(plain, metadata=metadata.of(PAIRS)))


async def test_many_with_metadata_share_a_commit(books: Books) -> None:
    alpha, beta = await books.pair()
    sends = [
        replace(sending(alpha, beta), metadata=metadata.of([("number", str(number))]))
        for number in range(5)
    ]
    adds = [replace(adding(beta), metadata=metadata.of(PAIRS)) for _ in range(3)]
    results = await books.ledger.settle([*sends, *adds, sends[0], replace(sends[1], metadata=None)])
    assert all(isinstance(each, Movement) for each in results[:9])
    assert isinstance(results[9], errors.IdempotencyKeyReused)
    again = await books.ledger.settle([*adds, *sends])
    assert all(isinstance(each, Movement) and each.replayed for each in again)
    await books.assert_clean()


# ================================================================ what it costs


def test_a_batch_without_look_ups_and_effects_has_no_statement_for_them() -> None:
    someone = Someone(ids.new_id(), ids.new_id(), "Zoë", "zoe@example.com")
    command = sending(someone, someone)
    for commands in ([command], [command, sending(someone, someone)]):
        assert len(Questions(commands).statements) == 2
    with_pairs = replace(command, metadata=metadata.of(PAIRS))
    assert len(Questions([with_pairs, with_pairs]).statements) == 3
    assert Kind.TRANSFER in command.key
    assert statements.COMMIT[0] == b"COMMIT"
