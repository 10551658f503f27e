"""Mail over SMTP: the parts of a message, and refusals distinguished from failures."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from adapters import mailer
from tests.dev.faulty_smtp import FaultySmtp

Start = Callable[..., FaultySmtp]

CERTIFICATE = Path(__file__).parent / "self_signed.pem"
SENDER = "Mini Wallet <wallet@demo.app>"


def send(url: str) -> None:
    mailer.Mailer(url, SENDER).send(
        to="zoe@example.org",
        subject="Grüße – verify",
        text="Hello Zoë,\nhere it is: http://127.0.0.1:8000/verify-email#token=abc\n",
        html='<p>Hello Zoë <a href="http://127.0.0.1:8000/verify-email#token=abc">here</a></p>',
        message_id="0199-mail",
    )


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def test_a_mail_has_a_text_and_an_html_part_and_the_headers_of_a_machine(start_smtp: Start) -> None:
    server = start_smtp()
    send(server.url)
    message = message_from_bytes(server.raw[0], policy=policy.default)
    assert message["From"] == SENDER
    assert message["To"] == "zoe@example.org"
    assert message["Subject"] == "Grüße – verify"
    assert message["Message-ID"] == "<0199-mail@demo.app>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime is not None
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert server.mails[0]["links"] == ["http://127.0.0.1:8000/verify-email#token=abc"]
    assert all(len(line) < 998 for line in server.raw[0].split(b"\r\n"))


@pytest.mark.parametrize(
    ("answer", "permanent"), [("451 4.3.0 Later", False), ("550 5.7.1 Never", True)]
)
def test_a_refusal_is_for_now_or_for_good(start_smtp: Start, answer: str, permanent: bool) -> None:
    server = start_smtp()
    server.refuse_next(answer)
    with pytest.raises(mailer.Refused, match=answer[:3]) as refusal:
        send(server.url)
    assert refusal.value.permanent is permanent


def test_a_server_that_is_closing_counts_as_absent(start_smtp: Start) -> None:
    server = start_smtp()
    server.refuse_next("421 4.3.2 Shutting down")
    with pytest.raises(mailer.Unreachable, match="421"):
        send(server.url)


def test_a_server_that_is_away_is_unreachable(start_smtp: Start) -> None:
    server = start_smtp()
    server.stop()
    with pytest.raises(mailer.Unreachable):
        send(server.url)


def test_a_server_that_hangs_up_in_the_middle_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def hang_up() -> None:
            connection, _ = rude.accept()
            with connection:
                connection.sendall(b"220 hello\r\n")
                connection.recv(100)

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(mailer.Unreachable):
            send(f"smtp://127.0.0.1:{rude.getsockname()[1]}")
        thread.join()


def test_a_login_is_percent_decoded(start_smtp: Start) -> None:
    server = start_smtp(login=("user@example.org", "p@ss:w/rd"))
    send(f"smtp://user%40example.org:p%40ss%3Aw%2Frd@127.0.0.1:{server.port}")
    assert len(server.mails) == 1
    with pytest.raises(mailer.Unreachable, match="535"):
        send(f"smtp://user%40example.org:wrong@127.0.0.1:{server.port}")


def test_starttls_works_with_a_certificate_that_is_trusted(
    start_smtp: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    server = start_smtp(tls=server_tls(), require_tls=True)
    send(server.url)
    assert len(server.mails) == 1


def test_starttls_is_not_done_without(start_smtp: Start) -> None:
    plain = start_smtp()
    with pytest.raises(mailer.Unreachable, match="STARTTLS"):
        send(f"smtp+starttls://127.0.0.1:{plain.port}")
    untrusted = start_smtp(tls=server_tls())
    with pytest.raises(mailer.Unreachable, match="certificate"):
        send(untrusted.url)
    assert plain.mails == untrusted.mails == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "smtp://", "smtp://host:port", "mail.example.org:25", ""]
)
def test_a_wrong_url_is_named(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL is wrong"):
        mailer.Mailer(url, SENDER)


def test_a_wrong_sender_is_named() -> None:
    with pytest.raises(ValueError, match="MAIL_FROM is wrong"):
        mailer.Mailer("smtp://127.0.0.1", "Mini Wallet")
