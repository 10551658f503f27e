"""Commands that share a commit: fewer commits, with the outcome that each would have alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from dev.postgres import Postgres
from domain import errors, ids
from domain.ledger.posting import PostingCommand
from persistence.cluster import distributing
from persistence.ledger.ledger import Ledger, Movement
from persistence.ledger.shared_commits import SharedCommits
from tests import books as test_books
from tests.books import LIMITS, Books, adding, sending
from tests.waiting import until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def sharing(
    url: str, sizes: list[int] | None = None, **limits: int
) -> AsyncIterator[SharedCommits]:
    """A ledger that shares commits; `sizes` gathers how many commands each carried."""
    ledger = await Ledger.open(url, LIMITS)
    settling = sizes.append if sizes is not None else lambda _: None
    shared = SharedCommits(ledger, settling=settling, **limits)
    try:
        yield shared
    finally:
        await shared.close()


async def together(
    shared: SharedCommits, *commands: PostingCommand
) -> list[Movement | BaseException]:
    return await asyncio.gather(*map(shared.move, commands), return_exceptions=True)


# ================================================================ sharing


async def test_who_comes_alone_has_a_commit_of_its_own(books: Books) -> None:
    alpha, sizes = books.join(), list[int]()
    async with sharing(books.url, sizes) as shared:
        for _ in range(3):
            await shared.move(adding(alpha))
    assert sizes == [1, 1, 1]
    assert books.balances(alpha) == [300]


async def test_who_comes_meanwhile_shares_the_next_commit_up_to_the_limits(books: Books) -> None:
    people, sizes = [books.join() for _ in range(12)], list[int]()
    async with sharing(books.url, sizes, batches=2, batch_commands=5) as shared:
        await together(shared, *map(adding, people))
    assert sizes == [5, 5, 2]
    assert books.balances(*people) == [100] * len(people)
    await books.assert_clean()


async def test_commands_are_divided_among_two_commits_except_on_a_cluster(books: Books) -> None:
    people, sizes = [books.join() for _ in range(40)], list[int]()
    async with sharing(books.url, sizes) as shared:
        await shared.move(adding(people[0]))
        await together(shared, *map(adding, people))
    is_cluster = distributing.has_citus(books.connection)
    assert sizes == [1, 40] if is_cluster else [1, 20, 20]
    assert books.balances(*people) == [200] + [100] * 39


async def test_top_ups_and_transfers_share_a_commit(books: Books) -> None:
    alpha, beta, sizes = books.join(), books.join(), list[int]()
    await books.add(alpha, "5")
    async with sharing(books.url, sizes) as shared:
        await together(shared, sending(alpha, beta, "2"), adding(beta, "3"), adding(alpha, "4"))
    assert sizes == [3]
    assert books.balances(alpha, beta) == [700, 500]
    await books.assert_clean()


async def test_payments_to_one_user_need_few_commits(books: Books) -> None:
    hot, sizes = books.join("Hot"), list[int]()
    payers = [books.join() for _ in range(40)]
    for payer in payers:
        await books.add(payer)
    async with sharing(books.url, sizes) as shared:
        await together(shared, *(sending(payer, hot) for payer in payers))
    assert sizes == [20, 20]
    assert books.balances(hot) == [40]
    await books.assert_clean()


# ================================================================ an outcome each


async def test_each_command_keeps_its_own_outcome(books: Books) -> None:
    alpha, beta, sizes = books.join(), books.join(), list[int]()
    await books.add(alpha, "5")
    stranger = replace(beta, session_id=ids.new_id())
    async with sharing(books.url, sizes) as shared:
        good, short, ended, other = await together(
            shared,
            sending(alpha, beta, "4"),
            sending(alpha, beta, "2"),
            adding(stranger),
            sending(alpha, beta, "1"),
        )
    assert sizes == [4]
    assert isinstance(good, Movement)
    assert good.person.balance_minor == 100
    assert isinstance(short, errors.InsufficientFunds)
    assert isinstance(ended, errors.Unauthenticated)
    assert isinstance(other, Movement)
    assert books.balances(alpha, beta) == [0, 500]
    await books.assert_clean()


async def test_a_key_used_twice_in_one_commit_moves_once(books: Books) -> None:
    alpha, beta, sizes = books.join(), books.join(), list[int]()
    await books.add(alpha, "5")
    command = sending(alpha, beta, "1")
    async with sharing(books.url, sizes) as shared:
        first, again, changed = await together(
            shared,
            command,
            replace(command, reference=ids.new_id()),
            replace(command, amount=Decimal("2")),
        )
    assert sizes == [3]
    assert isinstance(first, Movement)
    assert isinstance(again, Movement)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.entry == again.entry
    assert isinstance(changed, errors.IdempotencyKeyReused)
    assert books.balances(beta) == [100]


async def test_one_key_over_two_processes_moves_once(books: Books) -> None:
    alpha, beta = books.join(), books.join()
    await books.add(alpha, "5")
    command = sending(alpha, beta, "1")
    async with (
        sharing(books.url, batch_commands=3) as one,
        sharing(books.url, batch_commands=3) as other,
    ):
        repeats = [replace(command, reference=ids.new_id()) for _ in range(40)]
        moved = await asyncio.gather(
            *(shared.move(r) for r, shared in zip(repeats, [one, other] * 20, strict=True))
        )
    assert sorted(movement.replayed for movement in moved) == [False] + [True] * 39
    assert len({movement.entry.reference for movement in moved}) == 1
    assert books.balances(beta) == [100]


async def test_random_walks_over_two_processes_keep_the_ledgers_clean(books: Books) -> None:
    chance = random.Random("two processes")
    people = [books.join() for _ in range(6)]
    for person in people:
        await books.add(person, "3")
    ledgers = [await Ledger.open(books.url, LIMITS) for _ in range(2)]
    sharers = [SharedCommits(ledger, batch_commands=10) for ledger in ledgers]

    async def walk() -> None:
        for _ in range(15):
            command = sending(*chance.sample(people, 2), amount=str(chance.randint(1, 3)))
            for _ in range(100):
                try:
                    await chance.choice(sharers).move(command)
                except errors.Unavailable:
                    continue
                except errors.InsufficientFunds:
                    pass
                break
            else:
                raise AssertionError("it never went through")

    await asyncio.gather(*(walk() for _ in range(20)))
    for shared in sharers:
        await shared.close()
    assert sum(books.balances(*people)) == 6 * 300
    await books.assert_clean()


# ================================================================ trouble


async def test_what_fails_together_is_settled_alone(books: Books) -> None:
    alpha, beta, gamma, sizes = books.join(), books.join(), books.join(), list[int]()
    books.connection.execute(
        """
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.note = 'poison' THEN RAISE 'spoiled'; END IF; RETURN NEW; END $$
        """
    )
    books.connection.execute(
        "CREATE TRIGGER fail BEFORE INSERT ON transactions FOR EACH ROW EXECUTE FUNCTION fail()"
    )
    await books.add(alpha, "5")
    async with sharing(books.url, sizes) as shared:
        good, spoiled, other = await together(
            shared,
            sending(alpha, beta, "1"),
            sending(alpha, gamma, "1", note="poison"),
            sending(alpha, gamma, "2"),
        )
    assert sizes == [3, 1, 1, 1]
    assert isinstance(good, Movement)
    assert isinstance(other, Movement)
    # Citus does not pass on the SQLSTATE of what another node has raised.
    if not (distributing.has_citus(books.connection) and isinstance(spoiled, errors.Unavailable)):
        assert isinstance(spoiled, psycopg.errors.RaiseException)
    assert books.balances(beta, gamma) == [100, 200]
    await books.assert_clean()


async def test_one_locked_account_does_not_block_others(books: Books) -> None:
    locked, alpha, beta = books.join(), books.join(), books.join()
    async with sharing(books.url) as shared:
        with psycopg.connect(books.url) as holding:
            holding.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [locked.user_id])
            behind = asyncio.create_task(shared.move(adding(locked)))
            free = await asyncio.gather(shared.move(adding(alpha)), shared.move(adding(beta)))
            assert not any(movement.replayed for movement in free)
            assert not behind.done()
        await behind
    assert books.balances(locked, alpha, beta) == [100, 100, 100]


async def test_who_goes_away_does_not_take_the_neighbours_along(books: Books) -> None:
    people, sizes = [books.join() for _ in range(4)], list[int]()
    async with sharing(books.url, sizes) as shared:
        with psycopg.connect(books.url) as holding:
            holding.execute("SELECT FROM lock_accounts(%s)", [[people[0].user_id]])
            tasks = [asyncio.create_task(shared.move(adding(person))) for person in people]
            await until(lambda: bool(sizes))
            tasks[1].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError)
    assert books.balances(*people) == [100, 100, 100, 100]
    await books.assert_clean()


async def test_who_goes_away_before_its_turn_moves_nothing(books: Books) -> None:
    first, second, sizes = books.join(), books.join(), list[int]()
    async with sharing(books.url, sizes, batches=1) as shared:
        under_way = asyncio.create_task(shared.move(adding(first)))
        await until(lambda: bool(sizes))
        behind = asyncio.create_task(shared.move(adding(second)))
        await asyncio.sleep(0)
        behind.cancel()
        await asyncio.gather(under_way, behind, return_exceptions=True)
    assert books.balances(first, second) == [100, 0]


async def test_a_full_queue_refuses_before_anything_moved(books: Books) -> None:
    people = [books.join() for _ in range(6)]
    async with sharing(books.url, batches=1, batch_commands=1, queue_commands=4) as shared:
        outcomes = await together(shared, *map(adding, people))
    refused = [isinstance(outcome, errors.Unavailable) for outcome in outcomes]
    assert refused == [False] * 4 + [True] * 2
    assert "Too many transfers and top-ups" in str(getattr(outcomes[-1], "message", ""))
    assert "database" not in str(getattr(outcomes[-1], "message", ""))
    assert books.balances(*people) == [100] * 4 + [0] * 2


async def test_a_database_that_is_away_is_said_to_all_who_wait_and_serves_when_back(
    start_postgres: Callable[..., Postgres], template_database: str
) -> None:
    from tests.conftest import _migrate

    server = start_postgres(fast=False)
    await asyncio.to_thread(_migrate, server.url)
    async with test_books.opened(server.url) as books:
        people = [books.join() for _ in range(5)]
        async with sharing(server.url, batches=1, batch_commands=2) as shared:
            await shared.move(adding(people[0]))
            server.kill()
            outcomes = await together(shared, *map(adding, people))
            assert all(isinstance(outcome, errors.Unavailable) for outcome in outcomes)
            server.start()

            async def is_served() -> bool:
                try:
                    await shared.move(adding(people[1]))
                except errors.Unavailable:
                    return False
                return True

            await until(is_served)


async def test_closing_settles_what_waits(books: Books) -> None:
    people = [books.join() for _ in range(7)]
    shared = SharedCommits(await Ledger.open(books.url, LIMITS), batches=1, batch_commands=2)
    tasks = [asyncio.create_task(shared.move(adding(person))) for person in people]
    await asyncio.sleep(0)
    await shared.close()
    await asyncio.gather(*tasks)
    assert books.balances(*people) == [100] * len(people)
