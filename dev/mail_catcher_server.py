"""An SMTP server that delivers nothing: each mail becomes a file in a folder.

Run as `python -m dev.mail_catcher_server PORT FOLDER`. Any login is accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

HOST = "127.0.0.1"
LARGEST_MAIL_BYTES = 10_000_000
MOST_KEPT = 1_000


class Catcher:
    """An aiosmtpd handler that keeps mails in a folder, the newest `MOST_KEPT` of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        keep(self._folder, next(self._numbers), envelope)
        for old in sorted(self._folder.glob("*.eml"))[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
        return "250 Caught"


def keep(folder: Path, number: int, envelope: Envelope) -> None:
    """Write one mail atomically, under a name that sorts by time."""
    delivered = "".join(f"Delivered-To: {address}\r\n" for address in envelope.rcpt_tos)
    content = envelope.original_content or b""
    name = f"{time.time_ns():020d}-{number:06d}"
    making = folder / f".{name}.making"
    making.touch(mode=0o600)
    making.write_bytes(delivered.encode() + content)
    making.rename(folder / f"{name}.eml")


def accept_any_login(*_arguments: object) -> AuthResult:
    return AuthResult(success=True)


async def serve(port: int, folder: Path) -> None:
    """Catch mails until SIGTERM or SIGINT."""
    catcher = Catcher(folder)

    def session() -> SMTP:
        return SMTP(
            catcher,
            data_size_limit=LARGEST_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="mail-catcher.localhost",
            authenticator=accept_any_login,
            auth_require_tls=False,
        )

    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = await loop.create_server(session, HOST, port)
    await stopping.wait()
    server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
