"""A browser that blocks or lacks something: the wallet works without it, or says what is blocked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from dev import browser as chromium
from dev import processes
from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.stack import Person, Stack

THROWS = "() => { throw new DOMException('Access is denied.', 'SecurityError'); }"
NO_STORAGE = f"""for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches'])
    Object.defineProperty(window, name, {{get: {THROWS}}});"""
NO_LOCKS = f"Object.defineProperty(Navigator.prototype, 'locks', {{get: {THROWS}}});"
LOCKS_REFUSE = f"LockManager.prototype.request = async {THROWS};"
NO_CHANNELS = f"window.BroadcastChannel = class {{ constructor() {{ ({THROWS})() }} }};"
#: As Chromium does it: what is set is ignored.
NO_COOKIES = """Object.defineProperty(Navigator.prototype, 'cookieEnabled', {get: () => false});
    Object.defineProperty(Document.prototype, 'cookie', {get: () => '', set: () => undefined});"""
#: What a plain http address that is not this machine's own lacks, and what older browsers do.
LACKING = """for (const name of ['locks', 'clipboard', 'share', 'wakeLock'])
    Object.defineProperty(Navigator.prototype, name, {get: () => undefined});
    delete Crypto.prototype.randomUUID; delete window.matchMedia; delete window.BroadcastChannel;
    delete AbortSignal.any; delete AbortSignal.timeout;"""
COOKIES_BLOCKED = "This browser blocks cookies for this site."
STORAGE_BLOCKED = "This browser blocks storage for this site."


@pytest.fixture
def everything_blocked(
    browser: Browser, tmp_path: Path
) -> Iterator[Callable[[str], BrowserContext]]:
    """Open a Chromium whose setting is to block all site data."""
    opened: list[BrowserContext] = []

    def open_context(url: str) -> BrowserContext:
        preferences = tmp_path / "Default" / "Preferences"
        preferences.parent.mkdir()
        blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
        preferences.write_text(json.dumps(blocked))
        opened.append(
            browser.browser_type.launch_persistent_context(
                tmp_path,
                executable_path=chromium.chromium_path(),
                env={**processes.minimal_environment()},
                args=[*chromium.ARGUMENTS],
                base_url=url,
                locale="en-US",
            )
        )
        return opened[0]

    yield open_context
    for context in opened:
        context.close()


def sign_in_and_send(page: Page, person: Person, to: Person) -> None:
    page.goto("/")
    actions.sign_in(page, person.email)
    expect(actions.balance(page)).to_have_text("$500.00")
    page.get_by_role("link", name="Send", exact=True).first.click()
    actions.fill_in_payment(page, to.name, "20")
    actions.confirm(page, "20.00")
    expect(actions.receipt(page, "20.00", to.name)).to_be_visible()
    page.get_by_role("link", name="Done").click()
    expect(actions.balance(page)).to_have_text("$480.00")
    assert to.balance == "20.00"


@pytest.mark.parametrize(
    "script",
    [NO_STORAGE, NO_LOCKS, LOCKS_REFUSE, NO_CHANNELS, NO_COOKIES, LACKING],
    ids=["storage", "locks", "locks refuse", "channels", "cookies", "lacking"],
)
def test_money_is_sent_without_what_is_blocked(
    new_context: Callable[..., BrowserContext], alpha: Person, beta: Person, script: str
) -> None:
    context = new_context()
    page = context.new_page()
    page.add_init_script(script)
    sign_in_and_send(page, alpha, beta)
    keeps_no_cookie = script is NO_COOKIES
    assert (context.cookies() == []) is keeps_no_cookie
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    expect(page.get_by_text(COOKIES_BLOCKED)).to_have_count(int(keeps_no_cookie))


def test_with_all_site_data_blocked_a_session_lives_as_long_as_its_tab(
    stack: Stack,
    everything_blocked: Callable[[str], BrowserContext],
    axe: Axe,
    alpha: Person,
    beta: Person,
) -> None:
    with stack.second_api(ACCESS_TOKEN_SECONDS="5") as url:
        context = everything_blocked(url)
        page = context.new_page()
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        renewed: list[str] = []
        page.on(
            "requestfinished",
            lambda request: (
                renewed.append(request.url)
                if '"refreshToken":"' in (request.post_data or "")
                else None
            ),
        )
        for path in ("/register", "/"):
            page.goto(path)
            expect(page.get_by_text(COOKIES_BLOCKED)).to_be_visible()
            axe.check(page)
        actions.sign_in(page, alpha.email)
        expect(actions.balance(page)).to_have_text("$500.00")
        actions.until(page, lambda: len(renewed) >= 2)
        page.get_by_role("link", name="Send", exact=True).first.click()
        actions.fill_in_payment(page, beta.name, "20")
        expect(page.get_by_text(STORAGE_BLOCKED)).to_be_visible()
        axe.check(page)
        actions.confirm(page, "20.00")
        expect(actions.receipt(page, "20.00", beta.name)).to_be_visible()
        assert alpha.balance == "480.00"
        page.reload()
        expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()


def test_a_payment_that_is_kept_nowhere_is_not_left_without_a_warning(
    new_context: Callable[..., BrowserContext], alpha: Person, beta: Person
) -> None:
    page = new_context(alpha).new_page()
    page.add_init_script(NO_STORAGE)
    page.goto("/send")
    held: list[Route] = []
    actions.intercept(page, "SendMoney", held.append)
    actions.fill_in_payment(page, beta.name, "20")
    actions.confirm(page, "20.00")
    actions.until(page, lambda: held)
    warned: list[str] = []

    def stay(dialog: object) -> None:
        warned.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    page.evaluate("location.assign('/settings')")
    actions.until(page, lambda: warned == ["beforeunload"])
    held[0].continue_()
    expect(actions.receipt(page, "20.00", beta.name)).to_be_visible()
    page.goto("/settings")
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    assert warned == ["beforeunload"]


def fulfil(page: Page, status: int, content_type: str, body: str) -> None:
    page.route(
        "**/graphql",
        lambda route: route.fulfill(status=status, content_type=content_type, body=body),
    )


def test_a_page_that_cannot_begin_says_what_is_at_fault(
    new_context: Callable[..., BrowserContext], axe: Axe, alpha: Person
) -> None:
    context = new_context(alpha)
    cases: list[tuple[Callable[[Page], object], str]] = [
        (
            lambda page: fulfil(page, 502, "text/html", "<h1>Bad gateway</h1>"),
            "isn’t responding yet",
        ),
        (lambda page: fulfil(page, 403, "text/html", "<h1>Forbidden</h1>"), r"refused .*HTTP 403"),
        (
            lambda page: fulfil(
                page,
                200,
                "application/json",
                '{"errors": [{"message": "Busy.", "extensions": '
                '{"code": "RATE_LIMITED", "retryAfterSeconds": 30}}]}',
            ),
            r"Try again in 30 seconds",
        ),
        (lambda page: page.add_init_script("JSON.stringify = () => { throw 1 }"), "on this page"),
    ]
    for break_it, words in cases:
        page = context.new_page()
        break_it(page)
        page.goto("/")
        expect(page.get_by_role("status").filter(has_text=re.compile(words))).to_be_visible()
        axe.check(page)
        page.close()


def test_a_wallet_that_cannot_be_read_says_why(
    new_context: Callable[..., BrowserContext], axe: Axe, alpha: Person
) -> None:
    page = new_context(alpha).new_page()
    page.route_web_socket(re.compile("^ws://"), lambda socket: socket.close(code=1011))
    refused = {"status": 403, "content_type": "text/html", "body": "<h1>Forbidden</h1>"}
    actions.intercept(page, "WalletNow", lambda route: route.fulfill(**refused))  # type: ignore[arg-type]
    page.goto("/")
    expect(page.get_by_text(re.compile(r"refused this request \(HTTP 403\)"))).to_be_visible()
    axe.check(page)
    page.unroute_all()
    expect(actions.balance(page)).to_have_text("$500.00")


def test_a_page_without_a_network_says_that(
    new_context: Callable[..., BrowserContext], alpha: Person
) -> None:
    page = new_context(alpha).new_page()
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'onLine', {get: () => false})")
    page.route("**/graphql", lambda route: route.abort())
    page.goto("/")
    expect(page.get_by_text("You’re offline. Mini Wallet opens")).to_be_visible()
    page.unroute_all()
    expect(actions.balance(page)).to_have_text("$500.00")


def test_what_cannot_be_copied_says_so(
    new_context: Callable[..., BrowserContext], alpha: Person
) -> None:
    page = new_context(alpha).new_page()
    page.add_init_script(LACKING)
    page.goto("/")
    actions.lines(page, "Added money").click()
    page.get_by_role("button", name="Copy reference").click()
    expect(actions.toast(page, "The reference could not be copied")).to_be_visible()


def test_the_playground_opens_and_signs_in_without_storage(
    new_context: Callable[..., BrowserContext],
) -> None:
    page = new_context().new_page()
    page.add_init_script(NO_STORAGE)
    page.goto("/graphql")
    page.get_by_role("group", name="Sign in as a demo user").get_by_role("button").first.click()
    expect(page.get_by_text("user.alpha@demo.app")).to_be_visible()
    expect(page.get_by_role("tab").first).to_be_visible()
