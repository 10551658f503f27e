"""The installed wallet: it opens without a network, keeps no user's data for another, and takes up new versions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person

KEPT = """async () => {
    const caches_ = await Promise.all((await caches.keys()).map(name => caches.open(name)));
    const requests = await Promise.all(caches_.map(cache => cache.keys()));
    return requests.flat().map(({url}) => new URL(url).pathname);
}"""
NEWEST_BUILD = """() => new Promise(resolve => {
    navigator.serviceWorker.addEventListener('message', ({data}) => resolve(data.entry), {once: true});
    navigator.serviceWorker.controller.postMessage('which build');
})"""
IS_CONTROLLED = "navigator.serviceWorker.controller !== null"
OWN_BUILD = "new URL(document.querySelector('script[type=module][src]').src).pathname"
#: As the service worker answers after a release.
RELEASE = """navigator.serviceWorker.dispatchEvent(
    new MessageEvent('message', {data: {entry: '/assets/index-newer.js'}}))"""


def last_known(page: Page) -> list[str]:
    keys: list[str] = page.evaluate("Object.keys(localStorage)")
    return [key for key in keys if key.startswith("mini-wallet.last-balance.")]


def test_an_installed_wallet_opens_offline_with_the_balance_it_saw_last(
    new_context: Callable[..., BrowserContext], axe: Axe, alpha: Person, beta: Person
) -> None:
    context = new_context(alpha, service_workers="allow", viewport=PHONE)
    page = context.new_page()
    page.goto("/")
    expect(actions.balance(page)).to_have_text("$500.00")
    actions.until(page, lambda: page.evaluate(IS_CONTROLLED))
    assert page.evaluate(NEWEST_BUILD) == page.evaluate(OWN_BUILD)

    context.set_offline(True)
    expect(page.get_by_text(re.compile(r"^Last known balance, \d"))).to_be_visible()
    page.reload()
    shown = page.get_by_role("region", name=re.compile(r"^Last known balance, \d"))
    expect(shown).to_contain_text("$500.00")
    expect(page.get_by_text("You’re offline.")).to_be_visible()
    axe.check(page)
    page.goto("/activity")
    expect(shown).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_role("heading", name="Activity", level=1)).to_be_visible()

    # Everything that is kept is the same for everybody.
    assert all(path == "/" or path.startswith("/assets/") for path in page.evaluate(KEPT))
    assert len(last_known(page)) == 1
    page.goto("/settings")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    assert last_known(page) == []
    actions.sign_in(page, beta.email)
    expect(actions.balance(page)).to_have_text("$0.00")
    context.set_offline(True)
    page.reload()
    expect(shown).to_contain_text("$0.00")
    expect(page.get_by_text("$500.00")).to_have_count(0)


def test_the_balance_of_an_earlier_user_is_gone_before_anything_is_shown(
    new_page: NewPage, alpha: Person
) -> None:
    page = new_page(alpha)
    expect(actions.balance(page)).to_have_text("$500.00")
    actions.until(page, lambda: last_known(page))
    # The session ends elsewhere, while this browser is closed.
    page.goto("/healthz")
    page.context.clear_cookies()
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    assert last_known(page) == []


def test_a_new_version_waits_for_the_next_page_and_loses_nothing_that_was_typed(
    new_context: Callable[..., BrowserContext], axe: Axe, alpha: Person
) -> None:
    page = new_context(alpha, service_workers="allow", viewport=PHONE).new_page()
    page.goto("/settings/profile")
    name = page.get_by_role("textbox", name="Name")
    name.fill("Anna Typed")
    actions.until(page, lambda: page.evaluate(IS_CONTROLLED))
    page.evaluate("window.isTheSamePage = true")
    page.evaluate(RELEASE)
    notice = page.get_by_role("status").filter(has_text="A new version of Mini Wallet is available")
    expect(notice).to_be_visible()
    axe.check(page)
    notice.get_by_role("button", name="Load it now").click()
    expect(notice).to_contain_text("What you typed on this page will be lost.")
    notice.get_by_role("button", name="Not now").click()
    expect(name).to_have_value("Anna Typed")
    assert page.evaluate("window.isTheSamePage") is True
    page.get_by_role("navigation").get_by_role("link", name="Activity").click()
    expect(page.get_by_role("heading", name="Activity", level=1)).to_be_visible()
    assert page.evaluate("window.isTheSamePage") is None
    expect(notice).to_have_count(0)


def test_a_page_that_cannot_be_loaded_says_so_and_is_tried_again(
    new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    page = new_page(alpha, "/settings", viewport=PHONE)
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    page.route(re.compile("/assets/Devices-.*"), lambda route: route.abort())
    page.get_by_role("link", name="Devices").click()
    expect(page.get_by_role("heading", name="This page could not be loaded")).to_be_visible()
    expect(page.get_by_text("Your money is not affected.")).to_be_visible()
    axe.check(page)
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("This device")).to_be_visible()


def test_the_wallet_can_be_installed(new_page: NewPage) -> None:
    page = new_page(path="/sign-in")
    href = page.locator("link[rel=manifest]").get_attribute("href")
    assert href is not None
    answer = page.request.get(href)
    assert answer.headers["content-type"].startswith("application/manifest+json")
    manifest = json.loads(answer.text())
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == (
        "/",
        "/",
        "standalone",
    )
    icons = [
        *manifest["icons"],
        *(icon for each in manifest["shortcuts"] for icon in each["icons"]),
    ]
    assert {icon["sizes"] for icon in icons} >= {"192x192", "512x512"}
    assert any(icon.get("purpose") == "maskable" for icon in icons)
    for icon in icons:
        shown = page.request.get(icon["src"])
        assert (shown.status, shown.headers["content-type"].split(";")[0]) == (200, icon["type"])
