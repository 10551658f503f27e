"""Ending a credential takes the same lock as a transfer: the first to get it takes effect first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from domain import errors, ids
from domain.authority import ApiToken, Session
from domain.people import sessions
from domain.people.accounts import MailPurpose
from domain.people.sessions import Principal, RefreshToken, Scope
from persistence.people import accounts, api_tokens, sign_ins
from persistence.people import sessions as stored_sessions
from tests import books as test_books
from tests import locks
from tests.books import Books, Someone, sending
from tests.waiting import until

pytestmark = pytest.mark.anyio

SECRET = "a secret that signs, 32 bytes or more"


@dataclass
class Case:
    """Somebody with a session and an API token, a moment before one of them ends."""

    books: Books
    alpha: Someone
    beta: Someone
    token: sessions.ApiToken
    refresh_token: RefreshToken

    @property
    def by_session(self) -> Any:
        return replace(
            sending(self.alpha, self.beta),
            authority=Session(self.alpha.user_id, self.refresh_token.session_id),
        )

    @property
    def by_token(self) -> Any:
        return replace(
            sending(self.alpha, self.beta),
            authority=ApiToken(self.alpha.user_id, self.token.api_token_id),
        )


async def begin(books: Books, someone: Someone) -> RefreshToken:
    token = sessions.first_refresh_token(someone.user_id, ids.new_id())
    new = sign_ins.NewSession(token, token.render(SECRET), None, None, is_known=True)
    await sign_ins.begin(books.database, new, password_hash="-")
    return token


async def case_of(books: Books) -> Case:
    alpha, beta = await books.pair()
    token, _ = await api_tokens.create(
        books.database, alpha.principal, name="till", scopes=[Scope.SEND_MONEY],
        daily_limit_minor=None, expires_at=None,
    )  # fmt: skip
    return Case(books, alpha, beta, token, await begin(books, alpha))


async def log_out(case: Case) -> None:
    session_id = case.refresh_token.session_id
    await stored_sessions.end(case.books.database, case.alpha.principal, session_id)


async def log_out_everywhere(case: Case) -> None:
    await stored_sessions.end_all(case.books.database, case.alpha.principal)


async def revoke_token(case: Case) -> None:
    await api_tokens.revoke(case.books.database, case.alpha.principal, case.token.api_token_id)


async def change_password(case: Case) -> None:
    await accounts.change_password(
        case.books.database, case.alpha.principal, old_hash="-", password_hash="new",
        revoke_api_tokens=True,
    )  # fmt: skip


async def reset_password(case: Case) -> None:
    link_id = ids.new_id()
    text = sessions.new_link_token(case.alpha.user_id, link_id)
    case.books.connection.execute(
        "INSERT INTO links (user_id, id, purpose, token_hash, created_at, expires_at) "
        "VALUES (%s, %s, %s, %s, now(), now() + interval '30 minutes')",
        [case.alpha.user_id, link_id, MailPurpose.RESET_PASSWORD.value, sessions.hash_secret(text)],
    )
    link = sessions.read_link_token(text)
    assert link is not None
    await accounts.reset_password(case.books.database, link, password_hash="new")


async def reuse_a_refresh_token(case: Case) -> None:
    token = case.refresh_token
    case.books.connection.execute(
        "UPDATE sessions SET generation = 3, previous_refresh_hash = %s WHERE id = %s",
        [bytes(32), token.session_id],
    )
    with suppress(errors.InvalidToken):
        await stored_sessions.refresh(
            case.books.database, token, token.render(SECRET), jwt_secrets=[SECRET]
        )


async def begin_a_session_too_many(case: Case) -> None:
    case.books.connection.execute(
        "INSERT INTO sessions (user_id, id, created_at, last_used_at, generation, refresh_hash, "
        "rotated_at) SELECT %s, gen_random_uuid(), now(), now() + make_interval(secs => n), 1, %s, "
        "now() FROM generate_series(1, %s) AS n",
        [case.alpha.user_id, bytes(32), stored_sessions.MAXIMUM_SESSIONS],
    )
    await begin(case.books, case.alpha)


Ending = Callable[[Case], Awaitable[None]]
OF_SESSIONS: list[Ending] = [
    log_out,
    log_out_everywhere,
    change_password,
    reset_password,
    reuse_a_refresh_token,
    begin_a_session_too_many,
]


async def refused_behind(books: Books, case: Case, ending: Ending, command: Any) -> None:
    """The ending waits for the row of the owner, and the transfer behind it is refused."""
    with psycopg.connect(books.url) as holding:
        holding.execute("SELECT FROM lock_accounts(%s)", [[case.alpha.user_id]])
        ends = asyncio.create_task(ending(case))  # type: ignore[arg-type]
        await until(lambda: locks.waiting(books.connection) == 1)
        moves = asyncio.create_task(books.ledger.move(command))
        await until(lambda: locks.waiting(books.connection) == 2)
    await ends
    with pytest.raises(errors.Unauthenticated):
        await moves
    assert books.balances(case.alpha, case.beta) == [1000, 0]


@pytest.mark.parametrize("ending", OF_SESSIONS, ids=lambda ending: ending.__name__)
async def test_a_transfer_that_waits_while_its_session_ends_moves_nothing(
    books: Books, ending: Ending
) -> None:
    case = await case_of(books)
    await refused_behind(books, case, ending, case.by_session)


@pytest.mark.parametrize(
    "ending", [revoke_token, change_password, reset_password], ids=lambda ending: ending.__name__
)
async def test_a_transfer_that_waits_while_its_api_token_ends_moves_nothing(
    books: Books, ending: Ending
) -> None:
    case = await case_of(books)
    await refused_behind(books, case, ending, case.by_token)


async def test_a_transfer_that_waits_while_its_api_token_expires_moves_nothing(
    books: Books,
) -> None:
    case = await case_of(books)
    with psycopg.connect(books.url) as holding:
        holding.execute("SELECT FROM lock_accounts(%s)", [[case.alpha.user_id]])
        moves = asyncio.create_task(books.ledger.move(case.by_token))
        await until(lambda: locks.waiting(books.connection) == 1)
        clock = holding.execute("SELECT clock_timestamp()").fetchone()
        holding.execute("UPDATE api_tokens SET expires_at = %s", clock)
    with pytest.raises(errors.Unauthenticated):
        await moves
    assert books.balances(case.alpha, case.beta) == [1000, 0]


async def test_a_stricter_default_of_the_database_changes_none_of_it(
    books: Books, admin_database_url: str
) -> None:
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        [(name,)] = admin.execute("SELECT current_database()").fetchall()
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable')
    with psycopg.connect(books.url) as connection:
        [(level,)] = connection.execute("SHOW transaction_isolation").fetchall()
        assert level == "serializable"
    async with test_books.opened(books.url) as strict:
        case = await case_of(strict)
        await refused_behind(strict, case, log_out, case.by_session)
        case = await case_of(strict)
        await refused_behind(strict, case, revoke_token, case.by_token)


@pytest.mark.parametrize("ending", OF_SESSIONS, ids=lambda ending: ending.__name__)
async def test_an_api_token_that_waits_to_be_created_while_the_session_ends_is_not(
    books: Books, ending: Ending
) -> None:
    case = await case_of(books)
    caller = Principal(case.alpha.user_id, session_id=case.refresh_token.session_id)
    with psycopg.connect(books.url) as holding:
        holding.execute("SELECT FROM lock_accounts(%s)", [[case.alpha.user_id]])
        ends = asyncio.create_task(ending(case))  # type: ignore[arg-type]
        await until(lambda: locks.waiting(books.connection) == 1)
        creates = asyncio.create_task(
            api_tokens.create(
                books.database, caller, name="thief", scopes=[Scope.SEND_MONEY],
                daily_limit_minor=None, expires_at=None,
            )
        )  # fmt: skip
        await until(lambda: locks.waiting(books.connection) == 2)
    await ends
    with pytest.raises(errors.Unauthenticated):
        await creates
    names = {token.name for token in await api_tokens.list_for(books.database, caller.user_id)}
    assert "thief" not in names
