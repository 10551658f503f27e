"""Notices, which get a number, and notifications, which have one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.notifications.notification_kinds import NotificationKind
from domain.people.accounts import MailPurpose
from domain.values import value


@value
class Mail:
    """A mail with a template of its own, for a notification that has one."""

    purpose: MailPurpose
    #: Facts for the mail template; never a secret.
    details: Mapping[str, Any] = field(default_factory=dict)


@value
class Notice:
    """What a user is to be told of; it gets its number under the user's lock."""

    user_id: UUID
    kind: NotificationKind
    #: The entry of the user's own ledger that it is about.
    sequence: int | None = None
    #: The other user that it is about, who is named as they are when it is read.
    person_id: UUID | None = None
    #: What else it is about: of which type depends on the kind.
    subject_id: UUID | None = None
    #: Facts for the message, as JSON; never a secret.
    details: Mapping[str, Any] | None = None
    #: What is mailed if the kind is; None is the message itself.
    mail: Mail | None = None


@value
class Notification:
    """A notice with its number."""

    user_id: UUID
    number: int
    kind: NotificationKind
    created_at: datetime
    sequence: int | None = None
    person_id: UUID | None = None
    subject_id: UUID | None = None
    details: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, notice: Notice, number: int, created_at: datetime) -> Notification:
        """The notice under that number."""
        return cls(
            notice.user_id,
            number,
            notice.kind,
            created_at,
            notice.sequence,
            notice.person_id,
            notice.subject_id,
            notice.details,
        )

    def mail_of(self, notice: Notice) -> Mail:
        """What is mailed of it, if its kind is mailed to the user."""
        return notice.mail or Mail(MailPurpose.NOTIFICATION, {"number": self.number})
