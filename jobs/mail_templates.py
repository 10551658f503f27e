"""What our mails say: each purpose rendered from its templates, as HTML and as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from domain.ledger import money
from domain.people.accounts import LINK_LIFETIMES, MailPurpose, Person
from domain.people.sessions import Scope

_SUBJECTS = {
    MailPurpose.VERIFY_EMAIL: "Verify your email address",
    MailPurpose.RESET_PASSWORD: "Choose a new password",
    MailPurpose.PASSWORD_CHANGED: "Your password was changed",
    MailPurpose.ADDRESS_TAKEN: "You already have a wallet with this address",
    MailPurpose.API_TOKEN_CREATED: "An API token was created for your wallet",
}
_SCOPES = {
    Scope.READ_PROFILE: "see your profile",
    Scope.READ_TRANSACTIONS: "see your balance and transactions",
    Scope.SEARCH_USERS: "search for users",
    Scope.ADD_BALANCE: "add money",
    Scope.SEND_MONEY: "send money",
}
_PAGES = {
    MailPurpose.VERIFY_EMAIL: "verify-email",
    MailPurpose.RESET_PASSWORD: "reset-password",
}

#: What makes mail programs turn a word into a link, such as the dot in "evil.example".
_LINKABLE = re.compile(r"[.:/@](?=\S)")

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
    """What the mail was requested with means nothing to this release: another one wrote it."""


def write(
    purpose: MailPurpose,
    person: Person,
    *,
    app_url: str,
    token: str | None,
    currency: money.Currency,
    details: Mapping[str, Any],
) -> RenderedMail:
    """The mail to that person; `token` is for the purposes that have a link, and `details` are what the
    mail was requested with.

    A name that belongs to no verified address may be anybody's words to a stranger: only the mail that
    verifies has it, to tell registrations apart, and with nothing in it that a mail program makes a link.
    Raises UnreadableDetails.
    """
    subject = _SUBJECTS[purpose]
    words = {
        "subject": subject,
        "name": person.name if person.email_verified_at is not None else None,
        "registered_name": _LINKABLE.sub(r"\g<0> ", person.name),
        "email": person.email,
        "app_url": app_url,
        "link": f"{app_url}/{_PAGES[purpose]}#token={token}" if token is not None else None,
        "lifetime": _lifetime(purpose),
        **_readable_facts(purpose, details, currency),
    }
    return RenderedMail(
        subject=subject,
        text=_environment.get_template(f"{purpose.value}.txt").render(words).strip() + "\n",
        html=_environment.get_template(f"{purpose.value}.html").render(words),
    )


def _readable_facts(
    purpose: MailPurpose, details: Mapping[str, Any], currency: money.Currency
) -> dict[str, Any]:
    try:
        return _facts(purpose, details, currency)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableDetails(f"{type(error).__name__}: {error}") from error


def _facts(
    purpose: MailPurpose, details: Mapping[str, Any], currency: money.Currency
) -> dict[str, Any]:
    """What the templates of that purpose need besides."""
    if purpose is MailPurpose.PASSWORD_CHANGED:
        return {"api_tokens_revoked": details.get("api_tokens_revoked", 0)}
    if purpose is not MailPurpose.API_TOKEN_CREATED:
        return {}
    limit_minor, expires_at = details["daily_limit_minor"], details["expires_at"]
    rows = {
        "Name": details["name"],
        "Permissions": ", ".join(_SCOPES[Scope(scope)] for scope in details["scopes"]),
        "Daily limit": "none" if limit_minor is None else str(money.Money(limit_minor, currency)),
        "Expires": "never" if expires_at is None else _moment(expires_at),
        "Created": _moment(details["created_at"]),
        "Device": details["user_agent"] or "unknown",
        "IP address": details["ip_address"] or "unknown",
    }
    return {"rows": rows}


def _moment(instant: str) -> str:
    """Such as "28 November 2026, 10:15 UTC"."""
    return f"{datetime.fromisoformat(instant):%d %B %Y, %H:%M} UTC".removeprefix("0")


def _lifetime(purpose: MailPurpose) -> str | None:
    lifetime = LINK_LIFETIMES.get(purpose)
    if lifetime is None:
        return None
    minutes = int(lifetime.total_seconds()) // 60
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
