"""Channels and events."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain import events


def test_each_user_and_each_credential_has_a_channel() -> None:
    user_id = UUID(int=7)
    assert events.channel(user_id) == "user:00000000-0000-0000-0000-000000000007"
    assert events.pusher_channel(user_id) == "private-wallet-00000000-0000-0000-0000-000000000007"


MAIL_ID = UUID(int=8)


@pytest.mark.parametrize(
    ("topic", "payload", "event"),
    [
        ("transaction.posted", {"sequence": 7}, events.TransactionPosted(7)),
        (
            "transaction.posted",
            {"sequence": 7, "notification_number": 3},
            events.TransactionPosted(7, notification_number=3),
        ),
        ("notification.created", {"number": 4}, events.NotificationCreated(4)),
        ("mail.requested", {"mail_id": str(MAIL_ID)}, events.MailRequested(MAIL_ID)),
        (
            "credentials.ended",
            {"credential_ids": [str(MAIL_ID)]},
            events.CredentialsEnded((MAIL_ID,)),
        ),
        ("nothing.happened", {}, events.NothingHappened()),
        # What a newer release adds to an event does not keep this one from reading the rest.
        ("transaction.posted", {"sequence": 7, "kind": "reversal"}, events.TransactionPosted(7)),
    ],
)
def test_events_are_read_as_they_were_announced(
    topic: str, payload: object, event: events.Event
) -> None:
    assert events.read(topic, payload) == event


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("request.opened", {"sequence": 7}),
        ("transaction.posted", None),
        ("transaction.posted", {"sequence": 0}),
        ("transaction.posted", {"sequence": 2**63}),
        ("transaction.posted", {"sequence": "7"}),
        ("transaction.posted", {"sequence": 7, "notification_number": 0}),
        ("transaction.posted", {"sequence": 7, "notification_number": "3"}),
        ("notification.created", {"number": 0}),
        ("notification.created", {"number": 2**63}),
        ("notification.created", {}),
        ("mail.requested", {"mail_id": 7}),
        ("mail.requested", {"mail_id": "seven"}),
        ("credentials.ended", {"credential_ids": str(MAIL_ID)}),
        ("credentials.ended", {"credential_ids": [7]}),
        ("nothing.happened", []),
    ],
)
def test_what_another_release_announced_is_unreadable(topic: str, payload: object) -> None:
    with pytest.raises(events.Unreadable):
        events.read(topic, payload)
