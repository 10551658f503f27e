"""The users of a run: verified, without money, with a session and an access token each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from domain import ids
from domain.people import sessions
from domain.people.sessions import Principal
from settings import Settings

TOKEN_LIFETIME = timedelta(hours=12)

# Notifications are not mailed: the mail catcher has no room for so many.
_USERS = """
INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash, mailed_notifications)
SELECT id, name, lower(name), email, now(), '-', '{}'
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS given (id, name, email)
"""
_ADDRESSES = "INSERT INTO email_addresses (address, user_id) SELECT email, id FROM users"
_SESSIONS = """
INSERT INTO sessions (user_id, id, created_at, last_used_at, generation, refresh_hash, rotated_at)
SELECT id, id, now(), now(), 1, sha256(id::text::bytea), now() FROM users
"""


@dataclass(frozen=True, slots=True)
class User:
    """A user and an access token."""

    user_id: UUID
    email: str
    token: str

    @property
    def global_id(self) -> str:
        return ids.global_id("User", self.user_id)


def create(database_url: str, settings: Settings, addresses: list[str]) -> list[User]:
    """Create a user for each address."""
    users = [_person(settings, address) for address in addresses]
    names = [f"User {number}" for number in range(1, len(users) + 1)]
    with psycopg.connect(database_url) as connection:
        connection.execute(_USERS, [[p.user_id for p in users], names, addresses])
        connection.execute(_ADDRESSES)
        connection.execute(_SESSIONS)
    return users


def _person(settings: Settings, address: str) -> User:
    user_id = ids.new_id()
    token, _ = sessions.issue_access_token(
        Principal(user_id, session_id=user_id),
        issuer=settings.app_url,
        secret=settings.jwt_secrets[0],
        lifetime=TOKEN_LIFETIME,
        now=datetime.now(UTC),
    )
    return User(user_id, address, token)
