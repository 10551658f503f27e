"""Events arrive once and in order, through restarts, lost connections and expiring tokens."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from queue import Queue
from typing import Any

import httpx
import jwt
import pytest

import mini_wallet_client as client
from app.commands import epoch
from mini_wallet_client import AsyncWallet, Session, TransactionPosted, Wallet
from tests.app.conftest import ALPHA, BETA, PASSWORD, Api, add_people
from tests.clients.conftest import BRISK, signed_in
from tests.clients.proxy import Answer, Proxy
from tests.waiting import block_until


class Listener:
    """Collects events, or notifications, in a thread of its own."""

    def __init__(
        self,
        wallet: Wallet,
        after: int | None,
        stream: str = "events",
        epoch: str | None = None,
    ) -> None:
        self._events: Queue[Any] = Queue()
        given = (wallet, stream, after, epoch)
        threading.Thread(target=self._listen, args=given, daemon=True).start()

    def _listen(self, wallet: Wallet, stream: str, after: int | None, epoch: str | None) -> None:
        try:
            for event in getattr(wallet, stream)(after, epoch=epoch):
                self._events.put(event)
        except Exception as error:
            self._events.put(error)

    def next(self) -> Any:
        return self._events.get(timeout=30)

    def end(self) -> Exception:
        """What it ends with, after further events."""
        while not isinstance(found := self.next(), Exception):
            pass
        return found


class AsyncListener(Listener):
    """The same with an asynchronous client of its own, for the session of that wallet."""

    def _listen(self, wallet: Wallet, stream: str, after: int | None, epoch: str | None) -> None:
        async def listen() -> None:
            url = wallet._transport.url.removesuffix("/graphql")
            async with (
                AsyncWallet(url, session=wallet.session, retries=BRISK) as other,
                aclosing(getattr(other, stream)(after, epoch=epoch)) as events,
            ):
                async for event in events:
                    self._events.put(event)

        try:
            asyncio.run(listen())
        except Exception as error:
            self._events.put(error)


@pytest.fixture
def listen(proxy: Proxy, wallet: Wallet) -> Iterator[Callable[..., Listener]]:
    """Listen to Alpha's events through the proxy."""
    opened: list[Wallet] = []

    def start(after: int | None = None, stream: str = "events", **options: Any) -> Listener:
        given = {"session": wallet.session, "retries": BRISK, **options}
        opened.append(Wallet(proxy.url, **given))
        return Listener(opened[-1], after, stream)

    yield start
    proxy.stop()
    for one in opened:
        one.close()


def _sequence(wallet: Wallet) -> int:
    viewer = wallet.viewer()
    assert viewer is not None
    return viewer.sequence


def _add(api: Api, wallet: Wallet) -> None:
    assert wallet.session is not None
    api.add_balance(wallet.session.access_token)


@pytest.fixture(autouse=True)
def _keys_of_each_test(api: Api, request: pytest.FixtureRequest) -> None:
    api._keys += 100


def test_events_resume_after_the_number_that_was_processed(
    api: Api, wallet: Wallet, listen: Callable[..., Listener]
) -> None:
    start = _sequence(wallet)
    for _ in range(3):
        _add(api, wallet)
    listener = listen(start)
    events = [listener.next() for _ in range(3)]
    assert [event.sequence for event in events] == [start + 1, start + 2, start + 3]
    assert isinstance(events[0], TransactionPosted)
    assert events[0].transaction.kind is client.TransactionKind.TOP_UP
    assert listen(start + 2).next() == events[2]


def test_without_a_number_events_and_notifications_begin_with_the_next(
    api: Api, proxy: Proxy, wallet: Wallet, beta: Wallet, listen: Callable[..., Listener]
) -> None:
    beta.add_balance(1)
    start = _sequence(wallet)
    events, notifications = listen(), listen(None, "notifications")
    subscribed = {"subscription WalletEvents", "subscription Notifications"}
    block_until(lambda: subscribed <= {*proxy.begun})
    sent = beta.send_money(client.Recipient.email(ALPHA), "0.10")
    assert isinstance(sent, client.MoneySent)
    assert events.next().sequence == start + 1
    assert notifications.next().transaction.reference == sent.transaction.reference


def test_events_survive_what_a_network_does(
    api: Api,
    proxy: Proxy,
    wallet: Wallet,
    listen: Callable[..., Listener],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mini_wallet_client._sync.streams.SILENCE_SECONDS", 0.5)
    start = _sequence(wallet)
    listener = listen(start)
    for number in range(1, 5):
        if number % 2:
            proxy.cut()
        else:
            # What is sent now is lost, without an end of the connection.
            proxy.freeze()
        proxy.faults.extend([Answer(502), Answer.of_graphql(429, code="RATE_LIMITED")])
        _add(api, wallet)
        assert listener.next().sequence == start + number


def test_events_survive_a_restart_of_the_service(start_api: Callable[..., Api], api: Api) -> None:
    first = start_api(database_url=api.settings.database_url)
    proxy = Proxy(first.url)
    with signed_in(proxy.url, ALPHA) as wallet:
        start = _sequence(wallet)
        listener = Listener(wallet, start)
        _add(api, wallet)
        assert listener.next().sequence == start + 1
        first.stop()
        _add(api, wallet)
        proxy.target = start_api(database_url=api.settings.database_url).url
        assert listener.next().sequence == start + 2
        proxy.stop()


def test_events_continue_with_a_fresh_token_when_one_expires(
    api: Api, wallet: Wallet, listen: Callable[..., Listener]
) -> None:
    assert wallet.session is not None
    claims = jwt.decode(wallet.session.access_token, options={"verify_signature": False})
    secret = api.settings.jwt_secrets[0]
    kept: list[Session | None] = []
    # The one at the start, the other while the stream is open.
    for lifetime in (-1, 2):
        soon = {**claims, "exp": int(time.time()) + lifetime}
        token = jwt.encode(soon, secret, "HS256", {"typ": "at+jwt"})
        start = _sequence(wallet)
        session = Session(
            token, (kept[-1] or wallet.session if kept else wallet.session).refresh_token
        )
        renewed = threading.Event()

        def keep(newest: Session | None, renewed: threading.Event = renewed) -> None:
            kept.append(newest)
            renewed.set()

        listener = listen(start, session=session, on_session=keep)
        assert renewed.wait(20)
        _add(api, wallet)
        assert listener.next().sequence == start + 1


def test_a_token_may_expire_again_before_the_stream_is_open(
    proxy: Proxy, wallet: Wallet, listen: Callable[..., Listener]
) -> None:
    expired = Answer.of_graphql(401, code="UNAUTHENTICATED")
    proxy.operations.clear()
    # The second answer is the one to the refresh, between them the service was away.
    answers = iter([expired, None, Answer(502), expired, None])
    proxy.on_request = lambda: next(answers, None)
    assert listen(0).next().sequence == 1
    assert proxy.operations.count("mutation RefreshSession") == 2


def test_events_are_not_continued_as_another_user(proxy: Proxy, wallet: Wallet) -> None:
    with signed_in(proxy.url, ALPHA) as other:
        listener = Listener(other, _sequence(other) - 1)
        listener.next()
        other.login(BETA, PASSWORD)
        proxy.cut()
        assert isinstance(listener.next(), client.Unauthenticated)


def test_a_credential_that_has_ended_ends_the_events(
    proxy: Proxy, listen: Callable[..., Listener]
) -> None:
    with signed_in(proxy.url, ALPHA) as other:
        listener = listen(0, session=other.session)
        assert listener.next().sequence == 1
        other.logout()
        assert isinstance(listener.end(), client.Unauthenticated)
    assert isinstance(listen(0, session=None, token="mw_unknown").next(), client.Unauthenticated)
    assert isinstance(listen(session=None).next(), client.Unauthenticated)


def test_notifications_resume_by_their_own_number(
    api: Api, proxy: Proxy, wallet: Wallet, beta: Wallet, listen: Callable[..., Listener]
) -> None:
    beta.add_balance(10)
    [*past] = wallet.past_notifications(page_size=1)
    start = past[0].number if past else 0
    listener = listen(start, "notifications")
    for number in (1, 2):
        sent = beta.send_money(client.Recipient.email(ALPHA), "0.10")
        assert isinstance(sent, client.MoneySent)
        told = listener.next()
        assert (told.number, told.kind) == (start + number, client.NotificationKind.MONEY_RECEIVED)
        assert told.transaction is not None
        assert told.transaction.reference == sent.transaction.reference
        proxy.cut()
    assert listen(start + 1, "notifications").next() == told
    marked = wallet.mark_notifications_read(start + 1)
    assert isinstance(marked, client.NotificationsRead)
    unread = [one.number for one in wallet.past_notifications(unread_only=True)]
    assert unread == [start + 2]
    assert marked.viewer.unread_notifications == 1


@pytest.mark.anyio
async def test_the_asynchronous_client_listens_likewise(
    api: Api, proxy: Proxy, wallet: Wallet, open_wallet: Callable[..., AsyncWallet]
) -> None:
    start = _sequence(wallet)
    async with (
        open_wallet(session=wallet.session) as other,
        aclosing(other.events(start)) as events,
    ):
        for number in (1, 2):
            _add(api, wallet)
            assert (await anext(events)).sequence == start + number
            proxy.cut()


def test_a_stream_that_is_closed_leaves_no_connection(proxy: Proxy, wallet: Wallet) -> None:
    with closing(wallet.events(_sequence(wallet) - 1)) as events:
        next(events)
    assert isinstance(wallet._transport.http, httpx.Client)
    assert not wallet._transport.http._transport._pool.connections  # type: ignore[attr-defined]


def _refusal(listener: Listener) -> str:
    """Why the service refuses to go on."""
    error = listener.next()
    assert isinstance(error, client.ApiError), error
    assert error.code == "BAD_USER_INPUT"
    reason: str = error.extensions["reason"]
    return reason


def test_a_listener_starts_over_after_a_restore(start_api: Callable[..., Api]) -> None:
    # The epoch is the service's: other tests listen without it.
    api = start_api()
    asyncio.run(add_people(api.settings))
    with signed_in(api.url, ALPHA) as alpha, signed_in(api.url, BETA) as beta:
        beta.add_balance(10)

        def pay() -> None:
            paid = beta.send_money(client.Recipient.email(ALPHA), "0.10")
            assert isinstance(paid, client.MoneySent)

        def listen(after: int, epoch: str | None = None) -> Iterator[tuple[Listener, str]]:
            for kind in (Listener, AsyncListener):
                yield kind(alpha, after, "events", epoch), "sequence"
                yield kind(alpha, after, "notifications", epoch), "number"

        pay()
        before = alpha.epoch()
        running = [*listen(1, before)]
        for number in (2, 3):
            pay()
            for listener, numbered in running:
                assert getattr(listener.next(), numbered) == number
        # As long as nothing was restored, a client that does not know epochs resumes as well.
        unaware = [*listen(2)]
        assert [getattr(each.next(), numbered) for each, numbered in unaware] == [3] * 4

        assert epoch.begin(api.settings) == 0
        for listener, _ in [*running, *unaware]:
            assert _refusal(listener) == "EPOCH_ENDED"
        for given in (before, None):
            assert {_refusal(each) for each, _ in listen(3, given)} == {"EPOCH_ENDED"}

        now = alpha.epoch()
        assert now != before
        anew = [*listen(0)]
        assert [getattr(each.next(), numbered) for each, numbered in anew] == [1] * 4
        resumed = [*listen(3, now)]
        pay()
        assert [getattr(each.next(), numbered) for each, numbered in resumed] == [4] * 4
        alpha.logout()
        for listener, _ in [*anew, *resumed]:
            assert isinstance(listener.end(), client.Unauthenticated)
