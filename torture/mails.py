"""Clients that request mails, each address once, and the mails that the mail catcher received."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from email import message_from_bytes
from pathlib import Path
from uuid import UUID

from torture.client import Client, Lost
from torture.record import Mail, Record

_RESET = """
mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { __typename } }
"""
_REGISTER = "mutation ($input: RegisterInput!) { register(input: $input) { __typename } }"
_PASSWORD = "four walls and a roof"  # noqa: S105
_PAUSES_SECONDS = (0.3, 1.5)


class MailRequester:
    """Requests mails: password resets for existing addresses, and registrations."""

    def __init__(
        self, record: Record, client: Client, rng: random.Random, addresses: Sequence[str]
    ) -> None:
        self._record = record
        self._client = client
        self._rng = rng
        self._addresses = list(addresses)
        self._registered = 0

    async def see_mails_go_on(self, mailbox: Mailbox, seconds: float) -> bool:
        """Request a mail; whether one arrives within that time, be it this or an earlier one."""
        deadline = time.monotonic() + seconds
        mailbox.look()
        before = mailbox.by_id.total()
        mail = await self.reset(self._addresses.pop())
        while time.monotonic() < deadline:
            if mail.lost:
                mail = await self.reset(self._addresses.pop())
            mailbox.look()
            if mailbox.by_id.total() > before:
                return True
            await asyncio.sleep(0.05)
        return False

    async def run(self, stopping: asyncio.Event) -> None:
        """Request mails until it is time to stop, or every address has been used."""
        while not stopping.is_set() and self._addresses:
            if self._rng.random() < 0.15:
                await self.register()
            else:
                await self.reset(self._addresses.pop())
            await asyncio.sleep(self._rng.uniform(*_PAUSES_SECONDS))

    async def reset(self, address: str) -> Mail:
        """Request a password reset once."""
        return await self._ask(_RESET, {"email": address}, Mail(address, "reset_password"))

    async def register(self) -> Mail:
        """Register, which sends a link to verify the address."""
        self._registered += 1
        address = f"new-{self._registered}@torture.example"
        details = {"email": address, "name": "New User", "password": _PASSWORD}
        return await self._ask(_REGISTER, details, Mail(address, "verify_email"))

    async def _ask(self, document: str, details: dict[str, str], mail: Mail) -> Mail:
        self._record.mails.append(mail)
        mail.asked, mail.began = 0, time.monotonic()
        try:
            answer = await self._client.ask(document, {"input": details}, None, timeout_seconds=8)
        except Lost:
            mail.lost += 1
        else:
            if answer.code is None and answer.status == 200:
                mail.asked += 1
            else:
                mail.lost += 1
        return mail


class Mailbox:
    """The mails that the mail catcher has received so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self.by_address: Counter[str] = Counter()
        #: By the mail's id, which is in the Message-ID.
        self.by_id: Counter[UUID] = Counter()
        #: By id: address and time of each delivery, on the record's clock.
        self.delivered: defaultdict[UUID, list[tuple[str, float]]] = defaultdict(list)

    def look(self) -> None:
        """Read new mails."""
        ahead = time.time() - time.monotonic()
        for file in self._folder.glob("*.eml"):
            if file.name not in self._seen:
                self._seen.add(file.name)
                message = message_from_bytes(file.read_bytes())
                address = str(message["Delivered-To"]).strip().lower()
                mail_id = UUID(str(message["Message-ID"]).strip("<> \r\n").partition("@")[0])
                self.by_address[address] += 1
                self.by_id[mail_id] += 1
                self.delivered[mail_id].append((address, file.stat().st_mtime - ahead))

    def write_into(self, record: Record) -> None:
        """Record how often each requested mail was received."""
        self.look()
        for mail in record.mails:
            mail.caught = self.by_address[mail.address]
        record.caught = dict(self.by_id)
        record.delivered = dict(self.delivered)
