"""The mail templates: correct links, no text of strangers, and everything escaped."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.ledger import money
from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import Entry
from domain.notifications.notices import Notification
from domain.notifications.notification_kinds import OF_REQUESTS, RULES, NotificationKind
from domain.notifications.views import View
from domain.people.accounts import LINK_LIFETIMES, MailPurpose, Person
from domain.people.sessions import Scope
from jobs import mail_templates

APP_URL = "https://wallet.example.org"
ZOE = Person(uuid.uuid4(), "Zoë <b>&", "zoe@example.org", datetime.now(UTC), 0, 0)

#: What another user is called says nothing of the mail's own links.
SENDER = Person(uuid.uuid4(), "Anna of https://evil.example", "a@b.example", None, 0, 0)
RECEIVED = View(
    Notification(ZOE.user_id, 1, NotificationKind.MONEY_RECEIVED, datetime.now(UTC), 1),
    entry=Entry(
        user_id=ZOE.user_id,
        sequence=1,
        reference=uuid.uuid4(),
        kind=Kind.TRANSFER,
        direction=Direction.INCOMING,
        amount_minor=1250,
        fee_minor=0,
        counterparty_id=SENDER.user_id,
        note=None,
        balance_after_minor=1250,
        created_at=datetime.now(UTC),
    ),
    counterparty=SENDER,
)

DETAILS = {
    MailPurpose.NEW_SIGN_IN: {
        "session_id": str(uuid.uuid4()),
        "user_agent": "Mozilla/5.0 of https://evil.example",
        "ip_address": "203.0.113.7",
        "place": "Berlin, Germany",
    },
    MailPurpose.ACCOUNT_CLOSED: {"erased_at": "2026-12-28T09:05:00.123456Z"},
    MailPurpose.BALANCE_SHORT: {
        "amount_minor": 2500,
        "source": "dispute",
        "user_id": "01a223dc-e656-706a-9497-638cdbc11f18",
    },
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
        notification=RECEIVED if purpose is MailPurpose.NOTIFICATION else None,
    )


@pytest.mark.parametrize(
    ("purpose", "link", "lifetime"),
    [
        (MailPurpose.VERIFY_EMAIL, f"{APP_URL}/verify-email#token=the-token", "24 hours"),
        (MailPurpose.RESET_PASSWORD, f"{APP_URL}/reset-password#token=the-token", "30 minutes"),
        (MailPurpose.NEW_SIGN_IN, f"{APP_URL}/report-sign-in#token=the-token", "7 days"),
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
def test_the_name_of_an_unverified_user_never_becomes_a_link(purpose: MailPurpose) -> None:
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


def test_the_mail_of_a_sign_in_says_where_it_was_and_links_nothing_that_the_device_says() -> None:
    written = render(MailPurpose.NEW_SIGN_IN)
    for part in (written.text, written.html):
        assert "Mozilla/5.0 of https: / /evil. example" in part
        assert "203.0.113.7" in part
        assert "near Berlin, Germany" in part


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


def test_the_name_of_an_api_token_is_no_link() -> None:
    details = {**DETAILS[MailPurpose.API_TOKEN_CREATED], "name": "https://evil.example/login"}
    written = mail_templates.render(
        MailPurpose.API_TOKEN_CREATED,
        ZOE,
        app_url=APP_URL,
        token=None,
        currency=money.currency("USD"),
        details=details,
    )
    for part in (written.text, written.html):
        assert "https: / / evil. example/ login" in part


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


def test_the_mail_of_a_notification_is_its_message_without_links_in_names() -> None:
    written = render(MailPurpose.NOTIFICATION)
    message = "Anna of https: / / evil. example sent you 12.50 USD."
    assert written.subject == "You received money"
    assert f"\n{message}\n" in written.text
    assert f">{message}<" in written.html
    assert "in the settings" in written.text


@pytest.mark.parametrize("kind", NotificationKind)
def test_every_kind_of_notification_can_be_mailed(kind: NotificationKind) -> None:
    told = View(Notification(ZOE.user_id, 1, kind, datetime.now(UTC)))
    written = mail_templates.render(
        MailPurpose.NOTIFICATION,
        ZOE,
        app_url=APP_URL,
        token=None,
        currency=money.currency("USD"),
        details={"number": 1},
        notification=told,
    )
    assert written.subject == RULES[kind].mail_subject
    assert told.message(money.currency("USD")) in written.text
    is_security = kind in (NotificationKind.NEW_SIGN_IN, NotificationKind.SECURITY_CHANGED)
    assert ("If it was not you" in written.text) is is_security
    assert ("in the settings" in written.text) is not is_security
    page = "requests" if kind in OF_REQUESTS else "scheduled" if "scheduled" in kind else ""
    if kind is NotificationKind.WEBHOOK_DISABLED:
        page = "settings/webhooks"
    assert f"\n{APP_URL}/{page}\n" in written.text
    assert f'href="{APP_URL}/{page}"' in written.html


@pytest.mark.parametrize("details", [{}, {"number": "one"}, {"number": None}])
def test_a_notification_without_a_number_cannot_be_mailed(details: dict[str, object]) -> None:
    with pytest.raises(mail_templates.UnreadableDetails):
        mail_templates.notification_number(MailPurpose.NOTIFICATION, details)
