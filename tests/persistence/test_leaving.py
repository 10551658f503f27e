"""Accounts that are closed, reopened and erased, on real connections."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text

from domain import errors, ids
from domain.encryption import Keyring
from domain.ledger import metadata
from domain.ledger.seals import Receipt
from domain.notifications.notification_kinds import NotificationKind
from domain.people import leaving, sessions
from domain.people.accounts import MailPurpose
from domain.requests.payment_requests import Status
from domain.schedules.recurrence import Recurrence, RecurrenceUnit
from domain.schedules.scheduling import Request
from domain.webhooks import Outcome, WebhookStream
from persistence import retention, tables
from persistence.audit import audit
from persistence.delivery import mails
from persistence.engine import unit_of_work
from persistence.engine.unit_of_work import Unit
from persistence.leaving import closing, erasing, reopening
from persistence.ledger import entry_views
from persistence.operators import operators
from persistence.people import (
    accounts,
    api_tokens,
    credentials,
    handles,
    persons,
    registrations,
    sign_ins,
)
from persistence.requests import reading
from persistence.schedules import schedules
from persistence.webhooks import attempts, webhooks
from tests import locks
from tests.books import LIMITS, Books, Someone, lines_of, requesting_money, sending
from tests.persistence import secured
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def close(books: Books, someone: Someone) -> datetime:
    return await closing.close(books.database, someone.principal, password_hash="-", limits=LIMITS)


async def sign_in(books: Books, someone: Someone, password_hash: str = "-") -> Someone:
    """The same user with a new session."""
    token = sessions.first_refresh_token(someone.user_id, ids.new_id())
    new = sign_ins.NewSession(
        token, token.render("secret"), "Browser/Unmistakable", "203.0.113.77", is_known=True
    )
    await sign_ins.begin(books.database, new, password_hash=password_hash)
    return replace(someone, session_id=token.session_id)


async def leave_traces(books: Books, zoe: Someone, other: Someone) -> list[UUID]:
    """Have the user use everything, with a balance of zero in the end; their pending requests."""
    db = books.database
    await books.add(zoe, "2")
    pairs = metadata.of([("customer", "Unmistakable metadata")])
    await books.ledger.move(replace(sending(zoe, other, "1", note="rent"), metadata=pairs))
    await books.send(other, zoe, "0.25")
    await books.send(zoe, other, "1.25")
    await accounts.update_profile(db, zoe.principal, handle="unmistakable")
    await api_tokens.create(
        db, zoe.principal, name="Unmistakable till", scopes=[sessions.Scope.SEND_MONEY],
        daily_limit_minor=100, expires_at=None,
    )  # fmt: skip
    webhook, _ = await webhooks.create(
        db, Keyring(["a secret of tests"], "webhooks"), zoe.principal,
        url="https://unmistakable.example", stream=WebhookStream.WALLET_EVENTS,
        document="subscription { walletEvents { sequence } }", after_number=0,
    )  # fmt: skip
    accepted = Outcome(datetime.now(UTC), 7, 200, "ok", is_delivered=True)
    await attempts.add_alone(db, zoe.user_id, webhook.webhook_id, 1, accepted)
    await accounts.request_password_reset(db, zoe.email)
    today = datetime.now(UTC).date() + timedelta(days=2)
    recurrence = Recurrence(RecurrenceUnit.DAY)
    for owner, recipient in ((zoe, other), (other, zoe)):
        wanted = Request(
            recipient.user_id, Decimal("0.20"), None, today, recurrence, None, "a-key-of-a-schedule"
        )
        await schedules.create(db, owner.principal, wanted, LIMITS)
    made = [
        await requesting_money(books, zoe, other),
        await requesting_money(books, zoe, None),
        await requesting_money(books, other, zoe),
    ]
    return [request.request_id for request in made]


async def test_whatever_belongs_to_an_account_ends_with_it_and_it_can_be_reopened(
    books: Books,
) -> None:
    db = books.database
    zoe, other = books.join("Zoë Unmistakable"), books.join("Other")
    await books.add(other, "5")
    second = await sign_in(books, zoe)
    pending = await leave_traces(books, zoe, other)
    number = books.connection.execute(
        "SELECT notification_number FROM users WHERE id = %s", [zoe.user_id]
    ).fetchall()

    erase_at = await close(books, second)
    assert timedelta(days=29) < erase_at - datetime.now(UTC) <= leaving.ERASED_AFTER
    both = {(zoe.user_id, zoe.session_id), (second.user_id, second.session_id)}
    assert await credentials.ended(db, both) == both
    assert await credentials.active_of(db, [zoe.user_id]) == {zoe.user_id: []}
    seen = (await persons.by_ids(db, [zoe.user_id]))[zoe.user_id]
    assert (seen.name, seen.email, seen.handle) == ("Closed account", "", None)
    assert await accounts.payee(db, zoe.user_id) is None
    assert await handles.user_id_by_handle(db, "unmistakable") is None
    with pytest.raises(handles.handles.HandleTaken):
        await accounts.update_profile(db, other.principal, handle="unmistakable")
    found = await reading.by_ids(db, zoe.user_id, pending)
    assert [found[request_id].status for request_id in pending] == [
        Status.CANCELLED, Status.CANCELLED, Status.DECLINED
    ]  # fmt: skip
    told = books.connection.execute(
        "SELECT kind FROM notifications WHERE user_id = %s AND kind LIKE 'request%%' ORDER BY number",
        [other.user_id],
    ).fetchall()
    assert sorted(kind for (kind,) in told) == sorted(
        [NotificationKind.REQUEST_RECEIVED, NotificationKind.REQUEST_CANCELLED,
         NotificationKind.REQUEST_DECLINED]
    )  # fmt: skip
    statuses = books.connection.execute(
        "SELECT user_id, status FROM scheduled_transfers"
    ).fetchall()
    assert dict(statuses) == {zoe.user_id: "ENDED", other.user_id: "ACTIVE"}
    assert books.connection.execute("SELECT count(*) FROM webhooks").fetchone() == (0,)
    with pytest.raises(errors.RecipientNotFound):
        await books.send(other, zoe)
    with pytest.raises(errors.Unauthenticated):
        await books.send(second, other)
    with pytest.raises(errors.Unauthenticated):
        await close(books, second)
    due = [await mails.take(db, *each) for each in await mails.due(db, 50)]
    [mail] = [each for each in due if each and each.purpose is MailPurpose.ACCOUNT_CLOSED]
    assert (mail.person.name, mail.person.email) == (zoe.name, zoe.email)
    assert MailPurpose.RESET_PASSWORD not in {each.purpose for each in due if each}
    await books.assert_clean()

    # As if taken, and the owner is told.
    await registrations.register(db, name="Another", email=zoe.email, password_hash="other")
    assert [each.password_hash for each in await accounts.credentials(db, zoe.email)] == ["-"]
    with pytest.raises(errors.InvalidCredentials):
        await sign_in(books, zoe, "another password")
    again = await sign_in(books, zoe)
    seen = (await persons.by_ids(db, [zoe.user_id]))[zoe.user_id]
    assert (seen.name, seen.email, seen.handle) == (zoe.name, zoe.email, None)
    assert seen.email_verified_at is not None
    assert await credentials.active_of(db, [zoe.user_id]) == {zoe.user_id: [again.session_id]}
    assert books.connection.execute(
        "SELECT notification_number FROM users WHERE id = %s", [zoe.user_id]
    ).fetchall() == [(number[0][0] + 1,)]  # type: ignore[operator]
    await books.send(other, again)
    await accounts.update_profile(db, again.principal, handle="unmistakable")
    await books.assert_clean()


async def test_an_account_with_one_cent_or_a_session_not_confirmed_is_not_closed(
    books: Books,
) -> None:
    alpha, beta = await books.pair("0.01")
    with pytest.raises(leaving.BalanceNotZero) as refused:
        await close(books, alpha)
    assert str(refused.value.balance) == "0.01 USD"
    with pytest.raises(errors.InvalidCredentials):
        await closing.close(books.database, beta.principal, password_hash="x", limits=LIMITS)
    books.connection.execute("UPDATE sessions SET created_at = created_at - interval '2 hours'")
    with pytest.raises(errors.SessionNotConfirmed):
        await close(books, beta)
    assert books.connection.execute("SELECT count(*) FROM closed_accounts").fetchone() == (0,)
    assert books.connection.execute(
        "SELECT count(*) FROM users WHERE closed_at IS NOT NULL"
    ).fetchone() == (0,)


async def test_an_account_with_a_pending_top_up_is_not_closed(books: Books) -> None:
    zoe = books.join()
    books.connection.execute(
        "INSERT INTO top_ups (user_id, id, provider, amount, status, idempotency_key, created_at, "
        "expires_at, attend_at) VALUES (%s, gen_random_uuid(), 'stripe', 100, 'PENDING', "
        "'a-pending-key', now(), now() + interval '1 hour', now())",
        [zoe.user_id],
    )
    with pytest.raises(leaving.TopUpPending):
        await close(books, zoe)
    books.connection.execute("UPDATE top_ups SET status = 'FAILED', attend_at = NULL")
    await close(books, zoe)


async def test_of_closing_and_a_payment_that_arrives_exactly_one_happens(books: Books) -> None:
    alpha = books.join("Alpha")
    await books.add(alpha, "1")
    outcomes = set()
    for number in range(40):
        leaver = books.join(f"Leaver {number}")
        both = [close(books, leaver), books.send(alpha, leaver)]
        order = slice(None, None, 1 if number % 2 else -1)
        first, second = both[order]
        begun = asyncio.create_task(first)
        if number % 4 < 2:
            # So each of the two is sometimes the first, whichever is faster on this machine.
            await asyncio.wait([begun])
        work = [begun, _after(0.001 * (number % 8), second)]
        closed, paid = (await asyncio.gather(*work, return_exceptions=True))[order]
        if isinstance(closed, leaving.BalanceNotZero):
            assert not isinstance(paid, BaseException)
            outcomes.add("paid")
        else:
            assert isinstance(closed, datetime)
            assert isinstance(paid, errors.RecipientNotFound)
            outcomes.add("closed")
    assert outcomes == {"paid", "closed"}
    await books.assert_clean()


async def _after(seconds: float, work: object) -> object:
    await asyncio.sleep(seconds)
    return await work  # type: ignore[misc]


async def test_who_requests_money_of_someone_who_is_leaving_is_told_or_refused(
    books: Books,
) -> None:
    askers = [books.join(f"Asker {number}") for number in range(5)]
    leaver = books.join("Leaver")
    closed, *asked = await asyncio.gather(
        close(books, leaver),
        *(requesting_money(books, asker, leaver) for asker in askers),
        return_exceptions=True,
    )
    assert isinstance(closed, datetime)
    assert all(
        isinstance(each, errors.RecipientNotFound) for each in asked if isinstance(each, Exception)
    )
    assert books.connection.execute(
        "SELECT count(*) FROM payment_requests WHERE status = 'pending'"
    ).fetchone() == (0,)
    await books.assert_clean()


async def test_an_erased_account_leaves_its_ledger_and_nothing_personal(books: Books) -> None:
    db = books.database
    zoe, other = books.join("Zoë Unmistakable"), books.join("Other")
    await books.add(other, "5")
    zoe = await sign_in(books, zoe)
    await leave_traces(books, zoe, other)
    await secured.secure(books, zoe)
    entries = await lines_of(db, zoe.user_id)
    receipts = [Receipt.of(entry).render() for entry in entries]
    await close(books, zoe)
    sweeps = await retention.sweep(db)
    assert sweeps["erased_accounts"] == 0

    for statement in (
        "UPDATE closed_accounts SET erase_at = erase_at - interval '31 days' WHERE user_id = %s",
        "UPDATE users SET closed_at = closed_at - interval '31 days' WHERE id = %s",
        # As a month later, but for entries, which cannot be dated back.
        "DELETE FROM outbox WHERE topic <> 'transaction.posted' AND user_id = %s",
        "UPDATE outbox SET payload = payload - 'notification_number' WHERE user_id = %s",
    ):
        books.connection.execute(statement, [zoe.user_id])  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidCredentials):
        await sign_in(books, zoe)
    assert await erasing.erase_due(db, 10) == 1
    assert await erasing.erase_due(db, 10) == 0
    assert (await audit.audit(db)).findings == []

    marks = ("unmistakable", zoe.email, "203.0.113.77", zoe.name.lower())
    for table in tables.metadata.sorted_tables:
        rows = books.connection.execute(f"SELECT t::text FROM {table.name} AS t").fetchall()  # type: ignore[arg-type]
        left = [row for (row,) in rows for mark in marks if mark in str(row).lower()]
        # A handle is reserved for 90 days after it was released.
        assert left == [] or table.name == "handles", table.name
    assert books.connection.execute("SELECT user_id FROM handles").fetchall() == [(None,)]
    with pytest.raises(handles.handles.HandleTaken):
        await accounts.update_profile(db, other.principal, handle="unmistakable")
    answers = await audit.check_receipts(db, receipts, [b""])
    assert [answer.is_contained for answer in answers] == [True] * len(receipts)
    named = await entry_views.after(db, [(other.user_id, 0)], 100)
    seen = {view.counterparty.name for view in named[other.user_id, 0] if view.counterparty}
    assert seen == {"Closed account"}
    assert [each.note for each in await lines_of(db, zoe.user_id)] == [e.note for e in entries]

    await registrations.register(db, name="New", email=zoe.email, password_hash="new")
    [registered] = await accounts.credentials(db, zoe.email)
    assert registered.user_id != zoe.user_id
    books.connection.execute("UPDATE handles SET reserved_until = now()")
    await retention.sweep(db)
    assert books.connection.execute("SELECT count(*) FROM handles").fetchone() == (0,)


def test_of_every_table_it_is_known_what_is_erased() -> None:
    known = [*erasing.ERASED, *erasing.KEPT, *erasing.OTHERS]
    assert sorted(table.name for table in known) == sorted(tables.metadata.tables)
    assert len(known) == len(set(known))


async def test_an_account_that_is_reopened_as_it_falls_due_keeps_everything(books: Books) -> None:
    db, zoe = books.database, books.join("Zoë")
    await secured.secure(books, zoe)
    await close(books, zoe)
    books.connection.execute("UPDATE closed_accounts SET erase_at = now()")

    async def reopen_in_time(unit: Unit) -> asyncio.Task[int]:
        """Commits only when the account was found to be due."""
        person = await persons.lock_any(unit, zoe.user_id)
        assert person is not None
        in_time = text("UPDATE closed_accounts SET erase_at = now() + interval '1 day'")
        await unit.connection.execute(in_time)
        assert await reopening.reopen(unit, person) is not None
        erased = asyncio.create_task(erasing.erase_due(db, 10))
        await until(lambda: locks.waiting(books.connection) == 1)
        return erased

    assert await (await unit_of_work.run(db, reopen_in_time)) == 0
    kept = "SELECT (SELECT count(*) FROM totp_factors), (SELECT count(*) FROM sessions)"
    assert books.connection.execute(kept).fetchone() == (1, 1)
    await books.assert_clean()


async def test_an_account_that_is_half_erased_is_not_reopened_but_erased(books: Books) -> None:
    db, zoe = books.database, books.join("Zoë")
    await close(books, zoe)
    books.connection.execute("UPDATE closed_accounts SET erase_at = now()")
    # As left by a job that was killed after its first commit.
    books.connection.execute("UPDATE users SET password_hash = ''")
    with pytest.raises(errors.InvalidCredentials):
        await sign_in(books, zoe)
    assert await erasing.erase_due(db, 10) == 1
    assert books.connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


async def test_an_operator_does_not_close_their_account(books: Books) -> None:
    zoe = books.join("Zoë")
    await operators.add(books.database, zoe.email, audit_key=b"key")
    with pytest.raises(errors.Forbidden):
        await close(books, zoe)
    assert books.connection.execute("SELECT closed_at FROM users").fetchall() == [(None,)]
    await operators.remove(books.database, zoe.email, audit_key=b"key")
    await close(books, zoe)


async def test_a_registration_that_is_closed_is_discarded(books: Books) -> None:
    zoe = books.join()
    books.connection.execute("DELETE FROM email_addresses")
    books.connection.execute(
        "UPDATE users SET email_verified_at = NULL, registration_expires_at = now() + interval '1 day'"
    )
    assert await close(books, zoe) < datetime.now(UTC) + timedelta(minutes=1)
    assert books.connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
    await books.assert_clean()
