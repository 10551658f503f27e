"""People: registering, verifying, passwords and profiles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from domain.accounts import MailPurpose, Person
from domain.sessions import NamedSecret
from persistence.database import Database


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signing in is checked against."""

    user_id: UUID
    password_hash: str


async def register(db: Database, *, name: str, email: str, password_hash: str) -> None:
    raise NotImplementedError


async def resend_verification(db: Database, email: str) -> None:
    raise NotImplementedError


async def verify_email(db: Database, token: NamedSecret, *, keep_session_id: UUID | None) -> str:
    raise NotImplementedError


async def credentials(db: Database, email: str) -> Credentials | None:
    raise NotImplementedError


async def password_hash(db: Database, user_id: UUID) -> str:
    raise NotImplementedError


async def request_password_reset(db: Database, email: str) -> None:
    raise NotImplementedError


async def is_link_good(db: Database, token: NamedSecret, purpose: MailPurpose) -> bool:
    raise NotImplementedError


async def reset_password(db: Database, token: NamedSecret, *, password_hash: str) -> int:
    raise NotImplementedError


async def change_password(
    db: Database, user_id: UUID, *, old_hash: str, password_hash: str, keep_session_id: UUID | None
) -> int:
    raise NotImplementedError


async def update_profile(db: Database, user_id: UUID, *, name: str) -> Person:
    raise NotImplementedError


async def person(db: Database, user_id: UUID) -> Person | None:
    raise NotImplementedError


async def people(db: Database, user_ids: Collection[UUID]) -> dict[UUID, Person]:
    raise NotImplementedError


async def user_id_by_email(db: Database, email: str) -> UUID | None:
    raise NotImplementedError
