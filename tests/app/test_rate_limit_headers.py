"""What answers say of rate limits: `RateLimit-Policy` and `RateLimit`, as the IETF draft has them."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from adapters.rate_limiter import all_taken
from app.http import rate_limits
from tests.app.conftest import ADD, ALPHA, LOGIN, Api

_POLICY = re.compile(r'"([a-zA-Z_.]+)";q=([0-9]+);w=([0-9]+)')
_LIMIT = re.compile(r'"([a-zA-Z_.]+)";r=([0-9]+);t=([0-9]+)')
VIEWER = "{ viewer { id } }"


@pytest.fixture
def limited(api: Api, start_api: Callable[..., Api]) -> Callable[[float], Api]:
    """An API on the shared database and a Redis of its own, with limits."""
    return lambda factor: start_api(
        database_url=api.settings.database_url,
        rate_limit_factor=factor,
        allowed_origins=("https://friend.example",),
    )


def told(answer: httpx.Response) -> tuple[str, int, int, int, int]:
    """The name, quota, window, remaining uses and seconds until there is more."""
    policy = _POLICY.fullmatch(answer.headers["ratelimit-policy"])
    limit = _LIMIT.fullmatch(answer.headers["ratelimit"])
    assert policy is not None
    assert limit is not None
    assert policy[1] == limit[1]
    return (policy[1], *map(int, (policy[2], policy[3], limit[2], limit[3])))


def test_reads_and_changes_tell_what_is_left_of_their_limits(
    limited: Callable[[float], Api],
) -> None:
    api = limited(1)
    token = api.sign_in(ALPHA)
    reads = [told(api.post(VIEWER, token=token)) for _ in range(60)]
    assert {each[:3] for each in reads} == {("reads", 3000, 60)}
    assert [each[3] for each in reads] == list(range(2999, 2939, -1))
    assert all(1 <= each[4] <= 60 for each in reads)
    added = {"input": {"amount": "1.00", "idempotencyKey": "limited-1"}}
    assert told(api.post(ADD, added, token=token))[:4] == ("addBalance.account", 600, 60, 599)


def test_the_limit_closest_to_exhaustion_is_told(limited: Callable[[float], Api]) -> None:
    api = limited(1)
    names = []
    for number in range(5):
        wrong = {"input": {"email": f"nobody{number}@example.com", "password": "wrong"}}
        names.append(told(api.post(LOGIN, wrong))[::3])
    # One of 20 attempts at an account is more than one of 60 from a client, until the fifth.
    assert names[0] == ("login.named_account_at_client", 19)
    assert names[4] == ("login.client", 55)
    token = api.sign_in(ALPHA)
    both = "{ viewer { id } } "
    assert told(api.post(both, token=token))[0] == "reads"
    several = """mutation ($input: AddBalanceInput!) {
      a: addBalance(input: $input) { __typename } b: addBalance(input: $input) { __typename }
    }"""
    added = {"input": {"amount": "1.00", "idempotencyKey": "limited-2"}}
    assert told(api.post(several, added, token=token))[:4] == ("addBalance.account", 600, 60, 598)


def test_a_refusal_tells_the_same_time_everywhere(limited: Callable[[float], Api]) -> None:
    api = limited(1 / 60)
    wrong = {"input": {"email": "nobody@example.com", "password": "wrong"}}
    assert told(api.post(LOGIN, wrong))[:4] == ("login.client", 1, 60, 0)
    refused = api.post(LOGIN, wrong)
    seconds = refused.json()["errors"][0]["extensions"]["retryAfterSeconds"]
    assert told(refused) == ("login.client", 1, 60, 0, seconds)


def test_requests_refused_as_a_whole_tell_their_limit_too(limited: Callable[[float], Api]) -> None:
    api = limited(1 / 60)
    for _ in range(7):
        last = api.post("{ nonsense }", accept="application/graphql-response+json")
        if last.status_code == 429:
            break
    assert last.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    seconds = last.json()["errors"][0]["extensions"]["retryAfterSeconds"]
    assert last.headers["retry-after"] == str(seconds)
    name, quota, window, remaining, reset = told(last)
    assert (name, quota, window, remaining, reset) == ("refusals", 5, 60, 0, seconds)


def test_what_selects_only_its_typename_is_told_its_limit_once(
    limited: Callable[[float], Api],
) -> None:
    api = limited(1 / 60)
    answers = [
        api.post("{ __typename }", accept="application/graphql-response+json") for _ in range(60)
    ]
    assert [answer.status_code for answer in answers] == [200] * 50 + [429] * 10
    for answer in answers:
        assert len(answer.headers.get_list("ratelimit")) == 1
        assert told(answer)[0] == "reads"
    assert answers[-1].headers["retry-after"] == str(told(answers[-1])[4])


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
def test_streams_tell_the_limit_of_their_operation(
    limited: Callable[[float], Api], accept: str
) -> None:
    api = limited(1)
    token = api.sign_in(ALPHA)
    headers = {"accept": accept, "authorization": f"Bearer {token}"}
    body = {"query": "subscription { walletEvents { sequence } }"}
    with api.client.stream("POST", "/graphql", json=body, headers=headers) as stream:
        assert stream.status_code == 200
        name, quota, _, remaining, _ = told(stream)
        assert (name, quota) == ("walletEvents.account", 300)
        assert remaining < 300
    query = api.post(VIEWER, token=token, accept="text/event-stream")
    assert told(query)[:2] == ("reads", 3000)


def test_pages_of_other_origins_can_read_them(limited: Callable[[float], Api]) -> None:
    answer = limited(1).post(VIEWER, origin="https://friend.example")
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"ratelimit", "ratelimit-policy"} <= set(exposed)


def test_without_limits_nothing_is_told(api: Api) -> None:
    answer = api.post(VIEWER)
    assert "ratelimit" not in answer.headers
    assert "ratelimit-policy" not in answer.headers


def test_a_limit_on_what_is_under_way_has_no_window() -> None:
    assert rate_limits.fields(all_taken("searches", 22, 1)) == {
        "ratelimit-policy": '"searches";q=22;qu="concurrent-requests"',
        "ratelimit": '"searches";r=0;t=1',
    }
