"""Requesting the mail of a notification, as an effect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.ledger.decisions import Effect
from domain.notifications.notices import Notice, Notification
from domain.people.accounts import MailPurpose
from domain.values import value


@value
class RequestMail(Effect):
    """Request a mail to a user whose address is verified."""

    user_id: UUID
    purpose: MailPurpose
    #: Facts for the mail template; never a secret.
    details: Mapping[str, Any]
    requested_at: datetime

    @classmethod
    def of(cls, notice: Notice, notification: Notification) -> RequestMail:
        """The mail of a notification."""
        mail = notification.mail_of(notice)
        return cls(notice.user_id, mail.purpose, mail.details, notification.created_at)
