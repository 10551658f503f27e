"""Registrations of one address: independent of each other until one of them is verified."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from domain import authority, errors, ids
from domain.ledger.close_key import CloseIdempotencyKey
from domain.ledger.kinds import Kind
from domain.people import sessions
from domain.people.accounts import MailPurpose
from domain.people.sessions import ApiToken, NamedSecret, Principal
from persistence import retention
from persistence.delivery import mails
from persistence.engine.database import Database
from persistence.people import accounts, api_tokens, credentials, registrations, sign_ins
from tests.books import Books

pytestmark = pytest.mark.anyio

EMAIL = "zoe@example.com"


async def register(db: Database, password_hash: str = "first", name: str = "Zoë") -> UUID:
    """A registration more; who it is."""
    await registrations.register(db, name=name, email=EMAIL, password_hash=password_hash)
    return (await accounts.credentials(db, EMAIL))[0].user_id


async def sign_in(db: Database, user_id: UUID, password_hash: str = "first") -> UUID:
    token = sessions.first_refresh_token(user_id, ids.new_id())
    new = sign_ins.NewSession(token, token.render("secret"), None, None, is_known=True)
    await sign_ins.begin(db, new, password_hash=password_hash)
    return token.session_id


async def new_api_token(db: Database, user_id: UUID, session_id: UUID) -> ApiToken:
    token, _ = await api_tokens.create(
        db,
        Principal(user_id, session_id=session_id),
        name="t",
        scopes=list(sessions.Scope),
        daily_limit_minor=None,
        expires_at=None,
    )
    return token


async def link_of(db: Database, user_id: UUID) -> NamedSecret:
    """Send the one mail that is due to that registration; its link."""
    [mail_id] = [mail_id for owner_id, mail_id in await mails.due(db, 99) if owner_id == user_id]
    mail = await mails.take(db, user_id, mail_id)
    assert mail is not None
    link_id = ids.new_id()
    text = sessions.new_link_token(user_id, link_id)
    assert await mails.add_link(db, mail, token_hash=sessions.hash_secret(text), link_id=link_id)
    await mails.sent(db, mail)
    link = sessions.read_link_token(text)
    assert link is not None
    return link


async def verify(
    db: Database, link: NamedSecret, *, session_id: UUID | None = None, password: str | None = None
) -> str:
    return await registrations.verify_email(db, link, session_id=session_id, password_hash=password)


def pending(books: Books) -> list[object]:
    rows = books.connection.execute(
        "SELECT purpose FROM mails WHERE state = 'pending' ORDER BY id"
    ).fetchall()
    return [row[0] for row in rows]


def topics(books: Books) -> list[object]:
    return [row[0] for row in books.connection.execute("SELECT topic FROM outbox ORDER BY id")]


def rows_of(books: Books, user_id: UUID) -> dict[str, int]:
    """How many rows each table has of that user."""
    tables = ("sessions", "api_tokens", "links", "mails", "outbox")
    counts = {
        table: books.connection.execute(
            f"SELECT count(*) FROM {table} WHERE user_id = %s".encode(), [user_id]
        ).fetchone()
        for table in tables
    }
    return {table: int(str(row[0])) for table, row in counts.items() if row is not None}


async def test_a_new_address_is_an_unverified_account_and_one_mail(
    books: Books, db: Database
) -> None:
    person = await accounts.person(db, await register(db))
    assert person is not None
    assert (person.name, person.email, person.email_verified_at) == ("Zoë", EMAIL, None)
    assert pending(books) == ["verify_email"]
    assert topics(books) == ["mail.requested"]
    assert books.connection.execute("SELECT search_text FROM users").fetchone() == ("zoe",)
    assert await accounts.user_id_by_email(db, EMAIL) is None
    await books.assert_clean()


async def test_a_flood_of_registrations_keeps_no_other_from_signing_in(
    books: Books, db: Database
) -> None:
    first = await register(db)
    books.connection.execute(
        "INSERT INTO users (id, name, search_text, email, password_hash, created_at, "
        "registration_expires_at) SELECT gen_random_uuid(), name, search_text, email, 'flood', created_at, "
        "registration_expires_at FROM users, generate_series(1, 1500) WHERE id = %s",
        [first],
    )
    known = await accounts.credentials(db, EMAIL)
    assert len(known) == 1501
    assert first in {one.user_id for one in known}


async def test_registrations_of_one_address_neither_displace_nor_block_each_other(
    books: Books, db: Database
) -> None:
    await asyncio.gather(
        *(
            registrations.register(db, name=f"Zoë {n}", email=EMAIL, password_hash=str(n))
            for n in range(12)
        )
    )
    known = await accounts.credentials(db, EMAIL)
    assert {one.password_hash for one in known} == {str(n) for n in range(12)}
    assert pending(books) == ["verify_email"] * 12
    assert books.connection.execute("SELECT count(*) FROM email_addresses").fetchone() == (0,)
    for one in known:
        await sign_in(db, one.user_id, one.password_hash)
    await books.assert_clean()


async def test_a_later_registration_leaves_the_first_as_it_was(books: Books, db: Database) -> None:
    first = await register(db)
    session_id = await sign_in(db, first)
    link = await link_of(db, first)
    second = await register(db, password_hash="second", name="Thief")
    assert second != first
    assert await credentials.ended(db, [(first, session_id)]) == set()
    assert await verify(db, link, session_id=session_id) == EMAIL
    person = await accounts.person(db, first)
    assert person is not None
    assert (person.name, person.email_verified_at is not None) == ("Zoë", True)
    assert await accounts.user_id_by_email(db, EMAIL) == first


async def test_a_link_claims_the_address_for_its_own_registration_only(
    books: Books, db: Database
) -> None:
    """The owner of the mailbox clicks the link of somebody else's registration."""
    own = await register(db)
    own_session = await sign_in(db, own)
    thief = await register(db, password_hash="thief", name="Thief")
    link = await link_of(db, thief)
    for proof in (
        {},
        {"session_id": own_session},
        {"password": "first"},
        {"session_id": ids.new_id()},
    ):
        with pytest.raises(errors.InvalidCredentials):
            await verify(db, link, **proof)
    assert await accounts.is_link_good(db, link, MailPurpose.VERIFY_EMAIL)
    assert await accounts.user_id_by_email(db, EMAIL) is None
    assert await verify(db, await link_of(db, own), session_id=own_session) == EMAIL
    with pytest.raises(errors.InvalidToken):
        await verify(db, link, password="thief")


async def test_verifying_discards_the_other_registrations_with_all_that_they_have(
    books: Books, db: Database
) -> None:
    other = await register(db, password_hash="other")
    session_id = await sign_in(db, other, "other")
    token = await new_api_token(db, other, session_id)
    await link_of(db, other)
    await registrations.resend_verification(db, EMAIL, user_id=other)
    assert 0 not in rows_of(books, other).values()

    own = await register(db)
    link = await link_of(db, own)
    assert await verify(db, link, password="first") == EMAIL
    assert set(rows_of(books, other).values()) == {0}
    assert await accounts.person(db, other) is None
    used = [(other, session_id), (other, token.api_token_id)]
    assert await credentials.ended(db, used) == set(used)
    assert [one.user_id for one in await accounts.credentials(db, EMAIL)] == [own]
    await books.assert_clean()


async def test_a_key_closed_by_a_rival_does_not_prevent_verifying(
    books: Books, db: Database
) -> None:
    rival_id = await register(db)
    caller = authority.Session(rival_id, await sign_in(db, rival_id))
    await books.ledger.run(CloseIdempotencyKey(caller, Kind.TRANSFER, "key-of-a-registration"))
    owner_id = await register(db, "owner's")
    await verify(db, await link_of(db, owner_id), password="owner's")
    assert books.connection.execute("SELECT id FROM users").fetchall() == [(owner_id,)]
    assert books.connection.execute("SELECT FROM closed_keys").fetchall() == []


async def test_an_expired_registration_is_deleted_with_the_keys_that_it_closed(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    caller = authority.Session(user_id, await sign_in(db, user_id))
    await books.ledger.run(CloseIdempotencyKey(caller, Kind.TOP_UP, "key-of-a-registration"))
    books.connection.execute("UPDATE users SET registration_expires_at = now() - interval '1 s'")
    assert await registrations.discard_expired(db, 10) == 1
    assert books.connection.execute("SELECT FROM users").fetchall() == []


async def test_of_two_verifications_at_once_exactly_one_wins(books: Books, db: Database) -> None:
    links = []
    for number in range(4):
        links.append(await link_of(db, await register(db, password_hash=str(number))))
    outcomes = await asyncio.gather(
        *(verify(db, link, password=str(number)) for number, link in enumerate(links)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidToken"] * 3 + ["str"]
    assert books.connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
    await books.assert_clean()


async def test_a_registration_that_came_too_late_claims_nothing(books: Books, db: Database) -> None:
    late = await register(db)
    link = await link_of(db, late)
    # Somebody verified the address between this one's look and its insert.
    owner = books.join("Owner")
    books.connection.execute("UPDATE users SET email = %s WHERE id = %s", [EMAIL, owner.user_id])
    books.connection.execute("UPDATE email_addresses SET address = %s", [EMAIL])
    with pytest.raises(errors.InvalidToken):
        await verify(db, link, password="first")
    assert await accounts.user_id_by_email(db, EMAIL) == owner.user_id
    assert [one.user_id for one in await accounts.credentials(db, EMAIL)] == [owner.user_id]


async def test_registering_over_a_verified_address_changes_nothing_and_tells_its_owner(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    await verify(db, await link_of(db, user_id), password="first")
    session_id = await sign_in(db, user_id)
    assert await register(db, "other", "Somebody else") == user_id
    person = await accounts.person(db, user_id)
    assert person is not None
    assert person.name == "Zoë"
    assert await accounts.password_hash(db, user_id) == "first"
    assert await credentials.ended(db, [(user_id, session_id)]) == set()
    assert pending(books) == ["address_taken"]
    assert books.connection.execute("SELECT count(*) FROM users").fetchone() == (1,)


async def test_a_link_works_once_and_verifying_ends_all_sessions_but_its_own(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    kept, ended = await sign_in(db, user_id), await sign_in(db, user_id)
    first = await link_of(db, user_id)
    await registrations.resend_verification(db, EMAIL)
    second = await link_of(db, user_id)
    await registrations.resend_verification(db, EMAIL)
    assert await verify(db, second, session_id=kept) == EMAIL
    both = [(user_id, kept), (user_id, ended)]
    assert await credentials.ended(db, both) == {(user_id, ended)}
    assert pending(books) == []
    for used in (first, second):
        with pytest.raises(errors.InvalidToken):
            await verify(db, used, session_id=kept)
    payload = books.connection.execute(
        "SELECT payload FROM outbox WHERE topic = 'credentials.ended'"
    ).fetchall()
    assert payload == [({"credential_ids": [str(ended)]},)]


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_api_tokens_from_before_outlive_verifying_only_by_a_session(
    db: Database, is_signed_in: bool
) -> None:
    user_id = await register(db)
    session_id = await sign_in(db, user_id)
    await new_api_token(db, user_id, session_id)
    link = await link_of(db, user_id)
    if is_signed_in:
        await verify(db, link, session_id=session_id)
    else:
        await verify(db, link, password="first")
    assert len(await api_tokens.list_for(db, user_id)) == (1 if is_signed_in else 0)


async def test_a_link_is_bad_when_forged_of_another_purpose_or_too_old(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    link = await link_of(db, user_id)
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
        await verify(db, link, password="first")


async def test_without_a_session_a_new_link_goes_to_the_newest_registrations(
    books: Books, db: Database
) -> None:
    made = [await register(db, str(number)) for number in range(5)]
    books.connection.execute("DELETE FROM mails")
    await registrations.resend_verification(db, EMAIL)
    assert {user_id for user_id, _ in await mails.due(db, 99)} == set(made[2:])
    books.connection.execute("DELETE FROM mails")
    await registrations.resend_verification(db, EMAIL, user_id=made[0])
    assert [user_id for user_id, _ in await mails.due(db, 99)] == [made[0]]


async def test_the_work_of_a_new_link_is_the_same_for_an_unknown_and_for_a_verified_address(
    books: Books, db: Database
) -> None:
    await registrations.resend_verification(db, "nobody@example.com")
    someone = books.join()
    await registrations.resend_verification(db, someone.email)
    assert topics(books) == ["nothing.happened"] * 2 * registrations.RESENT_AT_ONCE


async def test_a_registration_expires_with_its_newest_link_and_is_deleted(
    books: Books, db: Database
) -> None:
    user_id = await register(db)
    await sign_in(db, user_id)
    books.connection.execute(
        "UPDATE users SET registration_expires_at = registration_expires_at - interval '23 hours'"
    )
    await link_of(db, user_id)
    lives_as_long = books.connection.execute(
        "SELECT u.registration_expires_at = l.expires_at FROM users AS u "
        "JOIN links AS l ON l.user_id = u.id"
    ).fetchone()
    assert lives_as_long == (True,)
    assert (await retention.sweep(db))["registrations"] == 0

    verified = books.join()
    books.connection.execute(
        "UPDATE users SET registration_expires_at = now() WHERE id = %s", [user_id]
    )
    assert await accounts.credentials(db, EMAIL) == []
    assert (await retention.sweep(db))["registrations"] == 1
    assert set(rows_of(books, user_id).values()) == {0}
    assert books.connection.execute("SELECT id FROM users").fetchall() == [(verified.user_id,)]
    await books.assert_clean()


async def test_who_is_known_to_be_good_owns_the_address_at_once(books: Books, db: Database) -> None:
    await register(db)
    made = await asyncio.gather(
        *(
            registrations.register_verified(db, name="Demo", email=EMAIL, password_hash="demo")
            for _ in range(4)
        )
    )
    assert len(set(made)) == 1
    assert await accounts.user_id_by_email(db, EMAIL) == made[0]
    assert books.connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
    await books.assert_clean()
