"""Every page and state: nothing that axe finds, and nothing that a small screen cuts off."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.dev_services import node
from app.up import building
from settings import ROOT
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff-Bartholomäus von und zu Hohenlohe"
ARABIC_NAME = "عبد الرحمن بن خالد"


@pytest.fixture(scope="package")
def axe() -> str:
    node.ensure_installed(building.CLIENT)
    return (ROOT / "client" / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def regular(stack: Stack) -> Person:
    """Somebody with a past, whom the tests of this module only look at."""
    person = stack.new_person(LONG_NAME, "10000")
    friend = stack.new_person(ARABIC_NAME, "50")
    for number in range(24):
        person.send(f"{number + 1}.05", friend, f"number {number} 🎈")
    person.add("9999.99")
    friend.send("12.34", person, "شكرا جزيلا")
    return person


def check(page: Page, axe: str) -> None:
    """What axe finds, and whether the page is wider than the screen."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", TAGS
    )
    violations = [
        (each["id"], each["help"], [part["html"][:200] for part in each["nodes"]])
        for each in found["violations"]
    ]
    assert violations == [], page.url
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the screen"


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name, level=1).first


SIGNED_OUT = [
    ("/sign-in", "Sign in"),
    ("/register", "Create your wallet"),
    ("/check-mail", "Check your mail"),
    ("/verify-email?token=old", "This link no longer works"),
    ("/forgot-password", "Forgot your password?"),
    ("/reset-password?token=some", "Choose a new password"),
    ("/nothing-here", "There is nothing at this address"),
]
SIGNED_IN = [
    ("/", "Your balance"),
    ("/send", "Send money"),
    ("/activity", "Activity"),
    ("/activity?q=nobody-wrote-this", "Activity"),
    ("/activity/nonsense", "There is no such transaction"),
    ("/settings", "Settings"),
    ("/settings/profile", "Profile"),
    ("/settings/password", "Password"),
    ("/settings/devices", "Devices"),
    ("/settings/api-tokens", "API tokens"),
    ("/settings/appearance", "Appearance"),
    ("/nothing-here", "There is nothing at this address"),
]
SCHEMES = ("light", "dark")


def test_pages_of_people_who_are_not_signed_in(new_page: NewPage, axe: str) -> None:
    pages = {
        scheme: new_page(color_scheme=scheme, viewport=PHONE, path="/sign-in") for scheme in SCHEMES
    }
    for number, (path, title) in enumerate(SIGNED_OUT):
        page = pages[SCHEMES[number % 2]]
        page.goto(path)
        expect(heading(page, title)).to_be_visible()
        check(page, axe)


def test_pages_of_people_who_are_signed_in(new_page: NewPage, axe: str, regular: Person) -> None:
    pages = {scheme: new_page(regular, color_scheme=scheme, viewport=PHONE) for scheme in SCHEMES}
    for page in pages.values():
        expect(page.get_by_role("link", name="number 23")).to_be_visible()
        expect(page.get_by_role("img", name="Your balance since")).to_be_visible()
        check(page, axe)
    for number, (path, title) in enumerate(SIGNED_IN[1:]):
        page = pages[SCHEMES[number % 2]]
        page.goto(path)
        expect(heading(page, title)).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        check(page, axe)
