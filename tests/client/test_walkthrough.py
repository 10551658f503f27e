"""Two people pay each other in two browsers, and a third one looks on."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.client.conftest import NewPage
from tests.client.stack import PASSWORD, Stack

ALPHA, BETA, GAMMA = (f"user.{name}@demo.app" for name in ("alpha", "beta", "gamma"))


def test_alpha_and_beta_pay_each_other_and_see_it_at_once(stack: Stack, new_page: NewPage) -> None:
    pages = [new_page() for _ in range(3)]
    for page, email in zip(pages, (ALPHA, BETA, GAMMA), strict=True):
        sign_in(page, email)
        expect(balance(page)).to_have_text("$1,000.00")
        page.evaluate("window.isTheSamePage = true")
    alpha, beta, gamma = pages

    alpha.get_by_role("button", name="Add money").click()
    dialog = alpha.get_by_role("dialog", name="Add money")
    dialog.get_by_role("textbox", name="Amount").fill("50")
    dialog.get_by_role("button", name="Add money").click()
    expect(balance(alpha)).to_have_text("$1,050.00")
    expect(dialog).to_have_count(0)

    send(alpha, "beta", "User Beta", "12.34", "lunch 🍜")
    expect(alpha.get_by_role("heading", name="You sent $12.34 to User Beta")).to_be_visible()
    expect(toast(beta, "User Alpha sent you $12.34")).to_be_visible()
    expect(balance(beta)).to_have_text("$1,012.34")
    expect(beta.get_by_role("link", name="lunch 🍜").first).to_be_visible()

    send(beta, "user.alpha@demo.app", "User Alpha", "2.34", "")
    alpha.get_by_role("link", name="Done").click()
    expect(toast(alpha, "User Beta sent you $2.34")).to_be_visible()
    expect(balance(alpha)).to_have_text("$1,040.00")
    beta.get_by_role("link", name="Done").click()
    expect(balance(beta)).to_have_text("$1,010.00")

    expect(balance(gamma)).to_have_text("$1,000.00")
    expect(gamma.get_by_text("lunch")).to_have_count(0)
    for page in pages:
        assert page.evaluate("window.isTheSamePage") is True, "a page was loaded again"


def sign_in(page: Page, email: str) -> None:
    page.get_by_role("textbox", name="Email").fill(email)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def balance(page: Page):  # type: ignore[no-untyped-def]
    return page.get_by_role("region", name="Your balance").get_by_role("paragraph")


def toast(page: Page, title: str):  # type: ignore[no-untyped-def]
    return page.get_by_role("region", name="Messages").get_by_text(title)


def send(page: Page, search: str, name: str, amount: str, note: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Send").click()
    page.get_by_role("combobox", name="To").fill(search)
    page.get_by_role("option", name=name).click()
    page.get_by_role("textbox", name="Amount").fill(amount)
    page.get_by_role("textbox", name="Note").fill(note)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name=f"Send to {name}")).to_be_visible()
    page.get_by_role("button", name=f"Send ${amount}").click()
