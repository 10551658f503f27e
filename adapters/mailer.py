"""Mail over SMTP: sends one message at a time, and distinguishes how that fails."""

from __future__ import annotations

import contextlib
import email.utils
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import unquote, urlsplit

_TIMEOUT_SECONDS = 15.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_SERVICE_NOT_AVAILABLE = 421
_ABOUT_THE_SERVER = (
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
)


class MailError(Exception):
    """The mail was not sent; the message says why, in the words of the server if it answered."""


class Refused(MailError):
    """The server refused the mail, permanently (5xx) or temporarily (4xx)."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


class Unreachable(MailError):
    """The server is unusable: no connection, no TLS, no login, or it is closing (421)."""


@dataclass(frozen=True, slots=True)
class _Server:
    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None


class Mailer:
    """Sends through the server of an URL: `smtp://`, `smtp+starttls://` or `smtps://`.

    `smtp+starttls` requires TLS; both TLS schemes verify the certificate. The user and the password in
    the URL are percent-encoded. Raises ValueError for any other URL.
    """

    def __init__(self, smtp_url: str, mail_from: str) -> None:
        self._server = _read_url(smtp_url)
        self._sender = mail_from
        address = email.utils.parseaddr(mail_from)[1]
        if "@" not in address:
            raise ValueError(
                "MAIL_FROM is wrong: it takes an address such as Mini Wallet <wallet@example.com>."
            )
        #: What comes after the @ in the ids of our messages.
        self.domain = address.rpartition("@")[2]

    def send(self, *, to: str, subject: str, text: str, html: str, message_id: str) -> None:
        """Send one mail with a text and an HTML part. Blocks. Raises Refused or Unreachable.

        With the same `message_id` (without the domain) on every try, mailboxes can drop duplicates.
        """
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = email.utils.localtime()
        message["Message-ID"] = f"<{message_id}@{self.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        with _distinguished(), self._connection() as connection:
            connection.send_message(message)

    def check(self) -> None:
        """Connect, and sign in if the URL has a user. Raises Refused or Unreachable."""
        with _distinguished(), self._connection() as connection:
            connection.noop()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        context = ssl.create_default_context()
        # By default smtplib looks up the full host name in the DNS, which can take long.
        name = socket.gethostname()
        connection: smtplib.SMTP
        if server.scheme == "smtps":
            connection = smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=_TIMEOUT_SECONDS, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, name, timeout=_TIMEOUT_SECONDS)
        try:
            if server.scheme == "smtp+starttls":
                connection.starttls(context=context)
            if server.user is not None:
                connection.login(server.user, server.password or "")
            yield connection
            # Once the server has accepted the mail, errors on closing do not matter.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
        finally:
            connection.close()


@contextlib.contextmanager
def _distinguished() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise _refusal(code, reason, error) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error, error) from None
    except smtplib.SMTPNotSupportedError as error:
        raise Unreachable(f"the server lacks what SMTP_URL asks for: {error}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from None


def _refusal(code: int, reason: bytes | str, error: smtplib.SMTPException) -> MailError:
    said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    sentence = f"{code} {said}".strip()
    # An invalid greeting (-1) and a refused connection or login are problems of the server or its
    # settings, not of the mail.
    if code in (-1, _SERVICE_NOT_AVAILABLE) or isinstance(error, _ABOUT_THE_SERVER):
        return Unreachable(sentence)
    return Refused(sentence, permanent=code >= 500)


def _read_url(smtp_url: str) -> _Server:
    try:
        parts = urlsplit(smtp_url)
        port = parts.port
        host = parts.hostname if parts.scheme in _PORTS else None
    except ValueError:
        # Such as a host with characters that become "/" or ":" under NFKC.
        host = None
    if not host:
        raise ValueError(
            "SMTP_URL is wrong: it takes smtp://host:25, smtp+starttls://user:password@host:587 "
            "or smtps://user:password@host:465."
        )
    return _Server(
        scheme=parts.scheme,
        host=host,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
