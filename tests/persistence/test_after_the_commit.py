"""The outbox, cursors, mails and retention: nothing is lost, and nothing is processed twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain import errors, ids
from domain.events import TransactionPosted
from domain.people.accounts import MailPurpose
from persistence import retention
from persistence.delivery import cursors, mail_requests, mails, outbox
from persistence.delivery.cursors import Receiver
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.people import accounts, api_tokens, sessions
from tests.books import Books, Someone
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.anyio


async def posted(books: Books, count: int) -> Someone:
    someone = books.join()
    for _ in range(count):
        await books.add(someone)
    return someone


# ================================================================ the outbox


async def claimed(
    db: Database, limit: int, lease_seconds: float = 60
) -> Sequence[outbox.OutboxRow]:
    return (await outbox.claim(db, limit, lease_seconds)).rows


async def test_rows_are_claimed_oldest_first_and_not_again_within_the_lease(
    books: Books, db: Database
) -> None:
    someone = await posted(books, 5)
    first = await claimed(db, 3)
    assert [row.event for row in first] == [TransactionPosted(n) for n in (1, 2, 3)]
    assert {row.user_id for row in first} == {someone.user_id}
    assert [row.event for row in await claimed(db, 3)] == [TransactionPosted(n) for n in (4, 5)]
    assert await claimed(db, 3) == []
    books.connection.execute("UPDATE outbox SET claimed_until = now() - interval '1 second'")
    assert len(await claimed(db, 10)) == 5


async def test_relays_beside_each_other_never_have_the_same_row(books: Books, db: Database) -> None:
    await posted(books, 40)
    claims = await asyncio.gather(*(claimed(db, 7) for _ in range(8)))
    row_ids = [row.id for rows in claims for row in rows]
    assert len(row_ids) == len(set(row_ids)) == 40


async def test_what_was_published_is_done_and_the_backlog_says_what_is_not(
    books: Books, db: Database
) -> None:
    await posted(books, 3)
    books.connection.execute("UPDATE outbox SET created_at = created_at - interval '1 minute'")
    backlog = await outbox.backlog(db)
    assert backlog.count == 3
    assert 60 <= backlog.oldest_age_seconds < 90
    await outbox.mark_published(db, await claimed(db, 2, 0))
    await outbox.mark_published(db, [])
    assert (await outbox.backlog(db)).count == 1
    await outbox.mark_published(db, await claimed(db, 2, 0))
    assert await outbox.backlog(db) == outbox.Backlog(0, 0.0)
    assert await claimed(db, 10, 0) == []


# ================================================================ cursors


async def publish(db: Database) -> None:
    rows = await claimed(db, 100, 60)
    due = [
        cursors.Due(receiver_of(row.user_id), row.event.sequence)
        for row in rows
        if isinstance(row.event, TransactionPosted)
    ]
    await outbox.mark_published(db, rows, due)


def receiver_of(user_id: UUID, sink: str = "pusher") -> Receiver:
    return Receiver(sink, user_id, user_id)


async def due(db: Database, sink: str = "pusher") -> list[Receiver]:
    return await cursors.due(db, sink, 10, longest_pause_seconds=5)


def pass_time(books: Books, seconds: int) -> None:
    books.connection.execute(
        "UPDATE delivery_due SET since = since - make_interval(secs => %(seconds)s), "
        "next_try_at = next_try_at - make_interval(secs => %(seconds)s)",
        {"seconds": seconds},
    )


async def test_what_was_published_and_not_accepted_is_known_until_it_is(
    books: Books, db: Database
) -> None:
    someone = await posted(books, 3)
    receiver = receiver_of(someone.user_id)
    assert await cursors.lag(db) == {}
    await publish(db)
    lag = await cursors.lag(db)
    assert {sink: each.receivers for sink, each in lag.items()} == {"pusher": 1}
    for accepted in (2, 3):
        assert list(await cursors.lag(db)) == ["pusher"]
        async with cursors.take(db, receiver) as cursor:
            await cursor.advance(accepted)
    assert await cursors.lag(db) == {}


@pytest.fixture
def stopped_clock(admin_database_url: str) -> Iterator[None]:
    """No time passes in the database."""
    clock = SimulatedClock(admin_database_url, datetime.now(UTC))
    yield
    clock.close()


@pytest.mark.usefixtures("stopped_clock")
async def test_who_stays_behind_is_due_again_after_longer_and_longer_pauses(
    books: Books, db: Database
) -> None:
    someone = await posted(books, 2)
    receiver = receiver_of(someone.user_id)
    await publish(db)
    assert await due(db) == []
    for behind_seconds, pause_seconds in ((2, 2), (4, 2), (8, 4), (1000, 5)):
        books.connection.execute(
            "UPDATE delivery_due SET since = now() - make_interval(secs => %s), next_try_at = now()",
            [behind_seconds],
        )
        assert await due(db, "another") == []
        assert await due(db) == [receiver]
        assert await due(db) == []
        [(pause,)] = books.connection.execute(
            "SELECT extract(epoch FROM next_try_at - now()) FROM delivery_due"
        ).fetchall()
        assert pause == pause_seconds
    async with cursors.take(db, receiver) as cursor:
        await cursor.advance(1)
    pass_time(books, 2)
    assert await due(db) == [receiver]


async def test_receivers_and_sinks_have_cursors_of_their_own(books: Books, db: Database) -> None:
    user_id = (await posted(books, 2)).user_id
    receivers = [Receiver("webhooks", user_id, ids.new_id()) for _ in range(2)]
    rows = await claimed(db, 100, 60)
    everyone = [receiver_of(user_id), *receivers]
    await outbox.mark_published(db, rows, [cursors.Due(each, 2) for each in everyone])
    async with cursors.take(db, receivers[0]) as cursor:
        await cursor.advance(2)
    pass_time(books, 2)
    assert await due(db, "webhooks") == receivers[1:]
    assert await due(db) == [receiver_of(user_id)]


async def test_a_delivery_that_fails_leaves_the_cursor_where_it_was(
    books: Books, db: Database
) -> None:
    receiver = receiver_of((await posted(books, 2)).user_id)
    await publish(db)

    async def fail() -> None:
        async with cursors.take(db, receiver) as cursor:
            await cursor.advance(2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with cursors.take(db, receiver) as cursor:
        assert cursor.accepted_number == 0
    assert list(await cursors.lag(db)) == ["pusher"]


async def test_deliveries_to_one_receiver_take_turns(books: Books, db: Database) -> None:
    receiver = receiver_of((await posted(books, 15)).user_id)
    order: list[int] = []

    async def deliver() -> None:
        async with cursors.take(db, receiver) as cursor:
            for number in range(cursor.accepted_number + 1, cursor.accepted_number + 6):
                order.append(number)
                await asyncio.sleep(0)
            await cursor.advance(order[-1])

    await asyncio.gather(*(deliver() for _ in range(3)))
    assert order == list(range(1, 16))


async def test_an_event_that_was_accepted_before_it_was_marked_is_not_due(
    books: Books, db: Database
) -> None:
    someone = await posted(books, 1)
    async with cursors.take(db, receiver_of(someone.user_id)) as cursor:
        await cursor.advance(1)
    await publish(db)
    assert await cursors.lag(db) == {}


# ================================================================ mails


async def asked(books: Books, db: Database) -> tuple[UUID, UUID]:
    someone = books.join()
    await accounts.request_password_reset(db, someone.email)
    [due] = await mails.due(db, 10)
    return due


async def test_a_mail_is_in_one_hand_at_a_time(books: Books, db: Database) -> None:
    due = await asked(books, db)
    taken = await asyncio.gather(*(mails.take(db, *due) for _ in range(4)))
    [mail] = [each for each in taken if each is not None]
    assert mail.purpose is MailPurpose.RESET_PASSWORD
    assert await mails.due(db, 10) == []
    books.connection.execute("UPDATE mails SET next_try_at = now()")
    assert await mails.take(db, *due) == mail
    await mails.sent(db, mail)
    assert await mails.take(db, *due) is None
    assert await mails.counts(db) == {"pending": 0, "failed": 0, "unknown_purpose": 0}
    assert await mails.take(db, ids.new_id(), due[1]) is None


def pause_seconds(books: Books) -> float:
    row = books.connection.execute(
        "SELECT extract(epoch FROM next_try_at - now()) FROM mails"
    ).fetchone()
    assert row is not None
    return float(row[0])  # type: ignore[arg-type]


async def test_a_refused_mail_is_tried_three_times_with_growing_pauses(
    books: Books, db: Database
) -> None:
    due = await asked(books, db)
    for pause in (30, 300):
        mail = await mails.take(db, *due)
        assert mail is not None
        await mails.refused(db, mail, permanent=False, error="451 later\0")
        assert pause - 5 < pause_seconds(books) <= pause
        assert await mails.take(db, *due) is None
        books.connection.execute("UPDATE mails SET next_try_at = now()")
    last = await mails.take(db, *due)
    assert last is not None
    assert last.refusals == 2
    await mails.refused(db, last, permanent=False, error="451 later")
    assert await mails.counts(db) == {"pending": 0, "failed": 1, "unknown_purpose": 0}
    assert await mails.retry_failed(db) == 1
    again = await mails.take(db, *due)
    assert again is not None
    assert again.refusals == 0


async def test_a_mail_refused_for_good_is_not_tried_again(books: Books, db: Database) -> None:
    mail = await mails.take(db, *(await asked(books, db)))
    assert mail is not None
    await mails.refused(db, mail, permanent=True, error="550 no such user")
    assert await mails.counts(db) == {"pending": 0, "failed": 1, "unknown_purpose": 0}
    assert books.connection.execute("SELECT last_error FROM mails").fetchone() == (
        "550 no such user",
    )


async def test_a_server_out_of_reach_does_not_count_and_is_tried_for_a_day(
    books: Books, db: Database
) -> None:
    due = await asked(books, db)
    pauses = []
    for age in ("0 s", "1 minute", "6 hours", "23 hours"):
        books.connection.execute(
            "UPDATE mails SET next_try_at = now(), trying_since = now() - %s::interval", [age]
        )
        mail = await mails.take(db, *due)
        assert mail is not None
        assert mail.refusals == 0
        await mails.unreachable(db, mail, error="connection refused")
        pauses.append(round(pause_seconds(books), -1))
    assert pauses[1:] == [30, 300, 300]
    assert pauses[0] in (0, 10)
    books.connection.execute(
        "UPDATE mails SET next_try_at = now(), trying_since = now() - interval '24 hours'"
    )
    mail = await mails.take(db, *due)
    assert mail is not None
    await mails.unreachable(db, mail, error="connection refused")
    assert await mails.counts(db) == {"pending": 0, "failed": 1, "unknown_purpose": 0}
    assert await mails.retry_failed(db) == 1
    mail = await mails.take(db, *due)
    assert mail is not None
    await mails.unreachable(db, mail, error="connection refused")
    assert await mails.counts(db) == {"pending": 1, "failed": 0, "unknown_purpose": 0}


async def test_a_mail_withdrawn_while_it_is_sent_stays_withdrawn(
    books: Books, db: Database
) -> None:
    due = await asked(books, db)
    mail = await mails.take(db, *due)
    assert mail is not None
    await unit_of_work.run(
        db,
        lambda unit: mail_requests.withdraw(unit, mail.person.user_id, MailPurpose.RESET_PASSWORD),
    )
    assert not await mails.add_link(db, mail, token_hash=bytes(32), link_id=ids.new_id())
    await mails.refused(db, mail, permanent=False, error="x")
    await mails.unreachable(db, mail, error="x")
    await mails.sent(db, mail)
    states = books.connection.execute("SELECT state FROM mails ORDER BY id").fetchall()
    assert states == [("withdrawn",)]


# ================================================================ retention


async def test_only_what_was_done_with_for_a_week_is_deleted_a_little_at_a_time(
    books: Books, db: Database
) -> None:
    someone = await posted(books, 4)
    await accounts.request_password_reset(db, someone.email)
    [due] = await mails.due(db, 10)
    mail = await mails.take(db, *due)
    assert mail is not None
    await mails.add_link(db, mail, token_hash=bytes(32), link_id=ids.new_id())
    await mails.sent(db, mail)
    await outbox.mark_published(db, await claimed(db, 3, 0))
    await sessions.end_all(db, someone.principal)
    left_alone = books.join()
    assert not any((await retention.sweep(db)).values())
    week = "interval '7 days 1 hour'"
    for statement in (
        f"UPDATE outbox SET published_at = published_at - {week}",
        f"UPDATE sessions SET ended_at = ended_at - {week}",
        f"UPDATE sessions SET rotated_at = now() - interval '30 days' - {week} "
        f"WHERE user_id = '{left_alone.user_id}'",
        f"UPDATE links SET expires_at = expires_at - {week}, created_at = created_at - {week}",
        f"UPDATE mails SET created_at = created_at - {week}",
    ):
        books.connection.execute(statement.encode())
    deleted = await retention.sweep(db, batch=2)
    assert {table: count for table, count in deleted.items() if count} == {
        "outbox": 2,
        "sessions": 1,
        "idle_sessions": 1,
        "links": 1,
        "mails": 1,
    }
    assert (await retention.sweep(db, batch=2))["outbox"] == 1
    assert not any((await retention.sweep(db)).values())
    assert (await outbox.backlog(db)).count == 3


async def test_a_unit_of_work_that_raises_leaves_nothing(books: Books, db: Database) -> None:
    someone = books.join()
    with pytest.raises(errors.NotFound):
        await api_tokens.revoke(db, someone.principal, ids.new_id())
    assert (await outbox.backlog(db)).count == 0
