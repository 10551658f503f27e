"""Hints, which relays publish to the processes that subscribe to a user: events as JSON.

A hint says where to look, never what is there: anything that can write to Redis can send one, so
receivers always read the database.
"""

from __future__ import annotations

import orjson

from domain import events

#: The user may have an entry or a notification of that number, or those credentials may have ended.
Hint = events.TransactionPosted | events.NotificationCreated | events.CredentialsEnded
_TOPICS = {
    events.TransactionPosted: events.Topic.TRANSACTION_POSTED,
    events.NotificationCreated: events.Topic.NOTIFICATION_CREATED,
    events.CredentialsEnded: events.Topic.CREDENTIALS_ENDED,
}


def encode(hint: Hint) -> bytes:
    """The hint as JSON."""
    # The fields of an event are those of its payload.
    return orjson.dumps({"topic": _TOPICS[type(hint)], "payload": hint})


def decode(data: bytes) -> Hint | None:
    """The hint; None for data that `encode` of this release did not write."""
    try:
        fields = orjson.loads(data)
        event = events.read(fields["topic"], fields["payload"])
    except (ValueError, KeyError, TypeError, events.Unreadable):
        return None
    return event if isinstance(event, Hint) else None
