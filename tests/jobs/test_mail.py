"""The attempts to send a mail: what counts, when it is given up, and that no raw token is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
import redis
from structlog.testing import capture_logs

from domain import ids
from domain.people import sessions
from domain.people.accounts import MailPurpose
from jobs import mail
from jobs import services as job_services
from jobs.services import JobServices
from persistence.delivery import mails
from persistence.leaving import closing
from persistence.people import registrations, sign_ins
from settings import Settings
from tests import row_changes
from tests.books import LIMITS, Books
from tests.conftest import make_settings
from tests.dev.faulty_smtp import FaultySmtp
from tests.jobs.running import relaying
from tests.waiting import until

pytestmark = pytest.mark.anyio

StartSmtp = Callable[..., FaultySmtp]
EMAIL = "newcomer@example.org"


@pytest.fixture
def smtp(start_smtp: StartSmtp) -> FaultySmtp:
    return start_smtp()


@pytest.fixture
async def services(books: Books, smtp: FaultySmtp) -> AsyncIterator[JobServices]:
    settings = make_settings(database_url=books.url, smtp_url=smtp.url)
    async with job_services.opened(settings) as opened:
        yield opened


async def register(books: Books) -> tuple[UUID, UUID]:
    """Somebody registers; who, and which mail is due."""
    await registrations.register(books.database, name="New Comer", email=EMAIL, password_hash="-")
    (due,) = await mails.due(books.database, 10)
    return due


def state(books: Books) -> dict[str, Any]:
    row = books.connection.execute(
        "SELECT state, refusals, last_error, extract(epoch FROM next_try_at - now()) FROM mails "
        "WHERE state <> 'withdrawn'"
    ).fetchone()
    assert row is not None
    return dict(zip(("state", "refusals", "last_error", "due_in"), row, strict=True))


def make_due(books: Books) -> None:
    """The pause is over."""
    books.connection.execute("UPDATE mails SET next_try_at = now()")


def token_of(smtp: FaultySmtp) -> str:
    """The token of the newest mail's link."""
    (link,) = set(smtp.mails[-1]["links"]) - {"http://127.0.0.1:8000"}
    return link.partition("#token=")[2]


async def test_the_mail_arrives_with_a_link_that_works_once(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    user_id, mail_id = await register(books)
    await mail.send(services, user_id, mail_id)
    assert state(books)["state"] == "sent"
    assert smtp.mails[0]["to"] == EMAIL
    assert smtp.mails[0]["subject"] == "Verify your email address"
    assert smtp.mails[0]["links"][0].startswith("http://127.0.0.1:8000/verify-email#token=")
    secret = sessions.read_link_token(token_of(smtp))
    assert secret is not None
    verified = await registrations.verify_email(
        books.database, secret, session_id=None, password_hash="-"
    )
    assert verified == EMAIL


async def test_a_mail_that_is_sent_is_not_sent_again(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    user_id, mail_id = await register(books)
    for _ in range(3):
        await mail.send(services, user_id, mail_id)
    assert len(smtp.mails) == 1


async def test_a_withdrawn_mail_is_not_sent(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    user_id, mail_id = await register(books)
    await registrations.resend_verification(books.database, EMAIL)
    await mail.send(services, user_id, mail_id)
    assert smtp.tries == 0


async def test_three_refusals_are_the_end(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    smtp.refuse_next("451 4.3.0 Try later", times=9)
    user_id, mail_id = await register(books)
    pauses = []
    for refusals in (1, 2):
        await mail.send(services, user_id, mail_id)
        assert (state(books)["state"], state(books)["refusals"]) == ("pending", refusals)
        pauses.append(state(books)["due_in"])
        await mail.send(services, user_id, mail_id)
        assert smtp.tries == refusals, "a pause was not kept"
        make_due(books)
    assert 0 < pauses[0] < pauses[1]
    await mail.send(services, user_id, mail_id)
    assert state(books)["state"] == "failed"
    assert "451" in state(books)["last_error"]
    assert await mails.counts(books.database) == {"pending": 0, "failed": 1, "unknown_purpose": 0}


async def test_a_permanent_refusal_is_final_until_a_retry_is_requested(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    smtp.refuse_next("550 5.1.1 No such mailbox")
    user_id, mail_id = await register(books)
    await mail.send(services, user_id, mail_id)
    assert (state(books)["state"], smtp.tries) == ("failed", 1)
    assert await mails.retry_failed(books.database) == 1
    await mail.send(services, user_id, mail_id)
    assert state(books)["state"] == "sent"


async def test_a_server_out_of_reach_does_not_count(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    smtp.refuse_next("451 4.3.0 Try later")
    user_id, mail_id = await register(books)
    await mail.send(services, user_id, mail_id)
    smtp.stop()
    for _ in range(6):
        make_due(books)
        await mail.send(services, user_id, mail_id)
        assert (state(books)["state"], state(books)["refusals"]) == ("pending", 1)
        assert 0 < state(books)["due_in"] <= 300
    smtp.start()
    make_due(books)
    await mail.send(services, user_id, mail_id)
    assert state(books)["state"] == "sent"


async def test_after_a_day_out_of_reach_it_is_given_up(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    user_id, mail_id = await register(books)
    smtp.stop()
    books.connection.execute("UPDATE mails SET trying_since = now() - interval '25 hours'")
    await mail.send(services, user_id, mail_id)
    assert state(books)["state"] == "failed"


async def test_every_try_is_the_same_message_to_a_mailbox(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    user_id, mail_id = await register(books)
    await mail.send(services, user_id, mail_id)
    # The worker died between the server's answer and the commit.
    books.connection.execute("UPDATE mails SET state = 'pending', sent_at = NULL")
    make_due(books)
    await mail.send(services, user_id, mail_id)
    first, second = (
        next(entry for entry in raw.split(b"\r\n") if entry.lower().startswith(b"message-id"))
        for raw in smtp.raw
    )
    assert first == second
    assert str(mail_id).encode() in first


@pytest.fixture
def all_settings(books: Books, smtp: FaultySmtp, redis_url: str) -> Settings:
    return make_settings(database_url=books.url, redis_url=redis_url, smtp_url=smtp.url)


async def test_no_raw_token_is_kept_anywhere(
    books: Books,
    services: JobServices,
    smtp: FaultySmtp,
    redis_url: str,
    all_settings: Settings,
) -> None:
    async with relaying(all_settings):
        user_id, mail_id = await register(books)
        with redis.Redis.from_url(redis_url, decode_responses=True) as memory:
            await until(lambda: memory.llen("rq:queue:mail") == 1)
            await mail.send(services, user_id, mail_id)
            held = " ".join(str(memory.dump(key)) for key in memory.scan_iter())
    token = token_of(smtp)
    assert token[:20] not in held
    tables = books.connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    ).fetchall()
    assert ("mails",) in tables
    for (table,) in tables:
        rows = books.connection.execute(f'SELECT t::text FROM "{table}" AS t').fetchall()
        text = " ".join(str(row[0]) for row in rows)
        assert token not in text
        # Nor in the bytes of a column, which show as hexadecimal digits.
        assert token.encode().hex() not in text


async def test_redis_losing_its_memory_loses_no_mail(
    books: Books, redis_url: str, all_settings: Settings
) -> None:
    async with relaying(all_settings):
        await register(books)
        with redis.Redis.from_url(redis_url) as memory:
            for _ in range(2):
                await until(lambda: memory.llen("rq:queue:mail") == 1)
                memory.flushdb()
            await until(lambda: memory.llen("rq:queue:mail") == 1)


@pytest.mark.parametrize(
    ("purpose", "subject"),
    [
        (MailPurpose.PASSWORD_CHANGED, "Your password was changed"),
        (MailPurpose.ADDRESS_TAKEN, "You already have a wallet with this address"),
    ],
)
async def test_mails_without_a_link_make_none(
    books: Books, services: JobServices, smtp: FaultySmtp, purpose: MailPurpose, subject: str
) -> None:
    zoe = books.join()
    books.connection.execute(
        "INSERT INTO mails (user_id, id, purpose, created_at, trying_since, next_try_at) "
        "VALUES (%s, %s, %s, now(), now(), now())",
        [zoe.user_id, zoe.session_id, purpose.value],
    )
    await mail.send(services, zoe.user_id, zoe.session_id)
    assert smtp.mails[0]["subject"] == subject
    assert "#token=" not in smtp.mails[0]["text"]
    assert books.connection.execute("SELECT count(*) FROM links").fetchone() == (0,)


async def test_the_mail_about_a_sign_in_is_sent_even_if_the_account_is_closed_first(
    books: Books, services: JobServices, smtp: FaultySmtp
) -> None:
    zoe = books.join()
    token = sessions.first_refresh_token(zoe.user_id, ids.new_id())
    new = sign_ins.NewSession(
        token, token.render("secret"), "Browser", "203.0.113.77", is_known=False
    )
    await sign_ins.begin(books.database, new, password_hash="-")
    [(user_id, mail_id)] = await mails.due(books.database, 10)
    await closing.close(books.database, zoe.principal, password_hash="-", limits=LIMITS)
    await mail.send(services, user_id, mail_id)
    assert [(each["to"], each["subject"]) for each in smtp.mails] == [
        (zoe.email, "A new device signed in to your wallet")
    ]
    row = books.connection.execute("SELECT state FROM mails WHERE id = %s", [mail_id]).fetchone()
    assert row == ("sent",)


async def test_a_mail_of_a_purpose_that_is_not_known_waits_for_a_release_that_knows_it(
    books: Books,
    services: JobServices,
    smtp: FaultySmtp,
    all_settings: Settings,
    admin_database_url: str,
) -> None:
    user_id, mail_id = await register(books)
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("ALTER TABLE mails DROP CONSTRAINT mails_purpose_check")
        admin.execute("UPDATE mails SET purpose = 'your_statement'")
    with capture_logs() as logged:
        async with relaying(all_settings):
            await until(lambda: any("know their purpose" in one["event"] for one in logged))
    await mail.send(services, user_id, mail_id)
    assert smtp.tries == 0
    assert await mails.due(books.database, 10) == []
    counts = await mails.counts(books.database)
    assert counts == {"pending": 0, "failed": 0, "unknown_purpose": 1}
    books.connection.execute("UPDATE mails SET purpose = 'verify_email'")
    assert await mails.due(books.database, 10) == [(user_id, mail_id)]
    await mail.send(services, user_id, mail_id)
    assert state(books)["state"] == "sent"


async def test_a_mail_stays_in_hand_while_its_try_takes_longer_than_the_lease(
    books: Books, services: JobServices, smtp: FaultySmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.mail._RENEWAL_SECONDS", 0.05)
    user_id, mail_id = await register(books)
    smtp.hold()
    sending = asyncio.create_task(mail.send(services, user_id, mail_id))
    await until(lambda: smtp.tries == 1)
    for _ in range(3):
        # As if the lease were nearly over.
        books.connection.execute("UPDATE mails SET next_try_at = now() + interval '1 second'")
        await until(lambda: float(state(books)["due_in"]) > mails.LEASE_SECONDS / 2)
        assert await mails.take(books.database, user_id, mail_id) is None
    smtp.let_go()
    await sending
    assert state(books)["state"] == "sent"
    assert len(smtp.mails) == 1


@pytest.mark.parametrize(
    "details", ["{}", "[]", '{"name": 7, "scopes": ["SPEND_SALARY"]}', '"text"']
)
async def test_a_mail_whose_details_cannot_be_read_is_tried_again_and_given_up_after_three_tries(
    books: Books, services: JobServices, smtp: FaultySmtp, details: str
) -> None:
    zoe = books.join()
    books.connection.execute(
        "INSERT INTO mails (user_id, id, purpose, details, created_at, trying_since, next_try_at) "
        "VALUES (%s, %s, %s, %s, now(), now(), now())",
        [zoe.user_id, zoe.session_id, MailPurpose.API_TOKEN_CREATED.value, details],
    )
    for refusals in (1, 2, 3):
        make_due(books)
        await mail.send(services, zoe.user_id, zoe.session_id)
        assert state(books)["refusals"] == refusals
    assert state(books)["state"] == "failed"
    assert smtp.tries == 0
