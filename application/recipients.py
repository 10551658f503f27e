"""How operations name another user: by id, by a complete email address, or by handle."""

from __future__ import annotations

from uuid import UUID

from domain import errors
from domain.people import handles
from domain.people.accounts import clean_email
from domain.values import value
from persistence.engine.database import Database
from persistence.people import accounts
from persistence.people import handles as stored_handles


@value
class Email:
    """An email address as it was typed."""

    typed: str


@value
class Handle:
    """A handle as it was typed, with or without "@" in front."""

    typed: str


#: None stands for an id that is malformed.
Named = UUID | Email | Handle | None


async def resolve(
    db: Database, named: Named, field: str = "recipient"
) -> tuple[UUID | None, errors.DomainError]:
    """The user's id, and the refusal for when there is no such user: None if that is certain already.

    The refusal is InvalidInput for a malformed address in that field of the input, otherwise
    RecipientNotFound. An id is returned as it is, without looking for the user.
    """
    refusal: errors.DomainError = errors.RecipientNotFound()
    if isinstance(named, Email):
        try:
            email = clean_email(named.typed, (field, "email"))
        except errors.InvalidInput as invalid:
            return None, invalid
        return await accounts.user_id_by_email(db, email), refusal
    if isinstance(named, Handle):
        handle = handles.typed(named.typed)
        if not handles.is_handle(handle):
            return None, refusal
        return await stored_handles.user_id_by_handle(db, handle), refusal
    return named, refusal
