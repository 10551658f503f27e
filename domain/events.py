"""What has happened, in the past tense: what the outbox carries and who is told."""

from __future__ import annotations

import enum


class Topic(enum.StrEnum):
    """The kinds of row in the outbox."""

    #: A line was added to a person's book: `{"sequence": 7}`.
    TRANSACTION_POSTED = "transaction.posted"
    #: A mail is to be sent: `{"mail_id": "…"}`.
    MAIL_REQUESTED = "mail.requested"
    #: Sessions or API tokens of a person have ended: `{"credential_ids": ["…"]}`.
    CREDENTIALS_ENDED = "credentials.ended"
    #: Nobody is told: it stands where a request about an unknown address does the same work.
    NOTHING_HAPPENED = "nothing.happened"


def channel(user_id: object) -> str:
    """The Redis channel on which a person's hints are published."""
    return f"user:{user_id}"


def pusher_channel(user_id: object) -> str:
    """The private Pusher channel of a person."""
    return f"private-user-{user_id}"


PUSHER_EVENT = "transaction.posted"
