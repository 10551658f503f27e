"""Registering, verifying and passwords, as they are stored."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from domain import errors, ids, sessions
from domain.accounts import MailPurpose
from domain.sessions import NamedSecret, Principal
from persistence import accounts, api_tokens, credentials, mails, retention
from persistence import sessions as stored_sessions
from persistence.database import Database
from tests.books import Books

pytestmark = pytest.mark.anyio

EMAIL = "zoe@example.com"


async def register(db: Database, name: str = "Zoë", password_hash: str = "first") -> UUID:
    await accounts.register(db, name=name, email=EMAIL, password_hash=password_hash)
    user_id = await accounts.user_id_by_email(db, EMAIL)
    assert user_id is not None
    return user_id


async def sign_in(db: Database, user_id: UUID, password_hash: str = "first") -> UUID:
    token = sessions.first_refresh_token(user_id, ids.new_id())
    await stored_sessions.begin(
        db,
        user_id=user_id,
        password_hash=password_hash,
        token=token,
        token_text=token.render("secret"),
        user_agent=None,
        ip_address=None,
    )
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


async def test_a_new_address_is_an_unverified_person_and_one_mail(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    person = await accounts.person(db, user_id)
    assert person is not None
    assert (person.name, person.email, person.email_verified_at) == ("Zoë", EMAIL, None)
    assert pending(books) == ["verify_email"]
    assert topics(books) == ["mail.requested"]
    assert books.connection.execute("SELECT search_text FROM users").fetchone() == ("zoe",)


async def test_one_address_registered_many_times_at_once_is_one_account(
    books: Books, db: Database
) -> None:
    await asyncio.gather(
        *(
            accounts.register(db, name=f"Zoë {number}", email=EMAIL, password_hash=str(number))
            for number in range(12)
        )
    )
    assert books.connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
    assert books.connection.execute("SELECT count(*) FROM email_addresses").fetchone() == (1,)
    assert pending(books) == ["verify_email"]


async def test_registering_over_an_unverified_address_leaves_nothing_of_the_first(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    session_id = await sign_in(db, user_id)
    token, _ = await api_tokens.create(
        db,
        Principal(user_id, session_id=session_id),
        name="t",
        scopes=list(sessions.Scope),
        daily_limit_minor=None,
        expires_at=None,
    )
    first_mail = await mail_of(db)
    first_link = await link_of(db, first_mail)
    await accounts.request_password_reset(db, EMAIL)
    in_hand = await mail_of(db)

    assert await register(db, name="Zoé", password_hash="second") == user_id
    person = await accounts.person(db, user_id)
    assert person is not None
    assert person.name == "Zoé"
    assert await accounts.password_hash(db, user_id) == "second"
    both = [(user_id, session_id), (user_id, token.api_token_id)]
    assert await active(db, both) == []
    assert not await accounts.is_link_good(db, first_link, MailPurpose.VERIFY_EMAIL)
    with pytest.raises(errors.InvalidToken):
        await accounts.verify_email(db, first_link, keep_session_id=None)
    # The mail that was being rendered meanwhile brings no link any more.
    assert not await mails.add_link(db, in_hand, token_hash=bytes(32), link_id=ids.new_id())
    assert pending(books) == ["verify_email"]
    assert await accounts.verify_email(
        db, await link_of(db, await mail_of(db)), keep_session_id=None
    ) == EMAIL  # fmt: skip


async def test_registering_over_a_verified_address_changes_nothing_and_tells_its_owner(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    await accounts.verify_email(db, await link_of(db, await mail_of(db)), keep_session_id=None)
    session_id = await sign_in(db, user_id)
    await register(db, name="Somebody else", password_hash="other")
    person = await accounts.person(db, user_id)
    assert person is not None
    assert person.name == "Zoë"
    assert await accounts.password_hash(db, user_id) == "first"
    assert await active(db, [(user_id, session_id)]) == [session_id]
    assert pending(books) == ["address_taken"]


async def test_a_link_works_once_and_verifying_ends_all_sessions_but_its_own(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    kept, ended = await sign_in(db, user_id), await sign_in(db, user_id)
    first = await link_of(db, await mail_of(db))
    await accounts.resend_verification(db, EMAIL)
    second = await link_of(db, await mail_of(db))
    await accounts.resend_verification(db, EMAIL)
    assert await accounts.verify_email(db, second, keep_session_id=kept) == EMAIL
    both = [(user_id, kept), (user_id, ended)]
    assert await active(db, both) == [kept]
    assert pending(books) == []
    for used in (first, second):
        with pytest.raises(errors.InvalidToken):
            await accounts.verify_email(db, used, keep_session_id=kept)
    payload = books.connection.execute(
        "SELECT payload FROM outbox WHERE topic = 'credentials.ended'"
    ).fetchall()
    assert payload == [({"credential_ids": [str(ended)]},)]


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_api_tokens_from_before_outlive_verifying_only_where_their_owner_verifies(
    db: Database, is_signed_in: bool
) -> None:
    user_id = await register(db)
    session_id = await sign_in(db, user_id)
    await api_tokens.create(
        db,
        Principal(user_id, session_id=session_id),
        name="t",
        scopes=list(sessions.Scope),
        daily_limit_minor=None,
        expires_at=None,
    )
    link = await link_of(db, await mail_of(db))
    await accounts.verify_email(db, link, keep_session_id=session_id if is_signed_in else None)
    assert len(await api_tokens.list_for(db, user_id)) == (1 if is_signed_in else 0)


async def test_the_session_of_another_is_not_what_verifies(db: Database) -> None:
    user_id = await register(db)
    session_id = await sign_in(db, user_id)
    link = await link_of(db, await mail_of(db))
    await accounts.verify_email(db, link, keep_session_id=ids.new_id())
    assert await active(db, [(user_id, session_id)]) == []


async def test_a_link_is_bad_when_forged_of_another_purpose_or_too_old(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    link = await link_of(db, await mail_of(db))
    forged = sessions.read_link_token(sessions.new_link_token(user_id, link.row_id))
    assert forged is not None
    assert await accounts.is_link_good(db, link, MailPurpose.VERIFY_EMAIL)
    assert not await accounts.is_link_good(db, forged, MailPurpose.VERIFY_EMAIL)
    assert not await accounts.is_link_good(db, link, MailPurpose.RESET_PASSWORD)
    with pytest.raises(errors.InvalidToken):
        await accounts.reset_password(db, link, password_hash="new")
    books.connection.execute(
        "UPDATE links SET created_at = created_at - %(day)s, expires_at = expires_at - %(day)s",
        {"day": timedelta(hours=24)},
    )
    assert not await accounts.is_link_good(db, link, MailPurpose.VERIFY_EMAIL)
    with pytest.raises(errors.InvalidToken):
        await accounts.verify_email(db, link, keep_session_id=None)


async def test_resetting_ends_every_session_and_all_reset_links_and_says_so_by_mail(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    await mails.sent(db, await mail_of(db))
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
    person = await accounts.person(db, user_id)
    assert person is not None
    assert person.email_verified_at is None


async def test_a_reset_link_used_twice_at_once_works_once(db: Database) -> None:
    await register(db)
    await mails.sent(db, await mail_of(db))
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
    await accounts.resend_verification(db, "nobody@example.com")
    assert topics(books) == ["nothing.happened"] * 2
    assert pending(books) == []
    assert await accounts.credentials(db, "nobody@example.com") is None
    assert await accounts.user_id_by_email(db, "nobody@example.com") is None
    assert await retention.sweep(db) == dict.fromkeys(
        ["outbox", "sessions", "idle_sessions", "links", "mails"], 0
    )


async def test_verified_people_get_no_verification_mail(books: Books, db: Database) -> None:
    someone = books.join()
    await accounts.resend_verification(db, someone.email)
    assert topics(books) == ["nothing.happened"]


async def test_a_new_name_is_what_one_is_found_by(books: Books, db: Database) -> None:
    someone = books.join("Zoë")
    person = await accounts.update_profile(db, someone.principal, name="Ægir Ånd")
    assert person.name == "Ægir Ånd"
    assert books.connection.execute("SELECT search_text FROM users").fetchone() == ("ægir and",)
    with pytest.raises(errors.Unauthenticated):
        await accounts.update_profile(
            db, Principal(ids.new_id(), session_id=someone.session_id), name="x"
        )


async def test_a_closed_person_signs_in_nowhere(books: Books, db: Database) -> None:
    someone = books.join()
    books.connection.execute("UPDATE users SET closed_at = now()")
    assert await accounts.credentials(db, someone.email) is None
    with pytest.raises(errors.Unauthenticated):
        await accounts.password_hash(db, someone.user_id)
    assert await active(db, [(someone.user_id, someone.session_id)]) == []
    await accounts.register(db, name="x", email=someone.email, password_hash="x")
    assert topics(books) == ["nothing.happened"]


async def test_people_are_read_as_they_are_now_and_the_unknown_left_out(books: Books) -> None:
    alpha, beta = books.join("Alpha"), books.join("Beta")
    both = [alpha.user_id, beta.user_id, ids.new_id()]
    assert (await accounts.people(books.database, both))[alpha.user_id].balance_minor == 0
    await books.add(alpha, "2")
    people = await accounts.people(books.database, both)
    assert (people[alpha.user_id].balance_minor, people[beta.user_id].name) == (200, "Beta")
    assert set(people) == {alpha.user_id, beta.user_id}
    assert await accounts.people(books.database, []) == {}
