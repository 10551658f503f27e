"""The mail catcher, reading caught mails, and the faulty SMTP server of the tests."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from dev import mail_catcher, mailbox
from tests.dev.faulty_smtp import FaultySmtp


def mail(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Mini Wallet <wallet@demo.app>"
    message["To"] = "Zoë <zoe@example.org>"
    message["Subject"] = subject
    message.set_content("Grüße: http://127.0.0.1:8000/verify-email#token=abc.\n")
    message.add_alternative(
        '<p>Grüße: <a href="http://127.0.0.1:8000/verify-email#token=abc">verify</a> or '
        '<a href="http://127.0.0.1:8000/?a=1&amp;b=2">look</a></p>',
        subtype="html",
    )
    return message


def test_mails_are_caught_and_read_newest_first(
    start_mail_catcher: Callable[[], mail_catcher.MailCatcher],
) -> None:
    server = start_mail_catcher()
    with smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        client.login("anyone", "anything")
        for subject in ("First", "Zweite – mit Grüßen", "Third"):
            client.send_message(mail(subject))
    caught = server.mails()
    assert [found["subject"] for found in caught] == ["Third", "Zweite – mit Grüßen", "First"]
    newest = caught[0]
    assert newest["to"] == "Zoë <zoe@example.org>"
    assert newest["text"].startswith("Grüße")
    assert "<p>Grüße" in newest["html"]
    assert newest["links"] == [
        "http://127.0.0.1:8000/verify-email#token=abc",
        "http://127.0.0.1:8000/?a=1&b=2",
    ]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in server.folder.iterdir())


def test_mails_outlive_the_catcher(
    start_mail_catcher: Callable[[], mail_catcher.MailCatcher],
) -> None:
    server = start_mail_catcher()
    with smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        client.send_message(mail("Kept"))
    server.kill()
    server.start()
    assert [found["subject"] for found in server.mails()] == ["Kept"]


def test_a_mail_without_headers_or_with_broken_ones_is_still_shown() -> None:
    assert mailbox.parse(b"Delivered-To: a@example.org\r\n\r\nhello")["to"] == "a@example.org"
    broken = b"Content-Type: text/plain; charset=unheard-of\r\n\r\nhello \xff"
    assert mailbox.parse(broken)["text"].startswith("hello")


def test_the_faulty_server_refuses_as_often_as_it_was_told(
    start_smtp: Callable[..., FaultySmtp],
) -> None:
    server = start_smtp(login=("wallet", "secret"))
    server.refuse_next("451 Later", times=2)
    with smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
            client.send_message(mail("Too early"))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("wallet", "wrong")
        client.login("wallet", "secret")
        for _ in range(2):
            with pytest.raises(smtplib.SMTPDataError, match="Later"):
                client.send_message(mail("Again"))
        client.send_message(mail("At last"))
    assert [taken["subject"] for taken in server.mails] == ["At last"]
    assert server.tries == 3


def test_the_faulty_server_can_go_away_and_come_back(
    start_smtp: Callable[..., FaultySmtp],
) -> None:
    server = start_smtp()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", server.port, timeout=10)
    server.start()
    with smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        client.send_message(mail("Back"))
    assert len(server.mails) == 1
