"""The number of mails that others can have sent to an address: further ones are delayed, none is lost."""

from __future__ import annotations

import pytest

from domain.people import accounts as rules
from domain.people.accounts import MailPurpose
from persistence.delivery import mails
from persistence.delivery.mail_requests import Requester
from persistence.engine.database import Database
from persistence.people import accounts, registrations
from tests.books import Books, Someone

pytestmark = pytest.mark.anyio

STRANGER, OWNER = Requester("198.51.100.1"), Requester("203.0.113.1")
WINDOW = rules.MAIL_WINDOW.total_seconds()


async def deliver(books: Books) -> int:
    """Send what is due now; how many that was."""
    due = await mails.due(books.database, 99)
    for user_id, mail_id in due:
        mail = await mails.take(books.database, user_id, mail_id)
        assert mail is not None
        await mails.sent(books.database, mail)
    return len(due)


def waiting_seconds(books: Books) -> list[int]:
    """How long each mail that waits still has to."""
    rows = books.connection.execute(
        "SELECT extract(epoch FROM next_try_at - now()) FROM mails WHERE state = 'pending' "
        "ORDER BY next_try_at"
    ).fetchall()
    return [round(float(str(row[0]))) for row in rows]


def pass_time(books: Books, seconds: float) -> None:
    books.connection.execute(
        "UPDATE mails SET created_at = created_at - %(s)s * interval '1 second', "
        "next_try_at = next_try_at - %(s)s * interval '1 second', "
        "trying_since = trying_since - %(s)s * interval '1 second', "
        "sent_at = sent_at - %(s)s * interval '1 second'",
        {"s": seconds},
    )


async def ask(books: Books, someone: Someone, requester: Requester) -> int:
    """Ask for a reset link; how many mails go out now."""
    await accounts.request_password_reset(books.database, someone.email, requester=requester)
    return await deliver(books)


async def test_a_strangers_requests_beyond_the_budget_become_one_mail_that_comes_later(
    books: Books,
) -> None:
    someone = books.join()
    sent = [await ask(books, someone, STRANGER) for _ in range(10)]
    assert sent == [1, 1, 1] + [0] * 7
    [wait] = waiting_seconds(books)
    assert WINDOW - 60 < wait <= WINDOW
    pass_time(books, WINDOW + 1)
    assert await deliver(books) == 1
    await books.assert_clean()


async def test_a_stranger_does_not_delay_the_owners_mail(books: Books) -> None:
    someone = books.join()
    for _ in range(10):
        await ask(books, someone, STRANGER)
    assert await ask(books, someone, OWNER) == 1


async def test_the_owners_waiting_mail_is_not_put_off_by_a_strangers_request(books: Books) -> None:
    someone = books.join()
    for _ in range(3):
        await ask(books, someone, STRANGER)
    await accounts.request_password_reset(books.database, someone.email, requester=OWNER)
    # Before a worker took it.
    assert await ask(books, someone, STRANGER) == 1


async def test_of_many_strangers_an_address_gets_no_more_than_its_budget(books: Books) -> None:
    someone, other = books.join(), books.join()
    sent = [await ask(books, someone, Requester(f"198.51.100.{number}")) for number in range(20)]
    budget = rules.MAIL_BUDGETS[MailPurpose.RESET_PASSWORD]
    assert sum(sent) == budget.per_address
    assert len(waiting_seconds(books)) == 1
    assert await ask(books, other, STRANGER) == 1
    # Another purpose has a budget of its own, and so has whoever changes their own password.
    await registrations.register(
        books.database, name="x", email=someone.email, password_hash="-", requester=STRANGER
    )
    assert await deliver(books) == 1


async def test_requests_while_a_mail_is_on_its_way_count_like_any_others(books: Books) -> None:
    someone = books.join()
    on_their_way: list[mails.MailToSend] = []
    for number in range(20):
        requester = Requester(f"198.51.100.{number}")
        await accounts.request_password_reset(books.database, someone.email, requester=requester)
        for user_id, mail_id in await mails.due(books.database, 99):
            mail = await mails.take(books.database, user_id, mail_id)
            assert mail is not None
            on_their_way.append(mail)
    assert len(on_their_way) == rules.MAIL_BUDGETS[MailPurpose.RESET_PASSWORD].per_address
    # They are not given up either: a server that is away gets each of them later.
    for mail in on_their_way:
        await mails.unreachable(books.database, mail, error="away")
    pass_time(books, 600)
    assert await deliver(books) == len(on_their_way)
    assert len(waiting_seconds(books)) == 1


async def test_a_device_that_signed_in_before_waits_for_no_strangers(books: Books) -> None:
    someone = books.join()
    for number in range(20):
        await ask(books, someone, Requester(f"198.51.100.{number}"))
    assert await ask(books, someone, Requester("203.0.113.1", is_known=True)) == 1


async def test_while_a_reset_mail_waits_the_links_of_those_before_it_still_work() -> None:
    assert rules.LINK_LIFETIMES[MailPurpose.RESET_PASSWORD] >= rules.MAIL_WINDOW


async def test_registrations_share_the_budget_of_their_address_and_each_gets_its_mail(
    books: Books, db: Database
) -> None:
    async def register(requester: Requester) -> int:
        await registrations.register(
            db, name="x", email="a@example.com", password_hash="-", requester=requester
        )
        return await deliver(books)

    assert [await register(STRANGER) for _ in range(5)] == [1, 1, 1, 0, 0]
    assert await register(OWNER) == 1
    assert len(waiting_seconds(books)) == 2
    for _ in range(2):
        pass_time(books, WINDOW + 1)
        await deliver(books)
    assert waiting_seconds(books) == []
    sent = books.connection.execute(
        "SELECT count(DISTINCT user_id), count(*) FROM mails WHERE state = 'sent'"
    ).fetchone()
    assert sent == (6, 6)


async def test_the_owner_is_told_once_of_many_registrations_of_a_verified_address(
    books: Books, db: Database
) -> None:
    someone = books.join()
    for _ in range(4):
        await registrations.register(
            db, name="x", email=someone.email, password_hash="-", requester=STRANGER
        )
    assert await deliver(books) == 1
    await registrations.register(
        db, name="x", email=someone.email, password_hash="-", requester=STRANGER
    )
    assert await deliver(books) == 0
    assert len(waiting_seconds(books)) == 1


async def test_a_flood_of_registrations_is_no_damage_to_an_audit(
    books: Books, db: Database
) -> None:
    for number in range(6):
        await registrations.register(
            db,
            name="x",
            email="a@example.com",
            password_hash="-",
            requester=Requester(f"198.51.100.{number}"),
        )
    # As many others as a day and an hour of the address's budget.
    books.connection.execute(
        "UPDATE mails SET next_try_at = next_try_at + interval '25 hours', "
        "trying_since = trying_since + interval '25 hours'"
    )
    await registrations.register(
        db, name="x", email="a@example.com", password_hash="-", requester=OWNER
    )
    assert min(waiting_seconds(books)) > 24 * 3600
    await books.assert_clean()
