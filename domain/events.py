"""Events: the rows of the outbox and their recipients."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID


class Topic(enum.StrEnum):
    """The kinds of row in the outbox."""

    #: An entry was posted to a user's account ledger: `{"sequence": 7}`. With the number of the user's
    #: notification of it, if there is one: `{"sequence": 7, "notification_number": 3}`.
    TRANSACTION_POSTED = "transaction.posted"
    #: A user has a notification that no entry announces: `{"number": 4}`.
    NOTIFICATION_CREATED = "notification.created"
    #: A mail is to be sent: `{"mail_id": "…"}`.
    MAIL_REQUESTED = "mail.requested"
    #: Sessions or API tokens of a user have ended: `{"credential_ids": ["…"]}`.
    CREDENTIALS_ENDED = "credentials.ended"
    #: No event: written where a request about an unknown address must do the same work.
    NOTHING_HAPPENED = "nothing.happened"


@dataclass(frozen=True, slots=True)
class TransactionPosted:
    """An entry was posted to a user's account ledger."""

    sequence: int
    notification_number: int | None = None


@dataclass(frozen=True, slots=True)
class NotificationCreated:
    """A user has a new notification."""

    number: int


@dataclass(frozen=True, slots=True)
class MailRequested:
    """A mail is to be sent."""

    mail_id: UUID


@dataclass(frozen=True, slots=True)
class CredentialsEnded:
    """Sessions or API tokens of a user have ended."""

    credential_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class NothingHappened:
    """No event."""


Event = TransactionPosted | NotificationCreated | MailRequested | CredentialsEnded | NothingHappened


class Unreadable(Exception):
    """An event of another release, with an unknown topic or payload."""


def read(topic: str, payload: object) -> Event:
    """The event that a row of the outbox carries. Raises Unreadable."""
    try:
        return _read(topic, payload)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"topic {topic!r}") from error


def _read(topic: str, payload: object) -> Event:
    match topic, payload:
        case Topic.TRANSACTION_POSTED, {"sequence": int(sequence), **others}:
            number = others.get("notification_number")
            return TransactionPosted(_number(sequence), None if number is None else _number(number))
        case Topic.NOTIFICATION_CREATED, {"number": number}:
            return NotificationCreated(_number(number))
        case Topic.MAIL_REQUESTED, {"mail_id": mail_id}:
            return MailRequested(UUID(mail_id))
        case Topic.CREDENTIALS_ENDED, {"credential_ids": list(texts)}:
            return CredentialsEnded(tuple(UUID(text) for text in texts))
        case Topic.NOTHING_HAPPENED, {}:
            return NothingHappened()
        case _:
            raise ValueError("unknown")


def _number(number: object) -> int:
    """The number of an event of a stream."""
    if not isinstance(number, int) or not 0 < number < 2**63:
        raise ValueError("not a number")
    return number


def channel(user_id: object) -> str:
    """The Redis channel on which a user's hints are published."""
    return f"user:{user_id}"


def pusher_channel(credential_id: object) -> str:
    """The private Pusher channel of a session or an API token."""
    return f"private-wallet-{credential_id}"


#: The names of Pusher events.
PUSHER_TRANSACTION = "transaction.posted"
PUSHER_NOTIFICATION = "notification.created"
