"""Payments that take a second factor: by code and by passkey, cancelled, and with a lost answer."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, Route, expect

from tests.client import actions
from tests.client.authenticators import enable_app, virtual_authenticator
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack
from tests.client.test_scheduled import choose, scheduled

REQUEST = """
mutation ($input: RequestMoneyInput!) { requestMoney(input: $input) {
  ... on MoneyRequested { paymentRequest { id } }
  ... on UserError { message }
} }
"""


def question(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Confirm this payment")


def test_a_payment_is_sent_once_after_the_right_code(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha, "/send", viewport=PHONE, color_scheme="dark")
    app, codes = enable_app(stack, alpha)
    actions.fill_in_payment(page, beta.name, "120")
    announced = page.get_by_text("You will be asked for a code from your authenticator app.")
    expect(announced).to_be_visible()
    axe.check(page)
    actions.confirm(page, "120.00")
    code = question(page).get_by_role("textbox", name="Code from your authenticator app")
    expect(code).to_be_focused()
    expect(question(page)).to_contain_text("You are sending $120.00 to")
    expect(question(page)).to_contain_text(beta.name)
    axe.check(page)
    # Cancelled, it is as if it had never been sent.
    page.keyboard.press("Escape")
    expect(question(page)).to_have_count(0)
    expect(announced).to_be_visible()
    assert (alpha.transfers, alpha.balance) == ([], "500.00")

    actions.confirm(page, "120.00")
    code.fill(app.wrong_code())
    code.press("Enter")
    expect(question(page).get_by_text("That code is wrong")).to_be_visible()
    expect(code).to_be_focused()
    axe.check(page)
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        if '"confirmation":{' not in (route.request.post_data or "") or lost:
            route.continue_()
            return
        route.fetch()
        lost.append(route.request.post_data or "")
        route.abort()

    actions.intercept(page, "SendMoney", lose_the_first)
    code.fill(app.code())
    code.press("Enter")
    expect(actions.receipt(page, "120.00", beta.name)).to_be_visible()
    expect(question(page)).to_have_count(0)
    assert len(lost) == 1
    assert [line["amount"]["amount"] for line in alpha.transfers] == ["120.00"]
    assert alpha.balance == "380.00"

    # Less than that, to someone who was paid before, takes none. More takes a code that was not used yet.
    page.get_by_role("button", name="New payment").click()
    actions.fill_in_payment(page, beta.name, "5")
    expect(announced).to_have_count(0)
    actions.confirm(page, "5.00")
    expect(actions.receipt(page, "5.00", beta.name)).to_be_visible()
    page.get_by_role("button", name="New payment").click()
    actions.fill_in_payment(page, beta.name, "150")
    actions.confirm(page, "150.00")
    question(page).get_by_role("button", name="Use a recovery code").click()
    question(page).get_by_role("textbox", name="Recovery code").fill(codes[3])
    page.keyboard.press("Enter")
    expect(actions.receipt(page, "150.00", beta.name)).to_be_visible()
    assert alpha.balance == "225.00"


def test_a_request_is_paid_and_a_transfer_scheduled_with_a_passkey(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    asked = {
        "payer": {"email": alpha.email},
        "amount": "200",
        "idempotencyKey": stack.new_key(),
    }
    made = stack.ask(REQUEST, beta.token, input=asked)["requestMoney"]
    page = new_page(alpha, "/settings/security")
    with virtual_authenticator(page):
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_role("button", name="Create passkey").click()
        page.get_by_role("button", name="I’ve saved them").click()

        page.goto(f"/requests/{made['paymentRequest']['id']}/pay")
        expect(page.get_by_text("You will be asked for your passkey.")).to_be_visible()
        page.get_by_role("button", name="Pay $200.00").click()
        expect(question(page).get_by_role("textbox")).to_have_count(0)
        axe.check(page)
        question(page).get_by_role("button", name="Use a passkey").click()
        expect(actions.receipt(page, "200.00", beta.name)).to_be_visible()
        assert alpha.balance == "300.00"

        page.goto("/send")
        actions.recipient(page).fill(beta.name)
        page.get_by_role("option", name=beta.name).click()
        actions.amount(page).fill("101")
        choose(page, "Repeat")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("You will be asked for your passkey.")).to_be_visible()
        page.get_by_role("button", name="Schedule").click()
        dialog = page.get_by_role("dialog", name="Confirm this scheduled transfer")
        dialog.get_by_role("button", name="Cancel").click()
        assert scheduled(alpha) == []
        page.get_by_role("button", name="Schedule").click()
        dialog.get_by_role("button", name="Use a passkey").click()
        expect(actions.toast(page, "The transfer is scheduled")).to_be_visible()
    assert [each["amount"]["amount"] for each in scheduled(alpha)] == ["101.00"]
