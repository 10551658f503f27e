"""Hints: fast while Redis is available, resumed after an outage, and never blocking a caller."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
import redis

from adapters import hints, realtime, redis_connection
from dev import valkey
from domain import events
from tests.waiting import until

pytestmark = pytest.mark.anyio


class Ear:
    """What a process hears."""

    def __init__(self, url: str) -> None:
        self.hints = realtime.Hints(url)
        self.heard: list[tuple[UUID, hints.Hint]] = []
        self.confirmed: list[UUID] = []
        self.hints.listen(
            lambda user_id, hint: self.heard.append((user_id, hint)),
            confirmed=self.confirmed.append,
        )


@pytest.fixture
async def ears() -> AsyncIterator[Callable[[str], Ear]]:
    opened: list[Ear] = []

    def make(url: str) -> Ear:
        opened.append(Ear(url))
        return opened[-1]

    yield make
    for ear in opened:
        await ear.hints.close()


def ended() -> events.CredentialsEnded:
    return events.CredentialsEnded((uuid.uuid4(), uuid.uuid4()))


@pytest.mark.parametrize(
    "hint", [events.TransactionPosted(7), events.TransactionPosted(2**63 - 1), ended()]
)
def test_a_hint_is_read_as_it_was_written(hint: hints.Hint) -> None:
    assert hints.decode(hints.encode(hint)) == hint


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b"\xff",
        b'{"topic":"transaction.posted"}',
        b'{"topic":"transaction.posted","payload":{"sequence":"7"}}',
        b'{"topic":"credentials.ended","payload":{"credential_ids":[7]}}',
        b'{"topic":"credentials.ended","payload":{"credential_ids":7}}',
        b'{"topic":"mail.requested","payload":{"mail_id":"00000000-0000-0000-0000-000000000007"}}',
        b'{"topic":["transaction.posted"],"payload":{}}',
        b'{"topic":"nothing.happened","payload":{}}',
    ],
)
def test_what_is_no_hint_is_passed_over(data: bytes) -> None:
    assert hints.decode(data) is None


async def test_hints_reach_subscribers_only(ears: Callable[[str], Ear], redis_url: str) -> None:
    listening, other = ears(redis_url), ears(redis_url)
    user_id, stranger_id = uuid.uuid4(), uuid.uuid4()
    listening.hints.subscribe(user_id)
    listening.hints.subscribe(user_id)
    other.hints.subscribe(stranger_id)
    await until(lambda: listening.confirmed == [user_id] and other.confirmed == [stranger_id])
    first, second = ended(), ended()
    listening.hints.unsubscribe(user_id)
    await other.hints.publish([(user_id, first), (user_id, second)])
    await until(lambda: len(listening.heard) == 2)
    assert listening.heard == [(user_id, first), (user_id, second)]
    assert other.heard == []


async def test_after_the_last_listener_there_are_no_more_hints(
    ears: Callable[[str], Ear], redis_url: str
) -> None:
    ear = ears(redis_url)
    leaving, staying = uuid.uuid4(), uuid.uuid4()
    ear.hints.subscribe(leaving)
    ear.hints.subscribe(staying)
    await until(lambda: len(ear.confirmed) == 2)
    ear.hints.unsubscribe(leaving)
    with redis.Redis.from_url(redis_url) as client:
        await until(lambda: client.pubsub_numsub(f"user:{leaving}")[0][1] == 0)
    await ear.hints.publish([(leaving, ended()), (staying, ended())])
    await until(lambda: ear.heard)
    assert [user_id for user_id, _ in ear.heard] == [staying]


async def test_a_cut_connection_is_taken_up_again_and_confirmed_anew(
    ears: Callable[[str], Ear], start_valkey: Callable[[], valkey.Valkey]
) -> None:
    server = start_valkey()
    ear = ears(server.url)
    user_id = uuid.uuid4()
    ear.hints.subscribe(user_id)
    await until(lambda: ear.confirmed == [user_id])
    with redis.Redis.from_url(server.url) as client:
        assert client.client_kill_filter(_type="pubsub") == 1
    await until(lambda: ear.confirmed == [user_id, user_id])
    server.kill()
    late_id = uuid.uuid4()
    ear.hints.subscribe(late_id)
    server.start()
    await until(lambda: set(ear.confirmed[2:]) == {user_id, late_id})
    hint = ended()
    await ear.hints.publish([(late_id, hint)])
    await until(lambda: ear.heard == [(late_id, hint)])


async def test_publishing_fails_loudly_and_waking_quietly_without_redis(
    ears: Callable[[str], Ear], start_valkey: Callable[[], valkey.Valkey]
) -> None:
    server = start_valkey()
    server.kill()
    ear = ears(server.url)
    ear.hints.wake()
    with pytest.raises(redis_connection.AWAY):
        await ear.hints.publish([(uuid.uuid4(), ended())])


async def test_a_relay_is_woken(ears: Callable[[str], Ear], redis_url: str) -> None:
    sleeper, waker = ears(redis_url), ears(redis_url)
    woken: list[None] = []
    sleeper.hints.listen_for_wake(lambda: woken.append(None))
    await until(lambda: woken)
    woken.clear()
    for _ in range(100):
        waker.hints.wake()
    await until(lambda: woken)


async def test_a_relay_is_woken_although_the_idle_connection_was_closed(
    ears: Callable[[str], Ear], start_valkey: Callable[[], valkey.Valkey]
) -> None:
    server = start_valkey()
    sleeper, waker = ears(server.url), ears(server.url)
    woken: list[None] = []
    sleeper.hints.listen_for_wake(lambda: woken.append(None))
    await until(lambda: woken)
    for _ in range(2):
        woken.clear()
        waker.hints.wake()
        await until(lambda: woken)
        with redis.Redis.from_url(server.url) as client:
            assert client.client_kill_filter(_type="normal", skipme=True) >= 1
