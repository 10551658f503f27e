"""Moving money on real connections: once a key, all or nothing, whoever comes or goes."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from app.dev_services.postgres import Postgres
from domain import errors, ids, sessions, transfers
from persistence import api_tokens, audit, unit_of_work
from persistence.ledger import Ledger, Movement
from tests.books import LIMITS, Books, Someone
from tests.waiting import until

pytestmark = pytest.mark.anyio


def sending(
    sender: Someone, recipient: Someone, amount: str = "0.01", key: str | None = None
) -> transfers.SendMoney:
    return transfers.SendMoney(
        user_id=sender.user_id,
        recipient_id=recipient.user_id,
        amount=Decimal(amount),
        note=None,
        idempotency_key=key or f"key-{ids.new_id()}",
        reference=ids.new_id(),
        session_id=sender.session_id,
    )


async def two(books: Books, amount: str = "10") -> tuple[Someone, Someone]:
    alpha, beta = books.join("Alpha"), books.join("Beta")
    await books.add(alpha, amount)
    return alpha, beta


def balances(books: Books, *people: Someone) -> list[object]:
    rows = books.connection.execute("SELECT id, balance FROM users").fetchall()
    of = dict(rows)
    return [of[person.user_id] for person in people]


async def insist(ledger: Ledger, command: transfers.SendMoney) -> Movement:
    """Repeat with the same key while the answer is that it may be repeated."""
    for _ in range(50):
        with suppress(errors.Unavailable):
            return await ledger.move(command)
    raise AssertionError("it never went through")


async def assert_clean(books: Books) -> None:
    report = await audit.audit(books.database)
    assert report.findings == []


# ================================================================ one movement


async def test_a_transfer_is_a_line_in_each_book_an_event_each_and_both_balances(
    books: Books,
) -> None:
    alpha, beta = await two(books)
    moved = await books.send(alpha, beta, "2.50", note="Für den Käse")
    assert not moved.replayed
    assert (moved.person.name, moved.person.balance_minor, moved.person.sequence) == (
        "Alpha", 750, 2,
    )  # fmt: skip
    assert moved.counterparty is not None
    assert (moved.counterparty.email, moved.counterparty.balance_minor) == (beta.email, 250)
    assert moved.line.note == "Für den Käse"
    assert balances(books, alpha, beta) == [750, 250]
    lines = books.connection.execute(
        "SELECT user_id, direction, amount, counterparty_id, note_search_text, balance_after, "
        "idempotency_key IS NULL FROM transactions WHERE kind = 'transfer' ORDER BY direction"
    ).fetchall()
    assert lines == [
        (beta.user_id, "incoming", 250, alpha.user_id, "fur den kase", 250, True),
        (alpha.user_id, "outgoing", 250, beta.user_id, "fur den kase", 750, False),
    ]
    told = books.connection.execute(
        "SELECT user_id, payload FROM outbox WHERE topic = 'transaction.posted' ORDER BY id"
    ).fetchall()
    assert told == [
        (alpha.user_id, {"sequence": 1}),
        (alpha.user_id, {"sequence": 2}),
        (beta.user_id, {"sequence": 1}),
    ]


async def test_a_refusal_changes_nothing_and_leaves_the_key_unused(books: Books) -> None:
    alpha, beta = await two(books, "1")
    command = sending(alpha, beta, "2")
    with pytest.raises(errors.InsufficientFunds):
        await books.ledger.move(command)
    assert balances(books, alpha, beta) == [100, 0]
    await books.add(alpha, "5")
    assert not (await books.ledger.move(command)).replayed


async def test_a_key_replays_and_with_other_input_is_refused(books: Books) -> None:
    alpha, beta = await two(books)
    command = sending(alpha, beta, "1")
    first = await books.ledger.move(command)
    await books.send(alpha, beta, "3")
    again = await books.ledger.move(replace(command, reference=ids.new_id(), amount=Decimal("1.0")))
    assert again.replayed
    assert again.line == first.line
    assert again.person.balance_minor == 600
    assert again.counterparty is not None
    assert again.counterparty.name == "Beta"
    with pytest.raises(errors.IdempotencyKeyReused):
        await books.ledger.move(replace(command, amount=Decimal("1.01")))
    assert balances(books, alpha, beta) == [600, 400]


async def test_hostile_text_is_stored_as_it_is(books: Books) -> None:
    alpha, beta = await two(books)
    note = """{"NULL",\\,'} "quoted" \\" NULL 🧀 {}"""
    moved = await books.send(alpha, beta, note=note)
    key = '{"a\\b",NULL}'
    keyed = await books.ledger.move(sending(alpha, beta, key=key))
    assert (await books.ledger.move(sending(alpha, beta, key=key))).replayed
    stored = books.connection.execute(
        "SELECT DISTINCT note FROM transactions WHERE reference = %s", [moved.line.reference]
    ).fetchall()
    assert stored == [(note,)]
    assert keyed.line.idempotency_key == key


async def test_many_commands_share_a_commit_and_each_has_its_own_outcome(books: Books) -> None:
    alpha, beta = await two(books, "1")
    gamma = books.join("Gamma")
    first = sending(alpha, beta, "0.60")
    outcomes = await books.ledger.settle(
        [first, sending(alpha, gamma, "0.60"), first, sending(beta, gamma, "0.25")]
    )
    assert isinstance(outcomes[0], Movement)
    assert not outcomes[0].replayed
    assert isinstance(outcomes[1], errors.InsufficientFunds)
    assert isinstance(outcomes[2], Movement)
    assert outcomes[2].replayed
    assert isinstance(outcomes[3], Movement)
    assert balances(books, alpha, beta, gamma) == [40, 35, 25]
    assert await books.ledger.settle([]) == []
    await assert_clean(books)


async def test_lines_never_go_back_in_time(books: Books) -> None:
    alpha, beta = await two(books)
    books.connection.execute(
        "UPDATE users SET last_posted_at = now() + interval '1 hour' WHERE id = %s", [alpha.user_id]
    )
    [(noted,)] = books.connection.execute(
        "SELECT last_posted_at FROM users WHERE id = %s", [alpha.user_id]
    ).fetchall()
    assert (await books.send(alpha, beta)).line.created_at == noted


# ================================================================ who may


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE sessions SET ended_at = now()",
        "UPDATE sessions SET rotated_at = now() - interval '31 days'",
        "UPDATE users SET closed_at = now()",
        "DELETE FROM sessions",
    ],
)
async def test_an_ended_session_moves_nothing_and_replays_nothing(
    books: Books, ending: str
) -> None:
    alpha, beta = await two(books)
    command = sending(alpha, beta)
    await books.ledger.move(command)
    books.connection.execute(ending.encode())
    for each in (command, sending(alpha, beta)):
        with pytest.raises(errors.Unauthenticated):
            await books.ledger.move(each)
    assert balances(books, alpha, beta) == [999, 1]


async def test_the_session_of_another_moves_nothing(books: Books) -> None:
    alpha, beta = await two(books)
    with pytest.raises(errors.Unauthenticated):
        await books.ledger.move(replace(sending(alpha, beta), session_id=beta.session_id))


async def by_token(
    books: Books, sender: Someone, recipient: Someone, *, daily_limit_minor: int | None
) -> Callable[[str], transfers.SendMoney]:
    token, _ = await api_tokens.create(
        books.database,
        sender.user_id,
        name="till",
        scopes=[sessions.Scope.SEND_MONEY],
        daily_limit_minor=daily_limit_minor,
        expires_at=None,
    )

    def command(amount: str) -> transfers.SendMoney:
        return replace(
            sending(sender, recipient, amount), session_id=None, api_token_id=token.api_token_id
        )

    return command


async def test_an_api_token_stays_within_its_daily_limit_also_side_by_side(books: Books) -> None:
    alpha, beta = await two(books)
    command = await by_token(books, alpha, beta, daily_limit_minor=100)
    outcomes = await asyncio.gather(
        *(books.ledger.move(command("0.30")) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Movement) for outcome in outcomes) == 3
    refused = [o for o in outcomes if isinstance(o, errors.TokenLimitExceeded)]
    assert [str(each.remaining) for each in refused] == ["0.10 USD"] * 7
    assert balances(books, beta) == [90]


async def test_what_a_token_spent_a_day_ago_does_not_count(
    books: Books, admin_database_url: str
) -> None:
    alpha, beta = await two(books)
    command = await by_token(books, alpha, beta, daily_limit_minor=100)
    await books.ledger.move(command("1"))
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE transactions SET created_at = created_at - %s", [timedelta(hours=24)])
    await books.ledger.move(command("0.40"))
    with pytest.raises(errors.TokenLimitExceeded):
        await books.ledger.move(command("0.61"))


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_an_ended_api_token_moves_nothing(books: Books, column: str) -> None:
    alpha, beta = await two(books)
    command = await by_token(books, alpha, beta, daily_limit_minor=None)
    await books.ledger.move(command("1"))
    books.connection.execute(f"UPDATE api_tokens SET {column} = clock_timestamp()".encode())
    with pytest.raises(errors.Unauthenticated):
        await books.ledger.move(command("1"))


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
    assert balances(books, *people) == [10_000] * 5
    assert deadlocks(books) == 0
    await assert_clean(books)


_REPLAYER = """
import asyncio, sys
from decimal import Decimal
from uuid import UUID
from domain import ids, transfers
from persistence.ledger import Ledger
from tests.books import LIMITS

async def main(url, sender, session, recipient):
    ledger = await Ledger.open(url, LIMITS, connections=8)
    async def move():
        movement = await ledger.move(transfers.SendMoney(
            user_id=UUID(sender), recipient_id=UUID(recipient), amount=Decimal("1"), note=None,
            idempotency_key="the-same-key", reference=ids.new_id(), session_id=UUID(session)))
        return f"{movement.line.reference} {movement.line.sequence} {movement.replayed}"
    print("ready", flush=True)
    sys.stdin.readline()
    print("\\n".join(await asyncio.gather(*(move() for _ in range(50)))), flush=True)
    await ledger.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_hundred_replays_of_one_key_over_two_processes_move_once(books: Books) -> None:
    alpha, beta = await two(books)
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
        async with asyncio.timeout(60):
            outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
    answers = [line for output, _ in outputs for line in output.decode().splitlines()]
    assert len(answers) == 100
    assert len({answer.rsplit(" ", 1)[0] for answer in answers}) == 1
    assert sum(answer.endswith("False") for answer in answers) == 1
    assert balances(books, alpha, beta) == [900, 100]
    await assert_clean(books)


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
async def test_random_walks_keep_the_books_clean(books: Books, isolation: str) -> None:
    chance = random.Random(isolation)
    people = [books.join(f"Person {number}") for number in range(6)]
    for person in people:
        await books.add(person, "3")
    keys = [f"shared-key-{number}" for number in range(30)]
    ledger = await Ledger.open(books.url, LIMITS, connections=3, isolation=isolation)

    async def walk() -> None:
        for _ in range(15):
            sender, recipient = chance.sample(people, 2)
            amount = f"{chance.randint(1, 200) / 100:.2f}"
            with suppress(errors.InsufficientFunds, errors.IdempotencyKeyReused):
                await insist(ledger, sending(sender, recipient, amount, chance.choice(keys)))

    try:
        await asyncio.gather(*(walk() for _ in range(4)))
    finally:
        await ledger.close()
    assert sum(balances(books, *people)) == 6 * 300  # type: ignore[arg-type]
    await assert_clean(books)


# ================================================================ what goes away


async def test_a_cancelled_caller_does_not_cancel_the_commit(books: Books) -> None:
    alpha, beta = await two(books)
    command = sending(alpha, beta, "1")
    with psycopg.connect(books.url) as locker:
        locker.execute("SELECT FROM lock_accounts(%s)", [[alpha.user_id]])
        caller = asyncio.create_task(books.ledger.move(command))
        await until(lambda: waiting_for_locks(books) == 1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    await until(lambda: balances(books, beta) == [100])
    assert (await books.ledger.move(command)).replayed


def waiting_for_locks(books: Books) -> object:
    row = books.connection.execute(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    assert row is not None
    return row[0]


async def test_closing_finishes_what_is_under_way(books: Books) -> None:
    alpha, beta = await two(books)
    ledger = await Ledger.open(books.url, LIMITS, connections=1)
    moves = [asyncio.create_task(ledger.move(sending(alpha, beta))) for _ in range(5)]
    await asyncio.sleep(0)
    await ledger.close()
    assert len(await asyncio.gather(*moves)) == 5
    assert balances(books, beta) == [5]
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
    done = asyncio.Event()

    async def cut() -> int:
        count = 0
        async with await psycopg.AsyncConnection.connect(
            admin_database_url, autocommit=True
        ) as admin:
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
                count += row[0]
                await asyncio.sleep(0.03)
        return count

    cutting = asyncio.create_task(cut())
    try:
        moved = await asyncio.gather(*(insist(books.ledger, command) for command in commands))
    finally:
        done.set()
        cuts = await cutting
    assert cuts > 0
    assert len({movement.line.reference for movement in moved}) == 60
    rows = books.connection.execute(
        "SELECT count(*) FROM transactions WHERE direction = 'outgoing'"
    ).fetchone()
    assert rows == (60,)
    await assert_clean(books)


async def test_an_answer_lost_after_the_commit_is_replayed_not_repeated(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = await two(books)
    from persistence import pipeline

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
    assert balances(books, alpha, beta) == [900, 100]


@pytest.mark.parametrize("sqlstate", ["SerializationFailure", "DeadlockDetected"])
async def test_what_the_database_asks_to_be_tried_again_is_tried_a_bounded_number_of_times(
    books: Books, monkeypatch: pytest.MonkeyPatch, sqlstate: str
) -> None:
    alpha, beta = await two(books)
    from persistence import pipeline

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
    assert balances(books, beta) == [100]


async def test_a_database_away_is_unavailable_and_its_return_is_noticed(
    start_postgres: Callable[..., Postgres],
) -> None:
    from app import operations
    from tests import books as test_books
    from tests.conftest import make_settings

    server = start_postgres(fast=False)
    assert operations.migrate(make_settings(database_url=server.url)) == 0
    async with test_books.opened(server.url) as books:
        alpha, beta = await two(books)
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


async def test_somebody_unknown_is_unauthenticated(books: Books) -> None:
    alpha, beta = await two(books)
    with pytest.raises(errors.Unauthenticated):
        await books.ledger.move(replace(sending(alpha, beta), user_id=UUID(int=1)))
