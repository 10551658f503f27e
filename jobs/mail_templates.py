"""The mails of the service, rendered from their templates as HTML and as plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from domain.ledger import money
from domain.notifications import notification_kinds
from domain.notifications.notification_kinds import NotificationKind
from domain.notifications.views import View
from domain.people.accounts import LINK_LIFETIMES, MailPurpose, Person
from domain.people.sessions import Scope

_SUBJECTS = {
    MailPurpose.VERIFY_EMAIL: "Verify your email address",
    MailPurpose.RESET_PASSWORD: "Choose a new password",
    MailPurpose.PASSWORD_CHANGED: "Your password was changed",
    MailPurpose.ADDRESS_TAKEN: "You already have a wallet with this address",
    MailPurpose.API_TOKEN_CREATED: "An API token was created for your wallet",
    MailPurpose.ACCOUNT_CLOSED: "Your account was closed",
    MailPurpose.BALANCE_SHORT: "A balance does not cover a refund or a dispute",
    MailPurpose.NEW_SIGN_IN: notification_kinds.RULES[NotificationKind.NEW_SIGN_IN].mail_subject,
}
#: Of the notification whose message the mail is.
_NOTIFICATION_NUMBER = "number"
_SCOPES = {
    Scope.READ_PROFILE: "see your profile",
    Scope.READ_TRANSACTIONS: "see your balance and transactions",
    Scope.SEARCH_USERS: "search for users",
    Scope.ADD_BALANCE: "add money",
    Scope.SEND_MONEY: "send money",
    Scope.REQUEST_MONEY: "request money",
    Scope.SCHEDULE_TRANSFERS: "manage scheduled transfers",
    Scope.MANAGE_WEBHOOKS: "manage its webhooks",
}
_PAGES = {
    MailPurpose.VERIFY_EMAIL: "verify-email",
    MailPurpose.RESET_PASSWORD: "reset-password",
    MailPurpose.NEW_SIGN_IN: "report-sign-in",
}

#: Where the web client shows what notifications of a kind are about; the others lead to its first page.
_SUBJECT_PAGES = {
    **dict.fromkeys(notification_kinds.OF_REQUESTS, "requests"),
    NotificationKind.SCHEDULED_TRANSFER_SENT: "scheduled",
    NotificationKind.SCHEDULED_TRANSFER_FAILED: "scheduled",
    NotificationKind.WEBHOOK_DISABLED: "settings/webhooks",
}

#: Characters at which mail programs recognise a link, such as the dot in "evil.example".
_LINKABLE = re.compile(r"[.:/@](?=\S)")
#: The same in a User-Agent, whose versions and slashes stay readable.
_LINKABLE_DEVICE = re.compile(r"[.@](?=[^\W\d])|[:/](?=/)")

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail's subject and its two parts."""

    subject: str
    text: str
    html: str


class UnreadableDetails(Exception):
    """This release cannot read the details that the mail was requested with: another one wrote them."""


def render(
    purpose: MailPurpose,
    person: Person,
    *,
    app_url: str,
    token: str | None,
    currency: money.Currency,
    details: Mapping[str, Any],
    notification: View | None = None,
) -> RenderedMail:
    """The mail to that user. `token` is for purposes with a link; `details` are from the request.

    `notification` is for the purpose NOTIFICATION: what `notification_number` of the details names.

    The name of an unverified account may be a message to a stranger. Only the verification mail contains
    it, to tell registrations apart, and without anything that mail programs turn into a link. Raises
    UnreadableDetails.
    """
    subject = _subject(purpose, notification)
    words = {
        "subject": subject,
        "name": person.name if person.email_verified_at is not None else None,
        "registered_name": _without_links(person.name),
        "email": person.email,
        "app_url": app_url,
        "link": f"{app_url}/{_PAGES[purpose]}#token={token}" if token is not None else None,
        "lifetime": _lifetime(purpose),
        **_facts_or_unreadable(purpose, details, currency),
        **({} if notification is None else _of_notification(notification, currency)),
    }
    return RenderedMail(
        subject=subject,
        text=_environment.get_template(f"{purpose.value}.txt").render(words).strip() + "\n",
        html=_environment.get_template(f"{purpose.value}.html").render(words),
    )


def _without_links(name: str) -> str:
    """The text without anything that mail programs turn into a link."""
    return _LINKABLE.sub(r"\g<0> ", name)


def notification_number(purpose: MailPurpose, details: Mapping[str, Any]) -> int | None:
    """The number of the notification that `render` needs; None if it needs none.

    Raises UnreadableDetails.
    """
    if purpose is not MailPurpose.NOTIFICATION:
        return None
    number = details.get(_NOTIFICATION_NUMBER)
    if not isinstance(number, int):
        raise UnreadableDetails("no number of a notification")
    return number


def _subject(purpose: MailPurpose, notification: View | None) -> str:
    if purpose is not MailPurpose.NOTIFICATION:
        return _SUBJECTS[purpose]
    if notification is None:
        raise UnreadableDetails("the notification is missing, or of another release")
    return notification_kinds.RULES[notification.notification.kind].mail_subject


def _of_notification(notification: View, currency: money.Currency) -> dict[str, Any]:
    """The values of the templates of a notification."""
    return {
        "message": notification.message(currency, written=_without_links),
        "page": _SUBJECT_PAGES.get(notification.notification.kind, ""),
        "is_optional": notification.notification.kind not in notification_kinds.ALWAYS_MAILED,
    }


def _facts_or_unreadable(
    purpose: MailPurpose, details: Mapping[str, Any], currency: money.Currency
) -> dict[str, Any]:
    try:
        return _facts(purpose, details, currency)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableDetails(f"{type(error).__name__}: {error}") from error


def _facts(
    purpose: MailPurpose, details: Mapping[str, Any], currency: money.Currency
) -> dict[str, Any]:
    """The further values that the templates of that purpose need."""
    if purpose is MailPurpose.PASSWORD_CHANGED:
        return {"api_tokens_revoked": details.get("api_tokens_revoked", 0)}
    if purpose is MailPurpose.ACCOUNT_CLOSED:
        return {"erased_at": _moment(details["erased_at"])}
    if purpose is MailPurpose.ADDRESS_TAKEN:
        # Only of a closed account.
        erased_at = details.get("erased_at")
        return {"erased_at": None if erased_at is None else _moment(erased_at)}
    return {"rows": rows} if (rows := _rows(purpose, details, currency)) else {}


def _rows(
    purpose: MailPurpose, details: Mapping[str, Any], currency: money.Currency
) -> dict[str, str]:
    """The table of facts in mails of that purpose."""
    if purpose is MailPurpose.NEW_SIGN_IN:
        return _place(details)
    if purpose is MailPurpose.BALANCE_SHORT:
        return _taken_back(details, currency)
    return _token(details, currency) if purpose is MailPurpose.API_TOKEN_CREATED else {}


def _taken_back(details: Mapping[str, Any], currency: money.Currency) -> dict[str, str]:
    """What the balance of a user does not cover."""
    return {
        "Amount": str(money.Money(details["amount_minor"], currency)),
        "Reason": str(details["source"]),
        "User": str(details["user_id"]),
    }


def _token(details: Mapping[str, Any], currency: money.Currency) -> dict[str, str]:
    """What is known of a new API token."""
    limit_minor, expires_at = details["daily_limit_minor"], details["expires_at"]
    return {
        "Name": _without_links(details["name"]),
        "Permissions": ", ".join(_SCOPES[Scope(scope)] for scope in details["scopes"]),
        "Daily limit": "none" if limit_minor is None else str(money.Money(limit_minor, currency)),
        "Expires": "never" if expires_at is None else _moment(expires_at),
        "Created": _moment(details["created_at"]),
        **_place(details),
    }


def _place(details: Mapping[str, Any]) -> dict[str, str]:
    """Where a session comes from, as far as it is known."""
    place = details.get("place")
    return {
        **({} if place is None else {"Place": f"near {_without_links(place)}"}),
        "Device": _LINKABLE_DEVICE.sub(r"\g<0> ", details["user_agent"] or "unknown"),
        "IP address": details["ip_address"] or "unknown",
    }


def _moment(instant: str) -> str:
    """Such as "28 November 2026, 10:15 UTC"."""
    return f"{datetime.fromisoformat(instant):%d %B %Y, %H:%M} UTC".removeprefix("0")


def _lifetime(purpose: MailPurpose) -> str | None:
    lifetime = LINK_LIFETIMES.get(purpose)
    if lifetime is None:
        return None
    minutes = int(lifetime.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{lifetime.days} days" if lifetime.days > 1 else f"{minutes // 60} hours"
