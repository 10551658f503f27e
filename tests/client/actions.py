"""Actions and observations in the web client, by accessible names."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.client.stack import PASSWORD
from tests.waiting import PATIENCE_SECONDS


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_role("textbox", name="Email").fill(email)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def go(page: Page, path: str) -> None:
    """Navigate as the back button does, without loading the page again."""
    page.evaluate(
        """path => {
            history.pushState({}, '', path);
            dispatchEvent(new PopStateEvent('popstate', {state: {}}));
        }""",
        path,
    )


def balance(page: Page) -> Locator:
    return page.get_by_role("region", name="Your balance").get_by_role("paragraph")


def lines(page: Page, name: str | re.Pattern[str]) -> Locator:
    """The entries with that text, without messages that have the same text."""
    return page.get_by_role("main").get_by_role("listitem").get_by_role("link", name=name)


def toast(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name="Messages").get_by_text(title)


def recipient(page: Page) -> Locator:
    return page.get_by_role("combobox", name="To")


def amount(page: Page | Locator) -> Locator:
    return page.get_by_role("textbox", name="Amount")


def fill_in_payment(page: Page, name: str, sum_: str, *, search: str = "", note: str = "") -> None:
    """Continue from the form to the confirmation step."""
    recipient(page).fill(search or name)
    page.get_by_role("option", name=name).click()
    amount(page).fill(sum_)
    page.get_by_role("textbox", name="Note").fill(note)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name=f"Send to {name}")).to_be_visible()


def confirm(page: Page, sum_: str) -> None:
    page.get_by_role("button", name=f"Send ${sum_}").click()


def receipt(page: Page, sum_: str, name: str) -> Locator:
    return page.get_by_role("heading", name=f"You sent ${sum_} to {name}")


def intercept(
    target: Page | BrowserContext, operation: str, handle: Callable[[Route], None]
) -> None:
    """Handle the requests of one GraphQL operation."""

    def on_request(route: Route) -> None:
        body = route.request.post_data or ""
        if f" {operation}(" in body or f" {operation} {{" in body or f" {operation}{{" in body:
            handle(route)
        else:
            route.fallback()

    target.route("**/graphql", on_request)


def until(page: Page, holds: Callable[[], object]) -> None:
    """Wait for a condition outside of the page, while its requests and our routes continue."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "this took too long"
        page.wait_for_timeout(50)
