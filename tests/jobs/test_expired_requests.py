"""Requests that expire: the relay finds them, and a worker tells their users."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dev.processes import Child
from domain.requests.payment_requests import Status
from persistence.requests import reading
from settings import Settings
from tests.books import Books, requesting_money
from tests.conftest import make_settings
from tests.dev.faulty_smtp import FaultySmtp
from tests.jobs.running import relaying
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def test_both_users_are_told_once_that_a_request_has_expired(
    books: Books,
    redis_url: str,
    start_process: Callable[[str, Settings], Child],
    start_smtp: Callable[..., FaultySmtp],
) -> None:
    smtp = start_smtp()
    settings = make_settings(database_url=books.url, redis_url=redis_url, smtp_url=smtp.url)
    ann, ben = books.join("Ann"), books.join("Ben")
    request = await requesting_money(books, ann, ben, "5")
    kept = await requesting_money(books, ann, ben, "7")
    books.connection.execute(
        "UPDATE payment_requests SET expires_at = (SELECT clock_timestamp()) WHERE id = %s",
        [request.request_id],
    )
    start_process("worker", settings)
    async with relaying(settings):
        await until(lambda: len(smtp.mails) == 4)
    told = sorted(mail["to"] for mail in smtp.mails if "expired" in mail["subject"])
    assert told == sorted([ann.email, ben.email])
    found = await reading.by_ids(books.database, ben.user_id, [request.request_id, kept.request_id])
    assert found[request.request_id].status is Status.EXPIRED
    assert found[kept.request_id] == kept
    await books.assert_clean()
