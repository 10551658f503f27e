"""What our mails say: each purpose rendered from its templates, as HTML and as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jinja2

from domain.accounts import LINK_LIFETIMES, MailPurpose, Person

_SUBJECTS = {
    MailPurpose.VERIFY_EMAIL: "Verify your email address",
    MailPurpose.RESET_PASSWORD: "Choose a new password",
    MailPurpose.PASSWORD_CHANGED: "Your password was changed",
    MailPurpose.ADDRESS_TAKEN: "You already have a wallet with this address",
}
_PAGES = {
    MailPurpose.VERIFY_EMAIL: "verify-email",
    MailPurpose.RESET_PASSWORD: "reset-password",
}

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail's subject and its two parts."""

    subject: str
    text: str
    html: str


def write(purpose: MailPurpose, person: Person, *, app_url: str, token: str | None) -> Letter:
    """The letter to that person; `token` is for the purposes that have a link.

    A name is used only once its address is verified: until then anybody may have typed it, and our mail
    would carry their words to a stranger.
    """
    subject = _SUBJECTS[purpose]
    words = {
        "subject": subject,
        "name": person.name if person.email_verified_at is not None else None,
        "email": person.email,
        "app_url": app_url,
        "link": f"{app_url}/{_PAGES[purpose]}?token={token}" if token is not None else None,
        "lifetime": _lifetime(purpose),
    }
    return Letter(
        subject=subject,
        text=_environment.get_template(f"{purpose.value}.txt").render(words).strip() + "\n",
        html=_environment.get_template(f"{purpose.value}.html").render(words),
    )


def _lifetime(purpose: MailPurpose) -> str | None:
    lifetime = LINK_LIFETIMES.get(purpose)
    if lifetime is None:
        return None
    minutes = int(lifetime.total_seconds()) // 60
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
