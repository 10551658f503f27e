"""Numbers of notifications under races and failures, and what is announced and mailed of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from domain import errors
from domain.authority import Session
from domain.ledger.close_key import CloseIdempotencyKey
from domain.ledger.kinds import Kind
from domain.notifications.notices import Mail, Notice, Notification
from domain.notifications.notification_kinds import NotificationKind
from domain.people.accounts import MailPurpose
from persistence import retention
from persistence.delivery import mails
from persistence.delivery.streams import NOTIFICATIONS
from persistence.engine import pipeline, unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.ledger.ledger import Ledger
from persistence.ledger.shared_commits import SharedCommits
from persistence.notifications import notification_rows, notification_views, notifying, preferences
from persistence.people import persons
from tests import locks, row_changes
from tests.books import LIMITS, Books, Someone, adding, sending
from tests.persistence.test_ledger_disturbed import deadlocks
from tests.waiting import until

pytestmark = pytest.mark.anyio


def notice(someone: Someone, **given: Any) -> Notice:
    return Notice(someone.user_id, NotificationKind.WEBHOOK_DISABLED, **given)


async def notify(db: Database, *notices: Notice) -> list[Notification]:
    return await unit_of_work.run(db, lambda unit: notifying.notify(unit, notices))


def numbers(books: Books, someone: Someone) -> list[object]:
    rows = books.connection.execute(
        "SELECT number FROM notifications WHERE user_id = %s ORDER BY number", [someone.user_id]
    )
    return [number for (number,) in rows]


# ================================================================ numbers


async def test_transfers_and_other_causes_share_one_gap_free_stream(books: Books) -> None:
    alpha, beta = await books.pair("100")
    gamma = books.join("Gamma")
    await books.add(gamma, "100")
    ledger = SharedCommits(await Ledger.open(books.url, LIMITS, connections=4))
    transfers = [sending((alpha, gamma)[number % 2], beta) for number in range(60)]
    back = [sending(beta, alpha) for _ in range(10)]
    try:
        await books.add(beta)
        await asyncio.gather(
            *(ledger.move(command) for command in transfers + back),
            *(notify(books.database, notice(beta), notice(alpha)) for _ in range(20)),
            *(notify(books.database, notice(alpha), notice(beta)) for _ in range(20)),
        )
    finally:
        await ledger.close()
    assert numbers(books, beta) == [*range(1, 101)]
    assert numbers(books, alpha) == [*range(1, 51)]
    assert deadlocks(books) == 0
    await books.assert_clean()


async def test_a_unit_that_is_rolled_back_leaves_no_number(books: Books) -> None:
    beta = books.join("Beta")

    async def failing(unit: Unit) -> None:
        assert [each.number for each in await notifying.notify(unit, [notice(beta)])] == [1]
        raise errors.NotFound

    with pytest.raises(errors.NotFound):
        await unit_of_work.run(books.database, failing)
    assert numbers(books, beta) == []
    assert [each.number for each in await notify(books.database, notice(beta))] == [1]
    await books.assert_clean()


async def test_a_transfer_that_is_lost_before_its_commit_leaves_no_number(
    books: Books, admin_database_url: str
) -> None:
    alpha, beta = await books.pair()
    command = sending(alpha, beta)
    with psycopg.connect(books.url) as locker:
        locker.execute("SELECT FROM lock_accounts(%s)", [[beta.user_id]])
        moving = asyncio.create_task(books.ledger.move(command))
        await until(lambda: locks.waiting(books.connection) == 1)
        with psycopg.connect(admin_database_url, autocommit=True) as admin:
            locks.end_waiting(admin)
        await until(lambda: locks.waiting(books.connection) == 1)
        assert numbers(books, beta) == []
    assert not (await moving).replayed
    assert numbers(books, beta) == [1]
    await books.assert_clean()


async def test_an_answer_lost_after_the_commit_notifies_once(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = await books.pair()
    real, losses = pipeline.round_trip, []

    async def losing(connection: psycopg.AsyncConnection, statements: list[object]) -> object:
        answer = await real(connection, statements)  # type: ignore[arg-type]
        if statements[-1] == (b"COMMIT", ()) and not losses:
            losses.append(answer)
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return answer

    monkeypatch.setattr(pipeline, "round_trip", losing)
    moved = await books.ledger.move(sending(alpha, beta))
    assert losses
    assert moved.replayed
    assert moved.notifications == ()
    assert numbers(books, beta) == [1]
    await books.assert_clean()


async def test_one_commit_numbers_all_of_its_notifications(books: Books) -> None:
    alpha, beta = await books.pair()
    gamma = books.join("Gamma")
    closing = CloseIdempotencyKey(
        Session(beta.user_id, beta.session_id), Kind.TRANSFER, "a-closed-key"
    )
    await books.ledger.settle(
        [
            sending(alpha, beta),
            sending(alpha, gamma),
            closing,
            adding(gamma),
            sending(alpha, beta, "9999"),
            sending(alpha, beta),
        ]
    )
    assert (numbers(books, alpha), numbers(books, beta), numbers(books, gamma)) == ([], [1, 2], [1])
    await books.assert_clean()


async def test_one_unit_notifies_several_users_several_times(books: Books) -> None:
    alpha, beta = books.join("Alpha"), books.join("Beta")
    created = await notify(books.database, notice(beta), notice(alpha), notice(beta), notice(beta))
    assert [(each.user_id, each.number) for each in created] == [
        (beta.user_id, 1),
        (alpha.user_id, 1),
        (beta.user_id, 2),
        (beta.user_id, 3),
    ]
    await books.assert_clean()


async def test_who_is_closed_unverified_or_unknown_is_not_notified(books: Books) -> None:
    closed, unverified = books.join(), books.join()
    books.connection.execute("UPDATE users SET closed_at = now() WHERE id = %s", [closed.user_id])
    books.connection.execute(
        "UPDATE users SET email_verified_at = NULL, registration_expires_at = now() WHERE id = %s",
        [unverified.user_id],
    )
    unknown = Notice(closed.session_id, NotificationKind.NEW_SIGN_IN)
    assert await notify(books.database, notice(closed), notice(unverified), unknown) == []
    assert await notify(books.database) == []
    assert books.connection.execute("SELECT count(*) FROM notifications").fetchone() == (0,)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("given", [{}, {"details": {"x": 1}}, {"person_id": UUID(int=1)}])
async def test_every_form_of_the_insertion_stores_all_of_them(
    books: Books, given: dict[str, Any], *, several: bool
) -> None:
    alpha, now = books.join("Alpha"), datetime(2026, 11, 28, 12, 30, 0, 1, tzinfo=UTC)
    created = [
        Notification(alpha.user_id, 1, NotificationKind.MONEY_RECEIVED, now, sequence=7, **given),
        Notification(alpha.user_id, 2, NotificationKind.NEW_SIGN_IN, now),
    ][: 1 + several]
    await books.database.rows(notification_rows.insertion(created))
    rows = books.connection.execute(
        f"SELECT {notification_rows.COLUMNS} FROM notifications ORDER BY number"
    )
    assert [notification_rows.from_row(row) for row in rows] == created


# ================================================================ what follows the commit


async def test_an_entry_announces_its_notification_and_others_announce_themselves(
    books: Books,
) -> None:
    alpha, beta = await books.pair()
    await books.send(alpha, beta)
    await notify(books.database, notice(beta))
    rows = books.connection.execute(
        "SELECT topic, payload FROM outbox WHERE user_id = %s ORDER BY id", [beta.user_id]
    ).fetchall()
    assert rows[:2] == [
        ("transaction.posted", {"sequence": 1, "notification_number": 1}),
        ("notification.created", {"number": 2}),
    ]


async def test_a_mail_goes_to_who_wants_that_kind_and_may_have_a_template_of_its_own(
    books: Books,
) -> None:
    alpha, beta = books.join("Alpha"), books.join("Beta")
    await preferences.set_mailed(books.database, alpha.principal, [])
    changed = Mail(MailPurpose.PASSWORD_CHANGED, {"api_tokens_revoked": 1})
    always = Notice(alpha.user_id, NotificationKind.SECURITY_CHANGED, mail=changed)
    await notify(books.database, notice(alpha), notice(beta), always)
    rows = books.connection.execute("SELECT user_id, purpose, details FROM mails ORDER BY id")
    assert rows.fetchall() == [
        (beta.user_id, "notification", {"number": 1}),
        (alpha.user_id, "password_changed", {"api_tokens_revoked": 1}),
    ]
    await books.assert_clean()


async def test_a_transfer_requests_the_mails_that_its_recipients_chose_in_its_commit(
    books: Books,
) -> None:
    alpha, beta = await books.pair()
    gamma = books.join("Gamma")
    await preferences.set_mailed(books.database, beta.principal, ["money_received"])
    await books.ledger.settle([sending(alpha, beta), sending(alpha, gamma), sending(alpha, beta)])
    rows = books.connection.execute(
        "SELECT m.user_id, m.details, m.created_at = t.created_at "
        "FROM mails AS m JOIN transactions AS t ON t.user_id = m.user_id "
        "AND to_jsonb(t.sequence) = m.details -> 'number' ORDER BY t.sequence"
    )
    assert rows.fetchall() == [
        (beta.user_id, {"number": 1}, True),
        (beta.user_id, {"number": 2}, True),
    ]
    # The relay sees that they are due.
    assert len(await mails.due(books.database, 10)) == 2
    await books.assert_clean()


async def test_notifications_outlive_their_rows_of_the_outbox_and_their_mails(books: Books) -> None:
    alpha, beta = await books.pair()
    await preferences.set_mailed(books.database, beta.principal, ["money_received"])
    await books.send(alpha, beta)
    old = "now() - interval '8 days'"
    books.connection.execute(f"UPDATE outbox SET published_at = {old}")
    books.connection.execute(
        f"UPDATE mails SET state = 'sent', created_at = {old}, sent_at = {old}"
    )
    deleted = await retention.sweep(books.database)
    assert (deleted["outbox"], deleted["mails"]) == (3, 1)
    [view] = await notification_views.by_numbers(books.database, beta.user_id, [1])
    assert view.message(LIMITS.currency) == "Alpha sent you 0.01 USD."


# ================================================================ reading


async def test_the_stream_is_read_in_pages_with_what_notifications_are_about(books: Books) -> None:
    alpha, beta = await books.pair()
    for _ in range(3):
        await books.send(alpha, beta)
    about = notice(beta, person_id=alpha.user_id, details={"host": "shop.example"})
    await notify(books.database, about)
    positions = [(beta.user_id, 0), (beta.user_id, 2), (beta.user_id, 4), (alpha.user_id, 0)]
    pages = await NOTIFICATIONS.after(books.database, positions, 2)
    found = {key: [NOTIFICATIONS.number(view) for view in page] for key, page in pages.items()}
    assert found == {(beta.user_id, 0): [1, 2], (beta.user_id, 2): [3, 4]}
    received, disabled = pages[beta.user_id, 2]
    assert received.entry is not None
    assert (received.entry.sequence, received.is_read) == (3, False)
    assert received.counterparty is not None
    assert disabled.person is not None
    assert received.counterparty.name == disabled.person.name == "Alpha"
    assert (
        disabled.message(LIMITS.currency)
        == "The webhook to shop.example was disabled: its deliveries failed."
    )
    assert await NOTIFICATIONS.newest(books.database, [beta.user_id, alpha.user_id]) == {
        beta.user_id: 4,
        alpha.user_id: 0,
    }
    assert await NOTIFICATIONS.newest(books.database, []) == {}


async def test_a_kind_of_a_newer_release_is_left_out(books: Books, admin_database_url: str) -> None:
    alpha, beta = await books.pair()
    for _ in range(3):
        await books.send(alpha, beta)
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check")
        admin.execute("UPDATE notifications SET kind = 'horoscope' WHERE number = 2")
    page = await notification_views.after(books.database, [(beta.user_id, 0)], 10)
    assert [view.notification.number for view in page[beta.user_id, 0]] == [1, 3]


async def test_marking_beside_new_notifications_leaves_those_unread(books: Books) -> None:
    alpha, beta = await books.pair()
    await books.send(alpha, beta)
    ledger = await Ledger.open(books.url, LIMITS, connections=4)
    try:
        await asyncio.gather(
            *(ledger.move(sending(alpha, beta)) for _ in range(20)),
            *(preferences.mark_read(books.database, beta.principal, 1) for _ in range(20)),
        )
    finally:
        await ledger.close()
    [state] = (await preferences.states(books.database, [beta.user_id])).values()
    assert (state.newest_number, state.read_through, state.unread) == (21, 1, 20)
    assert deadlocks(books) == 0


async def test_the_users_row_is_locked_before_its_numbers_are_taken(books: Books) -> None:
    beta = books.join("Beta")

    async def holding(unit: Unit) -> list[int]:
        assert await persons.lock(unit, beta.user_id) is not None
        other = asyncio.create_task(notify(books.database, notice(beta)))
        await until(lambda: locks.waiting(books.connection) == 1)
        first = await notifying.notify(unit, [notice(beta)])
        waiting.append(other)
        return [each.number for each in first]

    waiting: list[asyncio.Task[list[Notification]]] = []
    assert await unit_of_work.run(books.database, holding) == [1]
    assert [each.number for each in await waiting[0]] == [2]
