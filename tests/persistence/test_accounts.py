"""Registrations, verification and passwords in the database."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from domain import errors, ids
from domain.people import sessions
from domain.people.sessions import NamedSecret, Principal
from persistence import retention
from persistence.delivery import mails
from persistence.engine.database import Database
from persistence.people import accounts, credentials, registrations, sign_ins
from tests.books import Books

pytestmark = pytest.mark.anyio

EMAIL = "zoe@example.com"


async def register(db: Database) -> UUID:
    """A verified account."""
    return await registrations.register_verified(db, name="Zoë", email=EMAIL, password_hash="first")


async def sign_in(db: Database, user_id: UUID, password_hash: str = "first") -> UUID:
    token = sessions.first_refresh_token(user_id, ids.new_id())
    new = sign_ins.NewSession(token, token.render("secret"), None, None, is_known=True)
    await sign_ins.begin(db, new, password_hash=password_hash)
    return token.session_id


async def mail_of(db: Database) -> mails.MailToSend:
    """Take the one mail that is due."""
    [(user_id, mail_id)] = await mails.due(db, 10)
    mail = await mails.take(db, user_id, mail_id)
    assert mail is not None
    return mail


async def link_of(db: Database, mail: mails.MailToSend) -> NamedSecret:
    link_id = ids.new_id()
    text = sessions.new_link_token(mail.person.user_id, link_id)
    assert await mails.add_link(db, mail, token_hash=sessions.hash_secret(text), link_id=link_id)
    await mails.sent(db, mail)
    link = sessions.read_link_token(text)
    assert link is not None
    return link


def pending(books: Books) -> list[object]:
    rows = books.connection.execute(
        "SELECT purpose FROM mails WHERE state = 'pending' ORDER BY id"
    ).fetchall()
    return [row[0] for row in rows]


def topics(books: Books) -> list[object]:
    return [row[0] for row in books.connection.execute("SELECT topic FROM outbox ORDER BY id")]


async def active(db: Database, asked: list[tuple[UUID, UUID]]) -> list[UUID]:
    ended = await credentials.ended(db, asked)
    return [
        credential_id for owner_id, credential_id in asked if (owner_id, credential_id) not in ended
    ]


async def test_resetting_ends_every_session_and_all_reset_links_and_says_so_by_mail(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    for _ in range(2):
        await sign_in(db, user_id)
    await accounts.request_password_reset(db, EMAIL)
    first = await link_of(db, await mail_of(db))
    await accounts.request_password_reset(db, EMAIL)
    second = await link_of(db, await mail_of(db))
    ended = await accounts.reset_password(db, second, password_hash="new")
    assert ended == accounts.EndedCredentials(sessions=2, api_tokens=0)
    assert await accounts.password_hash(db, user_id) == "new"
    assert pending(books) == ["password_changed"]
    for used in (first, second):
        with pytest.raises(errors.InvalidToken):
            await accounts.reset_password(db, used, password_hash="newer")


async def test_a_reset_link_used_twice_at_once_works_once(db: Database) -> None:
    await register(db)
    await accounts.request_password_reset(db, EMAIL)
    link = await link_of(db, await mail_of(db))
    outcomes = await asyncio.gather(
        *(accounts.reset_password(db, link, password_hash=str(n)) for n in range(4)),
        return_exceptions=True,
    )
    assert (
        sorted(type(outcome).__name__ for outcome in outcomes)
        == ["EndedCredentials"] + ["InvalidToken"] * 3
    )


async def test_changing_a_password_keeps_the_session_that_does_it(db: Database) -> None:
    user_id = await register(db)
    kept, other = await sign_in(db, user_id), await sign_in(db, user_id)
    caller = Principal(user_id, session_id=kept)
    ended = await accounts.change_password(
        db, caller, old_hash="first", password_hash="new", revoke_api_tokens=False
    )
    assert ended == accounts.EndedCredentials(sessions=1, api_tokens=0)
    assert await active(db, [(user_id, kept), (user_id, other)]) == [kept]
    with pytest.raises(errors.InvalidCredentials):
        await accounts.change_password(
            db, caller, old_hash="first", password_hash="x", revoke_api_tokens=False
        )


async def test_what_is_asked_about_an_unknown_address_is_one_commit_and_no_mail(
    books: Books, db: Database
) -> None:
    await accounts.request_password_reset(db, "nobody@example.com")
    assert topics(books) == ["nothing.happened"]
    assert pending(books) == []
    assert await accounts.credentials(db, "nobody@example.com") == []
    assert await accounts.user_id_by_email(db, "nobody@example.com") is None
    assert await retention.sweep(db) == dict.fromkeys(
        [
            "outbox",
            "sessions",
            "idle_sessions",
            "links",
            "mails",
            "webhook_attempts",
            "webhook_secrets",
            "second_factor_challenges",
            "second_factor_failures",
            "registrations",
            "webhooks",
            "data_exports",
            "erased_accounts",
            "handles",
            "top_up_mismatches",
        ],
        0,
    )


async def test_an_unverified_address_gets_no_reset_link_and_no_news_of_a_changed_password(
    books: Books, db: Database
) -> None:
    await registrations.register(db, name="Zoë", email=EMAIL, password_hash="first")
    [registration] = await accounts.credentials(db, EMAIL)
    await accounts.request_password_reset(db, EMAIL)
    session_id = await sign_in(db, registration.user_id)
    await accounts.change_password(
        db,
        Principal(registration.user_id, session_id=session_id),
        old_hash="first",
        password_hash="new",
        revoke_api_tokens=False,
    )
    assert [one.password_hash for one in await accounts.credentials(db, EMAIL)] == ["new"]
    assert pending(books) == ["verify_email"]


async def test_a_new_name_is_what_one_is_found_by(books: Books, db: Database) -> None:
    someone = books.join("Zoë")
    person = await accounts.update_profile(db, someone.principal, name="Ægir Ånd")
    assert person.name == "Ægir Ånd"
    assert books.connection.execute("SELECT search_text FROM users").fetchone() == ("aegir and",)
    with pytest.raises(errors.Unauthenticated):
        await accounts.update_profile(
            db, Principal(ids.new_id(), session_id=someone.session_id), name="x"
        )


async def test_a_closed_user_is_signed_in_nowhere(books: Books, db: Database) -> None:
    someone = books.join()
    books.connection.execute("UPDATE users SET closed_at = now()")
    with pytest.raises(errors.Unauthenticated):
        await accounts.password_hash(db, someone.user_id)
    assert await active(db, [(someone.user_id, someone.session_id)]) == []
    await accounts.request_password_reset(db, someone.email)
    assert topics(books) == ["nothing.happened"]


async def test_users_are_read_as_they_are_now_and_the_unknown_left_out(books: Books) -> None:
    alpha, beta = books.join("Alpha"), books.join("Beta")
    both = [alpha.user_id, beta.user_id, ids.new_id()]
    assert (await accounts.people(books.database, both))[alpha.user_id].balance_minor == 0
    await books.add(alpha, "2")
    people = await accounts.people(books.database, both)
    assert (people[alpha.user_id].balance_minor, people[beta.user_id].name) == (200, "Beta")
    assert set(people) == {alpha.user_id, beta.user_id}
    assert await accounts.people(books.database, []) == {}
