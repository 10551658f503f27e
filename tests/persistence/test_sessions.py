"""Sessions and API tokens: how they begin, continue and end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from domain import errors, ids
from domain.people import sessions
from domain.people.sessions import NamedSecret, Principal, RefreshToken, Scope
from persistence.engine.database import Database
from persistence.people import api_tokens, credentials, sign_ins
from persistence.people import sessions as stored
from tests import locks
from tests.books import Books, Someone
from tests.waiting import until

pytestmark = pytest.mark.anyio

SECRETS = ("the secret that signs", "the one before it")


async def begin(
    db: Database, someone: Someone, secret: str = SECRETS[0]
) -> tuple[RefreshToken, str]:
    token = sessions.first_refresh_token(someone.user_id, ids.new_id())
    text = token.render(secret)
    new = sign_ins.NewSession(token, text, "x" * 600, "127.0.0.1", is_known=True)
    await sign_ins.begin(db, new, password_hash="-")
    return token, text


async def refresh(
    db: Database, token: RefreshToken, text: str, jwt_secrets: tuple[str, ...] = SECRETS
) -> tuple[RefreshToken, str]:
    refreshed = await stored.refresh(db, token, text, jwt_secrets=jwt_secrets)
    return refreshed.token, refreshed.token_text


async def is_active(db: Database, token: RefreshToken) -> bool:
    return not await credentials.ended(db, [(token.user_id, token.session_id)])


async def test_a_session_begins_only_with_the_password_that_was_verified(
    books: Books, db: Database
) -> None:
    someone = books.join()
    token = sessions.first_refresh_token(someone.user_id, ids.new_id())
    new = sign_ins.NewSession(token, "x", None, None, is_known=True)
    with pytest.raises(errors.InvalidCredentials):
        await sign_ins.begin(db, new, password_hash="changed meanwhile")
    assert len(await stored.list_for(db, someone.user_id)) == 1


async def test_a_refresh_token_is_replaced_at_each_use(books: Books, db: Database) -> None:
    newest = await begin(db, books.join())
    for generation in range(2, 5):
        newest = await refresh(db, *newest)
        assert newest[0].generation == generation
    assert await is_active(db, newest[0])


async def test_many_tabs_refreshing_at_once_get_the_same_successor(
    books: Books, db: Database
) -> None:
    first = await begin(db, books.join())
    answers = await asyncio.gather(*(refresh(db, *first) for _ in range(6)))
    assert len({text for _, text in answers}) == 1
    assert await refresh(db, *first) == answers[0]
    assert await is_active(db, first[0])


async def test_the_one_before_the_newest_ends_the_session_when_it_comes_late(
    books: Books, db: Database
) -> None:
    first = await begin(db, books.join())
    newest = await refresh(db, *first)
    books.connection.execute("UPDATE sessions SET rotated_at = rotated_at - interval '31 seconds'")
    with pytest.raises(errors.InvalidToken):
        await refresh(db, *first)
    assert not await is_active(db, first[0])
    with pytest.raises(errors.InvalidToken):
        await refresh(db, *newest)
    told = books.connection.execute("SELECT topic, payload FROM outbox").fetchall()
    assert told == [("credentials.ended", {"credential_ids": [str(first[0].session_id)]})]


async def test_an_older_one_ends_the_session_at_once(books: Books, db: Database) -> None:
    first = await begin(db, books.join())
    await refresh(db, *(await refresh(db, *first)))
    with pytest.raises(errors.InvalidToken):
        await refresh(db, *first)
    assert not await is_active(db, first[0])


async def test_a_token_of_the_right_number_that_we_never_gave_out_ends_the_session(
    books: Books, db: Database
) -> None:
    token, _ = await begin(db, books.join())
    with pytest.raises(errors.InvalidToken):
        await refresh(db, token, "another")
    assert not await is_active(db, token)


async def test_a_repeat_answers_the_same_after_the_secrets_were_rotated(
    books: Books, db: Database
) -> None:
    old, new = SECRETS[1], SECRETS[0]
    first = await begin(db, books.join(), secret=old)
    newest = await refresh(db, *first, jwt_secrets=(old,))
    assert await refresh(db, *first, jwt_secrets=(new, old)) == newest
    after, after_text = await refresh(db, *newest, jwt_secrets=(new, old))
    assert sessions.read_refresh_token(after_text, [new]) == after


async def test_a_session_left_alone_for_thirty_days_is_over(books: Books, db: Database) -> None:
    token, text = await begin(db, books.join())
    books.connection.execute("UPDATE sessions SET rotated_at = rotated_at - interval '30 days'")
    assert not await is_active(db, token)
    assert await stored.list_for(db, token.user_id) == []
    with pytest.raises(errors.InvalidToken):
        await refresh(db, token, text)


async def test_a_session_is_over_after_180_days_however_often_it_is_refreshed(
    books: Books, db: Database
) -> None:
    token, text = await begin(db, books.join())
    books.connection.execute(
        "UPDATE sessions SET created_at = now() - interval '180 days' + interval '1 minute'"
    )
    token, text = await refresh(db, token, text)
    assert await is_active(db, token)
    books.connection.execute("UPDATE sessions SET created_at = now() - interval '180 days'")
    assert not await is_active(db, token)
    assert await stored.list_for(db, token.user_id) == []
    with pytest.raises(errors.InvalidToken):
        await refresh(db, token, text)


async def test_past_the_most_sessions_the_one_longest_unused_ends(
    books: Books, db: Database
) -> None:
    someone = books.join()
    for number in range(stored.MAXIMUM_SESSIONS):
        books.connection.execute(
            "INSERT INTO sessions (user_id, id, created_at, last_used_at, generation, refresh_hash, "
            "rotated_at) VALUES (%s, %s, now(), now() + make_interval(secs => %s), 1, %s, now())",
            [someone.user_id, ids.new_id(), 1 + number, bytes(32)],
        )
    await begin(db, someone)
    listed = await stored.list_for(db, someone.user_id)
    assert len(listed) == stored.MAXIMUM_SESSIONS
    assert someone.session_id not in {session.session_id for session in listed}
    assert all(len(session.user_agent or "") <= 500 for session in listed)


async def test_ending_is_of_ones_own_and_once(books: Books, db: Database) -> None:
    alpha, beta = books.join(), books.join()
    other = (await begin(db, beta))[0].session_id
    assert not await stored.end(db, alpha.principal, beta.session_id)
    assert await stored.end(db, beta.principal, other)
    assert not await stored.end(db, beta.principal, other)
    for _ in range(3):
        await begin(db, alpha)
    assert await stored.end_all(db, alpha.principal) == 4
    assert await stored.list_for(db, alpha.user_id) == []


async def test_an_ended_session_ends_no_other(books: Books, db: Database) -> None:
    someone = books.join()
    other = (await begin(db, someone))[0]
    assert await stored.end(db, someone.principal, someone.session_id)
    for ending in (
        stored.end(db, someone.principal, other.session_id),
        stored.end_all(db, someone.principal),
        stored.end(db, Principal(ids.new_id(), session_id=other.session_id), other.session_id),
    ):
        with pytest.raises(errors.Unauthenticated):
            await ending
    assert await is_active(db, other)


async def test_what_has_ended_is_asked_for_many_at_once_each_with_its_user(
    books: Books, db: Database
) -> None:
    alpha, beta = books.join(), books.join()
    token, _ = await create(db, alpha.principal)
    asked = [
        (alpha.user_id, alpha.session_id),
        (alpha.user_id, token.api_token_id),
        (alpha.user_id, beta.session_id),
        (beta.user_id, token.api_token_id),
        (ids.new_id(), ids.new_id()),
    ]
    assert await credentials.ended(db, asked) == set(asked[2:])
    assert await credentials.ended(db, []) == set()


async def test_use_is_noted_at_most_once_a_minute(books: Books, db: Database) -> None:
    someone = books.join()
    token, _ = await create(db, someone.principal)
    books.connection.execute("UPDATE sessions SET last_used_at = now() - interval '61 seconds'")
    asked = [(someone.user_id, someone.session_id), (someone.user_id, token.api_token_id)]
    await credentials.touch(db, asked)
    before = noted(books)
    assert None not in before
    await credentials.touch(db, asked)
    await credentials.touch(db, [])
    assert noted(books) == before


async def test_use_is_noted_in_one_order_whatever_order_a_process_knows(
    books: Books, db: Database
) -> None:
    people = {each.user_id: each for each in [books.join() for _ in range(3)]}
    together = locks.on_one_node(books.connection, [*people])
    first, *others = [
        (people[user_id].user_id, people[user_id].session_id)  # type: ignore[index]
        for user_id in locks.in_order(books.connection, together)
    ]
    assert others
    books.connection.execute("UPDATE sessions SET last_used_at = now() - interval '61 seconds'")
    with psycopg.connect(books.url) as holding:
        holding.execute("SELECT FROM sessions WHERE user_id = %s AND id = %s FOR UPDATE", first)
        noting = asyncio.create_task(credentials.touch(db, [*others, first]))
        await until(lambda: locks.waiting(books.connection))
        for other in others:
            books.connection.execute(
                "SELECT FROM sessions WHERE user_id = %s AND id = %s FOR UPDATE NOWAIT", other
            )
    await noting
    assert None not in noted(books)


def noted(books: Books) -> list[object]:
    rows = books.connection.execute(
        "SELECT last_used_at FROM sessions UNION ALL SELECT last_used_at FROM api_tokens"
    ).fetchall()
    return [row[0] for row in rows]


# ================================================================ API tokens


async def create(
    db: Database, caller: Principal, expires_at: datetime | None = None
) -> tuple[sessions.ApiToken, NamedSecret]:
    token, text = await api_tokens.create(
        db,
        caller,
        name="till",
        scopes={Scope.SEND_MONEY, Scope.READ_PROFILE},
        daily_limit_minor=500,
        expires_at=expires_at,
    )
    secret = sessions.read_api_token(text)
    assert secret is not None
    return token, secret


async def test_an_api_token_is_known_by_its_secret_alone(books: Books, db: Database) -> None:
    someone = books.join()
    token, secret = await create(db, someone.principal)
    principal = await api_tokens.authenticate(db, secret)
    assert principal.user_id == someone.user_id
    assert principal.api_token_id == token.api_token_id
    assert principal.scopes == {Scope.SEND_MONEY, Scope.READ_PROFILE}
    assert token.daily_limit_minor == 500
    stored_hashes = books.connection.execute("SELECT secret_hash FROM api_tokens").fetchall()
    assert stored_hashes == [(sessions.hash_secret(secret.text),)]
    for wrong in (
        NamedSecret(secret.user_id, secret.row_id, secret.text + "x"),
        NamedSecret(ids.new_id(), secret.row_id, secret.text),
        NamedSecret(secret.user_id, ids.new_id(), secret.text),
    ):
        with pytest.raises(errors.Unauthenticated):
            await api_tokens.authenticate(db, wrong)


async def test_a_revoked_or_expired_api_token_is_known_no_more(books: Books, db: Database) -> None:
    someone = books.join()
    token, secret = await create(db, someone.principal)
    with pytest.raises(errors.NotFound):
        await api_tokens.revoke(db, books.join().principal, token.api_token_id)
    assert (await api_tokens.revoke(db, someone.principal, token.api_token_id)).name == "till"
    with pytest.raises(errors.NotFound):
        await api_tokens.revoke(db, someone.principal, token.api_token_id)
    expired, other = await create(db, someone.principal, datetime.now(UTC) + timedelta(hours=1))
    assert (await api_tokens.authenticate(db, other)).expires_at == expired.expires_at
    assert [t.api_token_id for t in await api_tokens.list_for(db, someone.user_id)] == [
        expired.api_token_id
    ]
    books.connection.execute("UPDATE api_tokens SET expires_at = now()")
    with pytest.raises(errors.Unauthenticated) as refusal:
        await api_tokens.authenticate(db, secret)
    assert not isinstance(refusal.value, sessions.TokenExpired)
    with pytest.raises(sessions.TokenExpired):
        await api_tokens.authenticate(db, other)
    assert await api_tokens.list_for(db, someone.user_id) == []


async def test_a_user_has_at_most_fifty_api_tokens(books: Books, db: Database) -> None:
    someone = books.join()
    for _ in range(48):
        await create(db, someone.principal)
    outcomes = await asyncio.gather(
        *(create(db, someone.principal) for _ in range(4)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, errors.InvalidInput)]
    assert len(refused) == 2
    assert len(await api_tokens.list_for(db, someone.user_id)) == 50
