"""The back office: two operators reverse a fraud, and nobody else sees anything of it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.client import actions
from tests.client.authenticators import AuthenticatorApp, enable_app
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack
from tests.client.test_confirmation import sign_in_an_hour_ago

REFERENCE = "{ viewer { transactions(first: 1) { nodes { reference } } } }"
REASON = "Reported as fraud by the sender, case 4711"


def enter(page: Page, app: AuthenticatorApp) -> None:
    """Confirm the session in the dialog that the page opens."""
    asked = page.get_by_role("dialog", name="Confirm that it’s you")
    code = asked.get_by_role("textbox", name="Code")
    expect(code).to_be_visible()
    code.fill(app.code())
    code.press("Enter")
    expect(asked).to_have_count(0)


def lose_answer(route: Route) -> None:
    route.fetch()
    route.abort()


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def give_reason(page: Page, button: str) -> None:
    dialog(page).get_by_role("textbox", name="Reason").fill(REASON)
    dialog(page).get_by_role("button", name=button).click()


def test_two_operators_reverse_a_fraud_while_both_accounts_see_it(
    stack: Stack, new_page: NewPage, axe: Axe
) -> None:
    victim = stack.new_person(f"Vera {stack.new_key()}", "5000")
    thief = stack.new_person(f"Theo {stack.new_key()}")
    victim.send("2500", thief, "an invoice that was not one")
    [sent] = stack.ask(REFERENCE, victim.token)["viewer"]["transactions"]["nodes"]
    first = stack.new_operator("Olga Operator", "olga@operators.example", has_factor=False)
    second = stack.new_operator("Otto Operator", "otto@operators.example", has_factor=False)
    page, other = new_page(first), new_page(second, viewport=PHONE, color_scheme="dark")
    (app, _), (other_app, _) = enable_app(stack, first), enable_app(stack, second)
    victim_page, thief_page = new_page(victim), new_page(thief)
    expect(actions.balance(victim_page)).to_have_text("$2,500.00")
    expect(actions.balance(thief_page)).to_have_text("$2,500.00")

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Back office").click()
    enter(page, app)
    search = page.get_by_role("searchbox", name="Search for an account")
    search.fill(thief.name)
    search.press("Enter")
    axe.check(page)
    page.get_by_role("link", name=thief.name).click()
    expect(page.get_by_role("heading", name=thief.name)).to_be_focused()

    page.get_by_role("button", name="Restrict").click()
    dialog(page).get_by_role("button", name="Restrict").click()
    expect(dialog(page)).to_contain_text("Choose at least one.")
    axe.check(page)
    dialog(page).get_by_role("checkbox", name="Sending").check()
    # The hour ends while somebody works.
    sign_in_an_hour_ago(stack, first)
    give_reason(page, "Restrict")
    enter(page, app)
    expect(page.get_by_text("Cannot send", exact=True)).to_be_visible()
    expect(thief_page.get_by_text("Your account cannot send money at the moment.")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    give_reason(page, "Sign out everywhere")
    expect(page.get_by_text("Not signed in on any device.")).to_be_visible()
    expect(thief_page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    actions.sign_in(thief_page, thief.email)
    axe.check(page)

    page.get_by_role("link", name=re.compile("an invoice that was not one")).click()
    expect(page.get_by_role("region", name="From")).to_contain_text(victim.name)
    expect(page.get_by_role("region", name="To")).to_contain_text(thief.name)
    page.get_by_role("button", name="Reverse").click()
    expect(actions.amount(page)).to_have_value("2500.00")
    page.get_by_role("textbox", name="Reason").fill(REASON)
    # The answer is lost, and the page is closed: it is proposed once all the same.
    actions.intercept(page, "ReverseTransaction", lose_answer)
    page.get_by_role("button", name="Reverse", exact=True).click()
    page.get_by_role("button", name="Reverse $2,500.00").click()
    expect(page.get_by_text("This is taking longer than usual")).to_be_visible()
    page.unroute_all(behavior="wait")
    page.reload()
    proposals = page.get_by_role("list", name="Actions of operators").get_by_role("listitem")
    expect(proposals).to_have_count(1)
    expect(proposals).to_contain_text("You proposed it: another operator has to decide.")
    expect(proposals.get_by_role("button")).to_have_count(0)

    other.get_by_role("button", name="More").click()
    dialog(other).get_by_role("link", name="Back office").click()
    enter(other, other_app)
    other.get_by_role("link", name="Actions 1 awaiting approval").click()
    waiting = other.get_by_role("listitem").filter(has_text=REASON)
    expect(waiting).to_contain_text("Reverse $2,500.00 with the fee")
    axe.check(other)
    waiting.get_by_role("button", name="Approve").click()
    axe.check(other)
    dialog(other).get_by_role("button", name="Approve").click()
    expect(actions.toast(other, "$2,500.00 was reversed")).to_be_visible()
    expect(waiting).to_have_count(0)

    expect(actions.balance(victim_page)).to_have_text("$5,000.00")
    expect(actions.balance(thief_page)).to_have_text("$0.00")
    other.goto(f"/operator/transactions/{sent['reference']}")
    expect(other.get_by_text("Can be reversed")).to_be_visible()
    expect(other.get_by_role("button", name="Reverse", exact=True)).to_have_count(0)
    axe.check(other)
    other.get_by_role("link", name="Totals").click()
    expect(other.get_by_text("Both sums agree.")).to_be_visible()
    expect(other.get_by_role("img", name="Transferred and topped up by day")).to_be_visible()
    axe.check(other)


def test_nobody_else_sees_anything(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    page = new_page(alpha, "/operator")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    navigation = page.get_by_role("navigation", name="Main")
    expect(navigation.get_by_role("link", name="Settings")).to_be_visible()
    expect(navigation.get_by_role("link", name="Back office")).to_have_count(0)

    beginner = stack.new_operator("Orla Operator", "orla@operators.example", has_factor=False)
    page = new_page(beginner, "/operator/totals")
    expect(page.get_by_role("heading", name="Operators need a second factor")).to_be_visible()
    expect(page.get_by_text("All ledgers")).to_have_count(0)
    axe.check(page)
    page.get_by_role("link", name="Go to Security").click()
    expect(page.get_by_role("heading", name="Security", level=1)).to_be_visible()
