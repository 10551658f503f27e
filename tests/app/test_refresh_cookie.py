"""The refresh cookie: its name, its attributes, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.http import refresh_cookie
from app.http.refresh_cookie import Received
from tests.app.conftest import ALPHA, LOGIN, PASSWORD, Api, code_of

REFRESH = "mutation { refreshSession(input: {}) { __typename } }"
SIGN_IN = {"input": {"email": ALPHA, "password": PASSWORD, "useCookie": True}}


def test_over_https_the_cookie_is_this_very_hosts() -> None:
    assert refresh_cookie.render("abc", 60, secure=True) == (
        "__Host-wallet_refresh=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
    )
    assert refresh_cookie.clear(secure=True) == (
        "__Host-wallet_refresh=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"
    )


def test_without_https_the_cookie_has_a_plain_name() -> None:
    assert refresh_cookie.render("abc", 60, secure=False) == (
        "wallet_refresh=abc; Path=/graphql; Max-Age=60; HttpOnly; SameSite=Strict"
    )


@pytest.mark.parametrize(
    ("header", "secure", "received"),
    [
        (None, False, Received()),
        ("", True, Received()),
        ("theme=dark; wallet_refresh=abc", False, Received("abc")),
        ('wallet_refresh="abc"', False, Received("abc")),
        ("wallet_refresh=abc;wallet_refresh=def", False, Received("abc", is_ambiguous=True)),
        ("__Host-wallet_refresh=abc", True, Received("abc")),
        (
            "__Host-wallet_refresh=a; __Host-wallet_refresh=a",
            True,
            Received("a", is_ambiguous=True),
        ),
        ("wallet_refresh=old; __Host-wallet_refresh=abc", True, Received("abc", is_outdated=True)),
        ("wallet_refresh=old", True, Received(is_outdated=True)),
        ("not_wallet_refresh=abc; x=wallet_refresh=abc", False, Received()),
    ],
)
def test_what_a_request_carries(header: str | None, secure: bool, received: Received) -> None:
    assert refresh_cookie.read(header, secure=secure) == received


def test_a_request_with_two_refresh_cookies_is_refused(api: Api) -> None:
    first, second = [api.post(LOGIN, SIGN_IN).headers["set-cookie"].split(";")[0] for _ in range(2)]
    api.client.cookies.clear()
    for query in (REFRESH, "{ viewer { id } }"):
        answer = api.post(query, cookie=f"{first}; {second}")
        assert answer.status_code == 400
        assert code_of(answer.json()) == "BAD_USER_INPUT"
        assert answer.headers["set-cookie"].startswith("wallet_refresh=; ")
    for each in (first, second):
        answer = api.post(REFRESH, cookie=each)
        assert answer.json()["data"]["refreshSession"]["__typename"] == "SignedIn"
        api.client.cookies.clear()


def test_over_https_an_outdated_cookie_is_cleared_and_counts_for_nothing(
    api: Api, start_api: Callable[..., Api]
) -> None:
    secure = start_api(app_url="https://wallet.example", database_url=api.settings.database_url)
    cookie = secure.post(LOGIN, SIGN_IN).headers["set-cookie"].split(";")[0]
    name, _, token = cookie.partition("=")
    assert name == "__Host-wallet_refresh"
    secure.client.cookies.clear()
    old = secure.post(REFRESH, cookie=f"wallet_refresh={token}")
    assert old.json()["data"]["refreshSession"]["__typename"] == "InvalidToken"
    assert old.headers.get_list("set-cookie") == [
        "wallet_refresh=; Path=/graphql; Max-Age=0; HttpOnly; SameSite=Strict; Secure"
    ]
    secure.client.cookies.clear()
    both = secure.post(REFRESH, cookie=f"wallet_refresh=planted; {cookie}")
    assert both.json()["data"]["refreshSession"]["__typename"] == "SignedIn"
    cleared, kept = both.headers.get_list("set-cookie")
    assert cleared.startswith("wallet_refresh=; ")
    assert kept.startswith("__Host-wallet_refresh=")
