"""WebSockets and streams are limited per account; each that ends frees a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.app.conftest import BETA, GAMMA, Api, code_of
from tests.graphql_server import test_multipart, test_sse, test_websocket
from tests.waiting import block_until

LISTEN = "subscription { walletEvents { sequence } }"


@pytest.fixture
def three(api: Api, start_api: Callable[..., Api]) -> Api:
    """A server that allows three per account, and more per client."""
    return start_api(database_url=api.settings.database_url, rate_limit_factor=0.03)


@pytest.fixture
def full(api: Api, three: Api) -> Iterator[tuple[str, ExitStack]]:
    """An account that has one of each kind, and what closes them."""
    token = api.sign_in(GAMMA)
    with ExitStack() as opened:
        socket = opened.enter_context(test_websocket.opened(three))
        test_websocket.begin(socket, token)
        # An iterator that nobody keeps closes its stream.
        parts = opened.enter_context(test_multipart.streamed(three, LISTEN, token=token))
        next(parts)
        opened.enter_context(test_sse.streamed(three, LISTEN, token=token))
        yield token, opened


def test_one_more_than_an_account_may_have_is_refused(
    three: Api, full: tuple[str, ExitStack]
) -> None:
    token, _ = full
    refused = three.post(LISTEN, token=token, accept="text/event-stream")
    assert refused.status_code == 429
    assert code_of(refused.json()) == "RATE_LIMITED"
    assert "account" in refused.json()["errors"][0]["message"]
    policy = '"streams.account";q=3;qu="concurrent-requests"'
    assert refused.headers["ratelimit-policy"] == policy
    assert (
        refused.headers["ratelimit"] == f'"streams.account";r=0;t={refused.headers["retry-after"]}'
    )
    with test_websocket.opened(three) as socket:
        test_websocket.say(
            socket, type="connection_init", payload={"Authorization": f"Bearer {token}"}
        )
        # The official clients try again later.
        assert test_websocket.close_code(socket) == 1013


def test_other_accounts_and_signed_out_clients_are_not_affected(
    api: Api, three: Api, full: tuple[str, ExitStack]
) -> None:
    for token in (api.sign_in(BETA), None):
        with test_websocket.opened(three) as socket:
            test_websocket.begin(socket, token)


def test_what_ends_makes_room(three: Api, full: tuple[str, ExitStack]) -> None:
    token, opened = full
    opened.close()
    quota = three.app._edge.account_streams
    block_until(lambda: not quota._by_client)
    with test_websocket.opened(three) as socket:
        test_websocket.begin(socket, token)
