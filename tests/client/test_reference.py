"""The API reference as readers use it: searching, on a phone, by keyboard, and into the playground."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.client.axe import DESKTOP, PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Stack


@pytest.mark.parametrize(
    ("color_scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)], ids=["light", "dark"]
)
def test_it_is_accessible_and_fits_the_screen(
    new_page: NewPage, axe: Axe, color_scheme: str, viewport: dict[str, int]
) -> None:
    page = new_page(path="/docs", color_scheme=color_scheme, viewport=viewport)
    # Entries are alike, and axe takes ten seconds for all of them.
    page.evaluate(KEEP_SOME)
    axe.check(page)
    page.keyboard.press("/")
    page.keyboard.type("money")
    expect(results(page).first).to_be_visible()
    axe.check(page)


def test_a_slash_searches_and_arrows_and_enter_lead_to_what_is_found(new_page: NewPage) -> None:
    page = new_page(path="/docs")
    page.keyboard.press("/")
    expect(page.get_by_label("Search the reference")).to_be_focused()
    page.keyboard.type("sendmoney")
    expect(results(page).first).to_contain_text("sendMoney mutation")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#Mutation.sendMoney"
    expect(page.get_by_role("heading", name="sendMoney", exact=True)).to_be_in_viewport()

    page.keyboard.press("Escape")
    expect(results(page)).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("viewer balance")
    expect(results(page).first).to_contain_text("Viewer.balance field")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#Viewer.balance"
    # Words of the guide are found too.
    page.get_by_label("Search the reference").fill("heartbeat")
    expect(results(page).filter(has_text="Subscriptions guide")).to_be_visible()
    page.get_by_label("Search the reference").fill("zebra crossing")
    expect(page.get_by_text("Nothing found.")).to_be_visible()


def test_on_a_phone_contents_and_results_cover_the_page_until_one_is_chosen(
    new_page: NewPage,
) -> None:
    page = new_page(path="/docs", viewport=PHONE)
    contents = page.get_by_role("navigation", name="Contents")
    expect(contents).to_be_hidden()
    page.get_by_role("button", name="Contents").click()
    contents.get_by_role("link", name="walletEvents").click()
    expect(contents).to_be_hidden()
    expect(page.get_by_role("heading", name="walletEvents", exact=True)).to_be_in_viewport()
    page.get_by_label("Search the reference").fill("TransactionFilter")
    results(page).first.click()
    expect(page.get_by_role("heading", name="TransactionFilter", exact=True)).to_be_in_viewport()
    expect(results(page)).to_have_count(0)


def test_it_works_without_a_network(stack: Stack, new_page: NewPage) -> None:
    page = new_page(path="/docs")
    foreign = [entry for entry in page.evaluate(LOADED) if not entry.startswith(stack.url)]
    assert foreign == []
    page.context.set_offline(True)
    page.keyboard.press("/")
    page.keyboard.type("closeIdempotencyKey")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#Mutation.closeIdempotencyKey"
    page.context.set_offline(False)


def test_it_works_without_scripts(stack: Stack, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={**PHONE})
    try:
        page = context.new_page()
        page.goto(f"{stack.url}/docs#Money")
        expect(page.get_by_role("heading", name="Money", exact=True)).to_be_in_viewport()
        expect(page.get_by_role("navigation", name="Contents")).to_be_visible()
        expect(page.get_by_role("searchbox")).to_be_hidden()
    finally:
        context.close()


def test_an_example_opens_in_the_playground_which_leads_back(new_page: NewPage) -> None:
    page = new_page(path="/docs#Query.wallet")
    section = page.locator("[id='Query.wallet']")
    section.get_by_role("link", name="Open in the playground").click()
    tab = page.get_by_role("tab", name=re.compile("^Wallet"))
    expect(tab).to_have_attribute("aria-selected", "true")
    # The editor, which has the document, comes after the page.
    editor = page.get_by_label("Operation Editor")
    expect(editor).to_contain_text("transferFeeBasisPoints")
    page.get_by_role("button", name="Execute query").click()
    expect(page.get_by_label("Result Window")).to_contain_text('"maximumTransfer"')
    # Loading it again does not add it again.
    page.reload()
    expect(tab).to_have_count(1)
    page.get_by_role("link", name="API reference").click()
    expect(page.get_by_role("heading", name="API reference")).to_be_visible()


KEEP_SOME = """() => {
    for (const entry of document.querySelectorAll('.entry')) {
        const before = [entry, entry.previousElementSibling, entry.previousElementSibling.previousElementSibling];
        entry.toggleAttribute('data-extra', before.every(each => each.matches('.entry')));
    }
    document.querySelectorAll('[data-extra]').forEach(entry => entry.remove());
}"""
LOADED = "performance.getEntries().map(entry => entry.name).filter(name => name.includes('://'))"


def results(page: Page) -> Locator:
    return page.get_by_role("region", name="Search results").get_by_role("link")
