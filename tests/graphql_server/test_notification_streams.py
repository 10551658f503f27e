"""The second numbered stream over every transport: each notification once and in order, after a number."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.app.conftest import ALPHA, BETA, Api
from tests.graphql_server import test_multipart, test_sse
from tests.graphql_server.test_websocket import begin, hear, opened, say, subscribe

LISTEN = "subscription ($after: Int) { notifications(afterNumber: $after) { number message } }"
SEND = """
mutation ($input: SendMoneyInput!) { sendMoney(input: $input) { __typename } }
"""
NEWEST = "{ viewer { notifications(first: 1) { nodes { number } } } }"
_keys = itertools.count(1)


class Transfers:
    """Alpha sends money to Beta, who listens."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._sender = api.sign_in(ALPHA)
        self.token = api.sign_in(BETA)
        api.add_balance(self._sender, "10")

    def send(self) -> int:
        """The number of Beta's notification of another transfer."""
        given: dict[str, Any] = {
            "recipient": {"email": BETA},
            "amount": "0.01",
            "idempotencyKey": f"notifying-{next(_keys):06}",
        }
        sent = self._api.data(SEND, {"input": given}, token=self._sender)["sendMoney"]
        assert sent == {"__typename": "MoneySent"}
        nodes = self._api.data(NEWEST, token=self.token)["viewer"]["notifications"]["nodes"]
        number: int = nodes[0]["number"]
        return number


@pytest.fixture
def transfers(api: Api) -> Transfers:
    return Transfers(api)


def after(number: int) -> str:
    return LISTEN.replace(" ($after: Int)", "").replace("$after", str(number))


def test_a_websocket_hears_of_notifications_and_resumes_after_a_number(
    api: Api, transfers: Transfers
) -> None:
    first = transfers.send()
    second = transfers.send()
    with opened(api) as socket:
        begin(socket, transfers.token)
        subscribe(socket, "n", LISTEN, after=first - 1)
        events = [hear(socket)["payload"]["data"]["notifications"] for _ in range(2)]
        assert [event["number"] for event in events] == [first, second]
        third = transfers.send()
        event = hear(socket)["payload"]["data"]["notifications"]
        assert event["number"] == third == second + 1
        assert event["message"].endswith(" sent you 0.01 USD.")
        say(socket, type="complete", id="n")


def test_an_events_id_is_its_number_even_if_it_was_not_selected(
    api: Api, transfers: Transfers
) -> None:
    query = "subscription { n: notifications { kind } }"
    with test_sse.streamed(api, query, token=transfers.token) as events:
        number = transfers.send()
        event = next(events)
        assert event["id"] == str(number)
        assert event["payload"] == {"data": {"n": {"kind": "MONEY_RECEIVED"}}}


def test_last_event_id_counts_as_after_number(api: Api, transfers: Transfers) -> None:
    first = transfers.send()
    second = transfers.send()
    with test_sse.streamed(
        api, after(0), token=transfers.token, last_event_id=str(first)
    ) as events:
        assert next(events)["id"] == str(second)
    beyond = str(second + 1)
    with test_sse.streamed(api, after(0), token=transfers.token, last_event_id=beyond) as events:
        (error,) = next(events)["payload"]["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_parts_resume_after_a_number_by_argument_or_header(api: Api, transfers: Transfers) -> None:
    first = transfers.send()
    second = transfers.send()
    with test_multipart.streamed(api, after(first), token=transfers.token) as parts:
        event = next(test_multipart.results(parts))["payload"]["data"]["notifications"]
        assert event["number"] == second
    with test_multipart.streamed(
        api, after(0), token=transfers.token, last_event_id=str(first)
    ) as parts:
        event = next(test_multipart.results(parts))["payload"]["data"]["notifications"]
        assert event["number"] == second
