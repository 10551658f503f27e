"""The device cookie: set only for browsers that have signed in."""

from __future__ import annotations

import pytest

from app.http import device_cookie
from tests.app.conftest import ALPHA, PASSWORD, Api

LOGIN = "mutation ($input: LoginInput!) { login(input: $input) { __typename } }"


def _device_cookies(api: Api, password: str, *, use_cookie: bool) -> list[str]:
    given = {"email": ALPHA, "password": password, "useCookie": use_cookie}
    answer = api.post(LOGIN, {"input": given})
    return [
        cookie
        for cookie in answer.headers.get_list("set-cookie")
        if cookie.startswith("wallet_device=")
    ]


def test_a_browser_that_signs_in_is_known_from_then_on(api: Api) -> None:
    [cookie] = _device_cookies(api, PASSWORD, use_cookie=True)
    assert cookie.endswith("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict")
    assert _device_cookies(api, "wrong", use_cookie=True) == []
    assert _device_cookies(api, PASSWORD, use_cookie=False) == []


def test_over_https_the_cookie_is_this_very_hosts() -> None:
    assert device_cookie.render("abc", secure=True) == (
        "__Host-wallet_device=abc; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict; Secure"
    )


@pytest.mark.parametrize(
    ("header", "secure", "token"),
    [
        (None, False, None),
        ("theme=dark; wallet_device=abc", False, "abc"),
        ("wallet_device=abc; wallet_device=def", False, "abc"),
        ("__Host-wallet_device=abc; wallet_device=def", True, "abc"),
        ("wallet_device=abc", True, None),
    ],
)
def test_the_token_is_read_by_the_name_in_use(
    header: str | None, secure: bool, token: str | None
) -> None:
    assert device_cookie.read(header, secure=secure) == token
