"""Posting under concurrency, and with lost callers, responses and connections."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from dev.postgres import Postgres
from domain import errors
from domain.ledger.send_money import SendMoney
from persistence.engine import unit_of_work
from persistence.ledger.ledger import Ledger, Movement
from tests import locks
from tests.books import LIMITS, Books, sending
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio


async def insist(ledger: Ledger, command: SendMoney) -> Movement:
    """Repeat with the same key while the answer is that it may be repeated."""
    for _ in range(50):
        with suppress(errors.Unavailable):
            return await ledger.move(command)
    raise AssertionError("it never went through")


# ================================================================ side by side


def deadlocks(books: Books) -> object:
    books.connection.execute("SELECT pg_stat_force_next_flush()")
    row = books.connection.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return row[0]


async def test_fifty_transfers_at_once_in_a_ring_of_five_do_not_deadlock(books: Books) -> None:
    people = [books.join(f"Person {number}") for number in range(5)]
    for person in people:
        await books.add(person, "100")
    ledger = await Ledger.open(books.url, LIMITS, connections=16)
    commands = [
        sending(people[number % 5], people[(number + 1 + number // 25) % 5], "1.00")
        for number in range(50)
    ]
    try:
        moved = await asyncio.gather(*(ledger.move(command) for command in commands))
    finally:
        await ledger.close()
    assert not any(movement.replayed for movement in moved)
    assert books.balances(*people) == [10_000] * 5
    assert deadlocks(books) == 0
    await books.assert_clean()


_REPLAYER = """
import asyncio, sys
from decimal import Decimal
from uuid import UUID
from domain import ids
from domain.authority import Session
from domain.ledger.send_money import SendMoney
from persistence.engine import pinned
from persistence.ledger.ledger import Ledger
from tests.books import LIMITS

# A wait for a lock must not time out because this machine is busy.
pinned.LOCK_SECONDS = pinned.STATEMENT_SECONDS = 60

async def main(url, sender, session, recipient):
    ledger = await Ledger.open(url, LIMITS, connections=8)
    # As many as there are connections: a wait for one could time out.
    at_once = asyncio.Semaphore(8)
    async def move():
        async with at_once:
            movement = await ledger.move(SendMoney(
                authority=Session(UUID(sender), UUID(session)), recipient_id=UUID(recipient), amount=Decimal("1"), note=None,
                idempotency_key="the-same-key", reference=ids.new_id()))
        return f"{movement.entry.reference} {movement.entry.sequence} {movement.replayed}"
    print("ready", flush=True)
    sys.stdin.readline()
    print("\\n".join(await asyncio.gather(*(move() for _ in range(50)))), flush=True)
    await ledger.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_hundred_replays_of_one_key_over_two_processes_move_once(books: Books) -> None:
    alpha, beta = await books.pair()
    arguments = [books.url, *map(str, (alpha.user_id, alpha.session_id, beta.user_id))]
    processes = [
        await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", _REPLAYER, *arguments],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        async with asyncio.timeout(PATIENCE_SECONDS):
            outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
    answers = [entry for output, _ in outputs for entry in output.decode().splitlines()]
    assert len(answers) == 100
    assert len({answer.rsplit(" ", 1)[0] for answer in answers}) == 1
    assert sum(answer.endswith("False") for answer in answers) == 1
    assert books.balances(alpha, beta) == [900, 100]
    await books.assert_clean()


async def test_random_walks_keep_the_ledgers_clean(books: Books) -> None:
    chance = random.Random("one process")
    people = [books.join(f"Person {number}") for number in range(6)]
    for person in people:
        await books.add(person, "3")
    keys = [f"shared-key-{number}" for number in range(30)]
    ledger = await Ledger.open(books.url, LIMITS, connections=3)

    async def walk() -> None:
        for _ in range(15):
            sender, recipient = chance.sample(people, 2)
            amount = f"{chance.randint(1, 200) / 100:.2f}"
            with suppress(errors.InsufficientFunds, errors.IdempotencyKeyReused):
                await insist(ledger, sending(sender, recipient, amount, key=chance.choice(keys)))

    try:
        await asyncio.gather(*(walk() for _ in range(4)))
    finally:
        await ledger.close()
    assert sum(books.balances(*people)) == 6 * 300
    await books.assert_clean()


# ================================================================ what goes away


async def test_a_cancelled_caller_does_not_cancel_the_commit(books: Books) -> None:
    alpha, beta = await books.pair()
    command = sending(alpha, beta, "1")
    with psycopg.connect(books.url) as locker:
        locker.execute("SELECT FROM lock_accounts(%s)", [[alpha.user_id]])
        caller = asyncio.create_task(books.ledger.move(command))
        await until(lambda: locks.waiting(books.connection) == 1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    await until(lambda: books.balances(beta) == [100])
    assert (await books.ledger.move(command)).replayed


async def test_closing_finishes_what_is_under_way(books: Books) -> None:
    alpha, beta = await books.pair()
    ledger = await Ledger.open(books.url, LIMITS, connections=1)
    moves = [asyncio.create_task(ledger.move(sending(alpha, beta))) for _ in range(5)]
    await asyncio.sleep(0)
    await ledger.close()
    assert len(await asyncio.gather(*moves)) == 5
    assert books.balances(beta) == [5]
    with pytest.raises(errors.Unavailable):
        await ledger.move(sending(alpha, beta))


async def test_connections_cut_at_random_move_nothing_twice(
    books: Books, admin_database_url: str
) -> None:
    people = [books.join(f"Person {number}") for number in range(4)]
    for person in people:
        await books.add(person, "10")
    chance = random.Random(7)
    commands = [sending(*chance.sample(people, 2), "0.05") for _ in range(60)]
    connected, done = asyncio.Event(), asyncio.Event()
    cuts = 0

    async def cut() -> None:
        nonlocal cuts
        async with await psycopg.AsyncConnection.connect(
            admin_database_url, autocommit=True
        ) as admin:
            connected.set()
            while not done.is_set():
                cursor = await admin.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM ("
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> pg_backend_pid() AND application_name = 'mini-wallet' "
                    "AND (query LIKE '%%COMMIT%%' OR state = 'active') ORDER BY random() LIMIT 1"
                    ") AS victim"
                )
                row = await cursor.fetchone()
                assert row is not None
                cuts += row[0]
                # Less and less often, so that commits of a slow database get through.
                await asyncio.sleep(0.03 * 1.05**cuts)

    cutting = asyncio.create_task(cut())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await connected.wait()
            moved = await asyncio.gather(*(insist(books.ledger, command) for command in commands))
            while not cuts:
                await asyncio.gather(*(insist(books.ledger, command) for command in commands))
    finally:
        done.set()
        await cutting
    assert len({movement.entry.reference for movement in moved}) == 60
    rows = books.connection.execute(
        "SELECT count(*) FROM transactions WHERE direction = 'outgoing'"
    ).fetchone()
    assert rows == (60,)
    await books.assert_clean()


async def test_an_answer_lost_after_the_commit_is_replayed_not_repeated(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = await books.pair()
    from persistence.engine import pipeline

    real, losses = pipeline.round_trip, []

    async def losing(connection: psycopg.AsyncConnection, statements: list[object]) -> object:
        answer = await real(connection, statements)  # type: ignore[arg-type]
        if statements[-1] == (b"COMMIT", ()) and not losses:
            losses.append(answer)
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return answer

    monkeypatch.setattr(pipeline, "round_trip", losing)
    moved = await books.ledger.move(sending(alpha, beta, "1"))
    assert losses
    assert moved.replayed
    assert books.balances(alpha, beta) == [900, 100]


@pytest.mark.parametrize("sqlstate", ["SerializationFailure", "DeadlockDetected"])
async def test_what_the_database_asks_to_be_tried_again_is_tried_a_bounded_number_of_times(
    books: Books, monkeypatch: pytest.MonkeyPatch, sqlstate: str
) -> None:
    alpha, beta = await books.pair()
    from persistence.engine import pipeline

    real, failures = pipeline.round_trip, [0, 3]

    async def failing(connection: psycopg.AsyncConnection, statements: list[object]) -> object:
        if statements[-1] == (b"COMMIT", ()) and failures[0] < failures[1]:
            failures[0] += 1
            raise getattr(psycopg.errors, sqlstate)("try again")
        return await real(connection, statements)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "round_trip", failing)
    assert not (await books.ledger.move(sending(alpha, beta, "1"))).replayed
    failures[:] = [0, 1000]
    with pytest.raises(errors.Unavailable):
        await books.ledger.move(sending(alpha, beta, "1"))
    assert failures[0] == unit_of_work.ATTEMPTS
    assert books.balances(beta) == [100]


async def test_a_database_away_is_unavailable_and_its_return_is_noticed(
    start_postgres: Callable[..., Postgres],
) -> None:
    from app.commands import migrate
    from tests import books as test_books
    from tests.conftest import make_settings

    server = start_postgres(fast=False)
    assert migrate.migrate(make_settings(database_url=server.url)) == 0
    async with test_books.opened(server.url) as books:
        alpha, beta = await books.pair()
        command = sending(alpha, beta, "1")
        await books.ledger.move(command)
        server.kill()
        with pytest.raises(errors.Unavailable):
            await books.ledger.move(sending(alpha, beta, "1"))
        with pytest.raises(errors.Unavailable):
            await books.database.ping()
        server.start()
        assert (await books.ledger.move(command)).replayed
        assert not (await books.ledger.move(sending(alpha, beta, "1"))).replayed
        await books.database.ping()
