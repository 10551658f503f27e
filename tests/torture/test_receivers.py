"""A receiver's process keeps what it has processed when it is killed, and misbehaves as ordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import orjson
import pytest

from domain import webhooks
from domain.webhooks import WebhookStream
from tests.waiting import until
from torture import http1
from torture.journal import Trouble
from torture.receiver import HOST, PATH
from torture.receivers import Receiver
from torture.users import User

pytestmark = pytest.mark.anyio

SECRET = webhooks.new_secret()
WEBHOOK = UUID(int=7)


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    stack = SimpleNamespace(folder=tmp_path, log_of=lambda name: tmp_path / f"{name}.log")
    user = User(UUID(int=1), "user@example.com", "")
    made = Receiver(
        cast(Any, stack), "receiver", user, WebhookStream.WALLET_EVENTS, cast(Any, None)
    )
    made.journal.start_after(0)
    made.journal.tell(SECRET)
    await made.run_process()
    yield made
    made.kill()
    made.journal.close()


async def deliver(receiver: Receiver, number: int, secret: str = SECRET) -> int:
    """The status of the response. Raises EOFError or OSError if there is no complete one."""
    event = {"sequence": number, "balance": {"amount": "1.50"}, "transaction": {"reference": "7"}}
    content = {"type": "wallet.event", "number": number, "data": {"walletEvents": event}}
    body = orjson.dumps(content)
    event_id = webhooks.event_id(WEBHOOK, number)
    headers = webhooks.signed_headers([secret], event_id, datetime.now(UTC), body.decode())
    head = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    request = "\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body
    reader, writer = await asyncio.open_connection(HOST, receiver.port)
    try:
        writer.write(request)
        return (await http1.read_message(reader)).status
    finally:
        writer.close()


async def test_what_was_processed_survives_a_kill(receiver: Receiver) -> None:
    assert await deliver(receiver, 1) == 204
    assert await deliver(receiver, 2) == 204
    receiver.kill()
    await receiver.heal()
    assert await deliver(receiver, 2) == 204
    assert await deliver(receiver, 3) == 204
    assert receiver.journal.last == 3
    noted = receiver.journal.requests()
    assert [(each.sent.number, each.is_processed) for each in noted] == [
        (1, True), (2, True), (2, False), (3, True),
    ]  # fmt: skip
    assert {(each.sent.amount, each.sent.reference) for each in noted} == {("1.50", "7")}
    assert all(each.answered is not None and each.answered >= each.at for each in noted)


@pytest.mark.parametrize(
    "trouble", [Trouble.ERROR, Trouble.BUSY, Trouble.NOT_FOUND, Trouble.GONE, Trouble.REDIRECT]
)
async def test_what_is_refused_is_not_processed(receiver: Receiver, trouble: Trouble) -> None:
    receiver.journal.order(trouble)
    assert await deliver(receiver, 1) == int(trouble.value)
    assert receiver.journal.last == 0
    assert not receiver.journal.has_orders
    assert await deliver(receiver, 1) == 204


async def test_a_response_that_is_cut_is_not_complete(receiver: Receiver) -> None:
    for trouble, last in ((Trouble.CUT_EARLY, 0), (Trouble.CUT, 1)):
        receiver.journal.order(trouble)
        with pytest.raises((EOFError, OSError)):
            await deliver(receiver, 1)
        assert receiver.journal.last == last
    assert await deliver(receiver, 1) == 204
    assert [each.reply for each in receiver.journal.requests()] == ["cut early", "cut", "204"]


@pytest.mark.parametrize("trouble", [Trouble.HANG, Trouble.DRIP])
async def test_a_response_that_never_ends_is_processed(
    receiver: Receiver, trouble: Trouble
) -> None:
    receiver.journal.order(trouble)
    delivering = asyncio.create_task(deliver(receiver, 1))
    await until(lambda: receiver.journal.last == 1)
    assert not delivering.done()
    delivering.cancel()
    assert [each.answered for each in receiver.journal.requests()] == [None]


async def test_another_secret_is_not_accepted_and_an_expired_one_is_noted(
    receiver: Receiver,
) -> None:
    assert await deliver(receiver, 1, webhooks.new_secret()) == 401
    receiver.journal.expire(2, 0.0)
    assert await deliver(receiver, 1) == 401
    assert receiver.journal.last == 0
    assert [each.sent.signed_by for each in receiver.journal.requests()] == [(), (1,)]
