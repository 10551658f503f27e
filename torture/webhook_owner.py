"""The owner of a webhook: creates it, pauses it, replays events and rotates its secrets, through the API."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from domain import ids
from domain.webhooks import WebhookStream
from torture.client import TRY_SECONDS, UNAVAILABLE, Client, Lost
from torture.journal import Journal
from torture.record_webhooks import Receiver
from torture.users import User

_CREATE = """
mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) {
  __typename ... on WebhookCreated { webhook { id deliveredThrough } secret } ... on UserError { message }
} }
"""
_UPDATE = """
mutation ($input: UpdateWebhookInput!) { updateWebhook(input: $input) {
  __typename ... on UserError { message }
} }
"""
_REPLAY = """
mutation ($input: ReplayWebhookInput!) { replayWebhook(input: $input) {
  __typename ... on UserError { message }
} }
"""
_ROTATE = """
mutation ($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) {
  __typename ... on WebhookSecretRotated { secret } ... on UserError { message }
} }
"""
#: What the receivers check, as subscribers do.
DOCUMENTS = {
    WebhookStream.WALLET_EVENTS: """subscription {
  walletEvents { sequence balance { amount } ... on TransactionPosted { transaction { reference } } }
}""",
    WebhookStream.NOTIFICATIONS: """subscription {
  notifications { number message transaction { reference } }
}""",
}
_PAUSE_SECONDS = 0.3
#: An API process that has just started may be slow, and a webhook must not be created twice.
_FIRST_SECONDS = 60.0
#: Longer than any outage.
_ROTATION_TRIES = 200
#: After the end of the overlap, before which the answer may have been under way.
_LEEWAY_SECONDS = 0.5


class Refused(Exception):
    """The wallet refused what an owner may do."""


class Owner:
    """Manages one webhook; whatever gets no answer is asked again."""

    def __init__(self, user: User, client: Client, journal: Journal, record: Receiver) -> None:
        self.webhook_id = UUID(int=0)
        self._user = user
        self._client = client
        self._journal = journal
        self._record = record
        self._id = ""

    async def create(self, url: str) -> None:
        """Create the webhook, which delivers all events; nothing may fail meanwhile. Raises Refused."""
        began = time.monotonic()
        stream = self._record.stream
        given = {"url": url, "stream": stream.value, "document": DOCUMENTS[stream]}
        created = await self._try(_CREATE, {**given, "afterNumber": 0}, _FIRST_SECONDS)
        if created is None or "secret" not in created:
            raise Refused(str(created))
        self._id = created["webhook"]["id"]
        webhook_id = ids.read_row_id(self._id, "Webhook")
        assert webhook_id is not None
        self.webhook_id = webhook_id
        self._record.first = created["webhook"]["deliveredThrough"]
        self._journal.start_after(self._record.first)
        place = self._journal.tell(created["secret"])
        self._record.rotated(place, began, time.monotonic(), 0.0)

    async def rotate(self, overlap_seconds: int) -> None:
        """Another secret, of which the receiver is told. Raises Refused."""
        for _ in range(_ROTATION_TRIES):
            began = time.monotonic()
            self._record.rotating(began, overlap_seconds)
            given = {"webhookId": self._id, "overlapSeconds": overlap_seconds}
            answer = await self._try(_ROTATE, given)
            if answer is None:
                continue
            if "secret" in answer:
                break
            # Too many are active, because answers with secrets were lost: end them all.
            overlap_seconds = 0
        else:
            raise Refused(str(answer))
        told = time.monotonic()
        place = self._journal.tell(answer["secret"])
        self._journal.expire(place, told + overlap_seconds + _LEEWAY_SECONDS)
        self._record.rotated(place, began, told, overlap_seconds)
        self._record.rotations += 1

    async def resume(self) -> None:
        """Set it to active, after which a pending retry is made at once."""
        await self._ask(_UPDATE, {"webhookId": self._id, "status": "ACTIVE"})

    async def pause(self) -> None:
        """Pause it."""
        await self._ask(_UPDATE, {"webhookId": self._id, "status": "PAUSED"})
        self._record.pauses += 1

    async def replay(self, after_number: int) -> None:
        """Deliver everything after that number again."""
        await self._ask(_REPLAY, {"webhookId": self._id, "afterNumber": after_number})
        self._record.replays += 1

    async def _ask(self, document: str, given: dict[str, Any]) -> dict[str, Any]:
        while (answer := await self._try(document, given)) is None:
            pass
        return answer

    async def _try(
        self, document: str, given: dict[str, Any], timeout_seconds: float = TRY_SECONDS
    ) -> dict[str, Any] | None:
        """The result; None if it is unknown."""
        try:
            answer = await self._client.ask(
                document, {"input": given}, self._user.token, timeout_seconds=timeout_seconds
            )
        except Lost:
            answer = None
        if answer is None or answer.code == UNAVAILABLE:
            await asyncio.sleep(_PAUSE_SECONDS)
            return None
        if not answer.data:
            raise Refused(f"{answer.code}: {answer.message}")
        [result] = answer.data.values()
        return dict(result)
