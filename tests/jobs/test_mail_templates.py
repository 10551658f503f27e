"""The mails: links that lead home, names only of those who are known, nothing that breaks out."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.ledger import money
from domain.people.accounts import LINK_LIFETIMES, MailPurpose, Person
from domain.people.sessions import Scope
from jobs import mail_templates

APP_URL = "https://wallet.example.org"
ZOE = Person(uuid.uuid4(), "Zoë <b>&", "zoe@example.org", datetime.now(UTC), 0, 0)

DETAILS = {
    MailPurpose.PASSWORD_CHANGED: {"api_tokens_revoked": 2},
    MailPurpose.API_TOKEN_CREATED: {
        "name": "till <b>" + "x" * 72,
        "scopes": list(Scope),
        "daily_limit_minor": 1250,
        "created_at": "2026-11-08T09:05:00.123456Z",
        "expires_at": None,
        "user_agent": "Mozilla/5.0 " + "word " * 50,
        "ip_address": "2001:db8::1",
    },
}


def render(purpose: MailPurpose, person: Person = ZOE) -> mail_templates.RenderedMail:
    token = "the-token" if purpose in LINK_LIFETIMES else None
    return mail_templates.render(
        purpose,
        person,
        app_url=APP_URL,
        token=token,
        currency=money.currency("USD"),
        details=DETAILS.get(purpose, {}),
    )


@pytest.mark.parametrize(
    ("purpose", "link", "lifetime"),
    [
        (MailPurpose.VERIFY_EMAIL, f"{APP_URL}/verify-email#token=the-token", "24 hours"),
        (MailPurpose.RESET_PASSWORD, f"{APP_URL}/reset-password#token=the-token", "30 minutes"),
    ],
)
def test_the_link_is_in_both_parts_with_its_life_time(
    purpose: MailPurpose, link: str, lifetime: str
) -> None:
    written = render(purpose)
    assert f"\n{link}\n" in written.text
    assert written.html.count(f'href="{link}"') == 2
    assert f">{link}</a>" in written.html
    assert lifetime in written.text
    assert lifetime in written.html


@pytest.mark.parametrize("purpose", MailPurpose)
def test_every_mail_says_whom_it_is_for_in_both_parts(purpose: MailPurpose) -> None:
    written = render(purpose)
    assert "Hello Zoë <b>&,\n" in written.text
    assert "Hello Zoë &lt;b&gt;&amp;," in written.html
    assert "<b>" not in written.html
    assert "zoe@example.org" in written.text
    assert "zoe@example.org" in written.html
    assert f"<title>{written.subject}</title>" in written.html
    assert "{" not in written.text
    assert all(len(entry) <= 80 or APP_URL in entry for entry in written.text.splitlines())


@pytest.mark.parametrize("purpose", MailPurpose)
def test_the_name_of_somebody_unverified_never_becomes_a_link(purpose: MailPurpose) -> None:
    typed_by_anybody = replace(ZOE, name="Win at https://evil.example", email_verified_at=None)
    written = render(purpose, typed_by_anybody)
    assert "evil.example" not in written.text + written.html + written.subject
    assert "https://evil" not in written.text + written.html
    assert written.text.startswith("Hello,\n")


def test_a_verification_mail_tells_the_name_that_was_registered() -> None:
    for name in ("Zoë", "J. R. Ewing"):
        written = render(MailPurpose.VERIFY_EMAIL, replace(ZOE, name=name, email_verified_at=None))
        assert f"\n{name}\n" in written.text
        assert f"“{name}”" in written.html


@pytest.mark.parametrize("purpose", MailPurpose)
def test_a_mail_loads_nothing_and_leads_nowhere_else(purpose: MailPurpose) -> None:
    written = render(purpose)
    for forbidden in ("<img", "<script", "<link", "url(", "@import", "http://"):
        assert forbidden not in written.html
    assert written.html.count("https://") == written.html.count(APP_URL)


def test_the_mail_of_a_new_api_token_says_all_but_its_secret() -> None:
    written = render(MailPurpose.API_TOKEN_CREATED)
    for fact in (
        "12.50 USD",
        "never",
        "8 November 2026, 09:05 UTC",
        "2001:db8::1",
        f"{APP_URL}/settings/api-tokens",
    ):
        assert fact in written.text
        assert fact in written.html
    assert "see your profile, see your balance and transactions" in written.html
    assert "\nDaily limit: 12.50 USD\n" in written.text


@pytest.mark.parametrize(("revoked", "told"), [(0, False), (2, True)])
def test_the_mail_of_a_new_password_says_whether_api_tokens_were_revoked(
    revoked: int, told: bool
) -> None:
    written = mail_templates.render(
        MailPurpose.PASSWORD_CHANGED,
        ZOE,
        app_url=APP_URL,
        token=None,
        currency=money.currency("USD"),
        details={"api_tokens_revoked": revoked},
    )
    assert ("our API tokens were revoked" in written.text) is told
    assert ("our API tokens were revoked" in written.html) is told


def test_the_mail_of_a_changed_password_leads_to_what_works_without_the_new_password() -> None:
    written = render(MailPurpose.PASSWORD_CHANGED)
    assert f"\n{APP_URL}/forgot-password\n" in written.text
    assert f'href="{APP_URL}/forgot-password"' in written.html
