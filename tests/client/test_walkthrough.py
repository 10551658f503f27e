"""Two users pay each other in two browsers, and a third page shows it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.client import actions
from tests.client.conftest import NewPage

ALPHA, BETA, GAMMA = (f"user.{name}@demo.app" for name in ("alpha", "beta", "gamma"))


def test_alpha_and_beta_pay_each_other_and_see_it_at_once(new_page: NewPage) -> None:
    pages = [new_page() for _ in range(3)]
    for page, email in zip(pages, (ALPHA, BETA, GAMMA), strict=True):
        actions.sign_in(page, email)
        expect(actions.balance(page)).to_have_text("$1,000.00")
        page.evaluate("window.isTheSamePage = true")
    alpha, beta, gamma = pages

    alpha.get_by_role("button", name="Add money").click()
    dialog = alpha.get_by_role("dialog", name="Add money")
    actions.amount(dialog).fill("50")
    dialog.get_by_role("button", name="Add money").click()
    expect(actions.balance(alpha)).to_have_text("$1,050.00")
    expect(dialog).to_have_count(0)

    send(alpha, "@user.beta", "User Beta", "12.34", "lunch 🍜")
    expect(actions.toast(beta, "User Alpha sent you $12.34")).to_be_visible()
    expect(actions.balance(beta)).to_have_text("$1,012.34")
    expect(beta.get_by_role("link", name="lunch 🍜").first).to_be_visible()

    send(beta, "user.alpha@demo.app", "User Alpha", "2.34", "")
    expect(actions.toast(alpha, "User Beta sent you $2.34")).to_be_visible()
    for page, left in ((alpha, "$1,040.00"), (beta, "$1,010.00")):
        page.get_by_role("link", name="Done").click()
        expect(actions.balance(page)).to_have_text(left)

    expect(actions.balance(gamma)).to_have_text("$1,000.00")
    expect(gamma.get_by_text("lunch")).to_have_count(0)
    for page in pages:
        assert page.evaluate("window.isTheSamePage") is True, "a page was loaded again"


def send(page: Page, search: str, name: str, amount: str, note: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Send").click()
    actions.fill_in_payment(page, name, amount, search=search, note=note)
    actions.confirm(page, amount)
    expect(actions.receipt(page, amount, name)).to_be_visible()
