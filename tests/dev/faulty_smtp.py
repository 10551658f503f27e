"""An SMTP server within the test that refuses, hangs or disconnects on request."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from dev import mailbox, processes

HOST = "127.0.0.1"


class FaultySmtp:
    """`refuse_next("451 Later", times=2)` answers DATA so; `mails` is what it took, oldest first.

    With `login`, mail is taken from that user and password alone; with `tls`, STARTTLS is offered
    (`require_tls`: and insisted on). `stop()` and `start()` keep the port.
    """

    def __init__(
        self,
        *,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        require_tls: bool = False,
    ) -> None:
        self.port = processes.free_port()
        self.mails: list[mailbox.CaughtMail] = []
        self.raw: list[bytes] = []
        self.tries = 0
        self._login = login
        self._tls = tls
        self._require_tls = require_tls
        self._refusals: deque[str] = deque()
        self._going_on = threading.Event()
        self._going_on.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        user = f"{self._login[0]}:{self._login[1]}@" if self._login else ""
        return f"{'smtp+starttls' if self._tls else 'smtp'}://{user}{HOST}:{self.port}"

    def refuse_next(self, answer: str, times: int = 1) -> None:
        self._refusals.extend([answer] * times)

    def hold(self) -> None:
        """Keep whoever sends next waiting for the answer, until `let_go`."""
        self._going_on.clear()

    def let_go(self) -> None:
        self._going_on.set()

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[ready], daemon=True)
        self._thread.start()
        assert ready.wait(10), "the SMTP server of the test did not start"

    def stop(self) -> None:
        """Go away: connections are refused from now on."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)
            self._loop = None

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        # aiosmtpd can do this, but warns of a login without TLS, and warnings are errors here.
        if self._login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.tries += 1
        while not self._going_on.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if self._refusals:
            return self._refusals.popleft()
        raw = envelope.original_content or b""
        self.raw.append(raw)
        self.mails.append(mailbox.parse(raw))
        return "250 Taken"

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        login = (given.login.decode(), given.password.decode())
        return AuthResult(success=login == self._login, handled=False)

    def _session(self) -> SMTP:
        return SMTP(
            self,
            enable_SMTPUTF8=True,
            hostname="faulty.localhost",
            tls_context=self._tls,
            require_starttls=self._require_tls,
            authenticator=self._authenticate if self._login else None,
            auth_require_tls=False,
        )

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await self._loop.create_server(self._session, HOST, self.port)
        ready.set()
        await self._stopping.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
