"""Mails: which are due, and what became of each try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.accounts import MailPurpose, Person
from persistence.database import Database


@dataclass(frozen=True, slots=True)
class MailToSend:
    """A mail that this worker has in hand."""

    person: Person
    purpose: MailPurpose
    mail_id: UUID
    first_created_at: datetime
    #: Tries that ended in a refusal so far.
    refusals: int


async def take(
    db: Database, user_id: UUID, mail_id: UUID, *, lease_seconds: float = 120
) -> MailToSend | None:
    raise NotImplementedError


async def add_link(db: Database, mail: MailToSend, *, token_hash: bytes, link_id: UUID) -> bool:
    raise NotImplementedError


async def sent(db: Database, mail: MailToSend) -> None:
    raise NotImplementedError


async def refused(db: Database, mail: MailToSend, *, permanent: bool, error: str) -> None:
    raise NotImplementedError


async def unreachable(db: Database, mail: MailToSend, *, error: str) -> None:
    raise NotImplementedError


async def due(db: Database, limit: int) -> list[tuple[UUID, UUID]]:
    raise NotImplementedError


async def counts(db: Database) -> dict[str, int]:
    raise NotImplementedError


async def retry_failed(db: Database) -> int:
    raise NotImplementedError
