"""Every page and state passes axe and fits on a small screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack

LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff-Bartholomäus von und zu Hohenlohe"
ARABIC_NAME = "عبد الرحمن بن خالد"


@pytest.fixture(scope="module")
def regular(stack: Stack) -> Person:
    """Somebody with a past, whom the tests of this module only look at."""
    person = stack.new_person(LONG_NAME, "10000")
    friend = stack.new_person(ARABIC_NAME, "50")
    for number in range(9):
        person.send(f"{number + 1}.05", friend, f"number {number} 🎈")
    person.add("9999.99")
    friend.send("12.34", person, "شكرا جزيلا")
    return person


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name, level=1).first


SIGNED_OUT = [
    ("/sign-in", "Sign in"),
    ("/register", "Create your wallet"),
    ("/check-mail", "Check your email"),
    ("/verify-email#token=some", "Verify your email address"),
    ("/verify-email", "This link no longer works"),
    ("/forgot-password", "Forgot your password?"),
    ("/reset-password#token=some", "Choose a new password"),
    ("/r/nonsense", "Request not found"),
    ("/@user.beta", "Send money to User Beta"),
    ("/@nobody.has.this", "No one has this handle"),
    ("/nothing-here", "Page not found"),
]
SIGNED_IN = [
    ("/", "Your balance"),
    ("/send", "Send money"),
    ("/request", "Request money"),
    ("/requests", "Requests"),
    ("/requests/nonsense", "Request not found"),
    ("/split", "Split a bill"),
    ("/splits/nonsense", "Split not found"),
    ("/activity", "Activity"),
    ("/activity?text=nobody-wrote-this", "Activity"),
    ("/activity/nonsense", "Transaction not found"),
    ("/settings", "Settings"),
    ("/settings/profile", "Profile"),
    ("/settings/link", "Your link"),
    ("/settings/password", "Password"),
    ("/settings/devices", "Devices"),
    ("/settings/blocked", "Blocked people"),
    ("/notifications", "Notifications"),
    ("/settings/notifications", "Notifications"),
    ("/settings/api-tokens", "API tokens"),
    ("/settings/webhooks", "Webhooks"),
    ("/settings/webhooks/new", "New webhook"),
    ("/settings/webhooks/nonsense", "Webhook not found"),
    ("/settings/appearance", "Appearance"),
    ("/nothing-here", "Page not found"),
]
SCHEMES = ("light", "dark")


def test_pages_of_users_who_are_not_signed_in(new_page: NewPage, axe: Axe) -> None:
    pages = {
        scheme: new_page(color_scheme=scheme, viewport=PHONE, path="/sign-in") for scheme in SCHEMES
    }
    for number, (path, title) in enumerate(SIGNED_OUT):
        page = pages[SCHEMES[number % 2]]
        actions.go(page, path)
        expect(heading(page, title)).to_be_visible()
        axe.check(page)


def test_pages_of_users_who_are_signed_in(new_page: NewPage, axe: Axe, regular: Person) -> None:
    pages = {scheme: new_page(regular, color_scheme=scheme, viewport=PHONE) for scheme in SCHEMES}
    for page in pages.values():
        expect(page.get_by_role("link", name="number 8")).to_be_visible()
        expect(page.get_by_role("img", name="Your balance since")).to_be_visible()
        axe.check(page)
    for number, (path, title) in enumerate(SIGNED_IN[1:]):
        page = pages[SCHEMES[number % 2]]
        actions.go(page, path)
        expect(heading(page, title)).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        axe.check(page)
