"""Which credentials are active, queried for one, for many, and by user."""

from __future__ import annotations

import pytest

from domain import ids
from domain.people.sessions import Scope
from persistence.engine.database import Database
from persistence.people import api_tokens, credentials
from tests.books import Books

pytestmark = pytest.mark.anyio


async def test_the_active_credentials_of_users_are_their_sessions_and_api_tokens(
    books: Books, db: Database
) -> None:
    alpha, beta, nobody = books.join(), books.join(), ids.new_id()
    token, _ = await api_tokens.create(
        db, alpha.principal, name="till", scopes=[Scope.READ_PROFILE], daily_limit_minor=None,
        expires_at=None,
    )  # fmt: skip
    assert await credentials.active_of(db, [alpha.user_id, beta.user_id, nobody]) == {
        alpha.user_id: sorted([alpha.session_id, token.api_token_id]),
        beta.user_id: [beta.session_id],
        nobody: [],
    }
    assert await credentials.active_of(db, []) == {}


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE sessions SET ended_at = now()",
        "UPDATE sessions SET rotated_at = now() - interval '30 days'",
        "UPDATE sessions SET created_at = now() - interval '180 days'",
        "UPDATE api_tokens SET revoked_at = now()",
        "UPDATE api_tokens SET expires_at = now()",
        "UPDATE users SET closed_at = now()",
    ],
)
async def test_what_has_ended_is_in_no_answer(books: Books, db: Database, ending: str) -> None:
    someone = books.join()
    token, _ = await api_tokens.create(
        db, someone.principal, name="till", scopes=[Scope.READ_PROFILE], daily_limit_minor=None,
        expires_at=None,
    )  # fmt: skip
    both = {someone.session_id, token.api_token_id}
    books.connection.execute(ending.encode())
    active = set((await credentials.active_of(db, [someone.user_id]))[someone.user_id])
    ended = await credentials.ended(db, [(someone.user_id, each) for each in both])
    assert len(active) < 2
    assert {credential_id for _, credential_id in ended} == both - active
