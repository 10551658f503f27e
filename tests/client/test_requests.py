"""Requesting money: live on both sides, paid once, and by link with or without a wallet."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import PASSWORD, Person, Stack

REQUESTS = """
{ viewer { paymentRequests(first: 100) { nodes { amount { amount } status link } } } }
"""


def requests_of(person: Person) -> list[dict[str, Any]]:
    """Newest first."""
    viewer = person.stack.ask(REQUESTS, person.token)["viewer"]
    nodes: list[dict[str, Any]] = viewer["paymentRequests"]["nodes"]
    return nodes


def fill_in(page: Page, sum_: str, note: str = "", *, payer: Person | None = None) -> Locator:
    """Fill in the form, and return its button."""
    if payer is None:
        page.get_by_role("radio", name="Share a link").click()
    else:
        page.get_by_role("combobox", name="From").fill(payer.name)
        page.get_by_role("option", name=payer.name).click()
    actions.amount(page).fill(sum_)
    page.get_by_role("textbox", name="Note").fill(note)
    return page.get_by_role("button", name="Request", exact=True)


def title(page: Page, text: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("heading", level=1, name=text)


def status(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("status")


def click_twice(button: Locator) -> None:
    """Click twice without a pause, once the button is enabled: a disabled one would ignore both clicks."""
    expect(button).to_be_enabled()
    button.evaluate("button => { button.click(); button.click(); }")


def reminded(page: Page, payer: Person) -> str:
    """Remind that payer, and return what the service answered."""
    button = page.get_by_role("button", name=f"Remind {payer.name}")
    asked = page.expect_response(lambda each: "RemindPayer" in (each.request.post_data or ""))
    with asked as answered:
        button.click()
    result: str = answered.value.json()["data"]["remindPayer"]["__typename"]
    return result


def waiting(page: Page) -> Locator:
    return page.get_by_role("region", name="Waiting for you").get_by_role("listitem")


def test_a_request_is_made_once_and_paid_once_and_both_sides_see_it_at_once(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    beta.add("100")
    home = new_page(beta, viewport=PHONE)
    expect(actions.balance(home)).to_have_text("$100.00")
    expect(home.get_by_text("Waiting for you")).to_have_count(0)

    # The answer is lost, and the page asks again with the same key. A double click changes nothing.
    page = new_page(alpha)
    page.get_by_role("main").get_by_role("link", name="Request").click()
    expect(title(page, "Request money")).to_be_visible()
    page.get_by_role("button", name="Request", exact=True).click()
    expect(page.get_by_text("Choose a person from the list.")).to_be_visible()
    axe.check(page)
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.post_data_json["variables"]["input"]["idempotencyKey"])
        if len(keys) == 1:
            route.fetch()
            route.abort()
        else:
            route.fallback()

    actions.intercept(page, "RequestMoney", lose_the_first)
    click_twice(fill_in(page, "24.50", "dinner 🍝", payer=beta))
    expect(title(page, f"You requested $24.50 from {beta.name}")).to_be_visible()
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert [each["amount"]["amount"] for each in requests_of(alpha)] == ["24.50"]
    expect(status(page)).to_have_text("Waiting")
    [request] = requests_of(alpha)
    expect(page.get_by_text(request["link"])).to_be_visible()
    drawn = page.get_by_role("img", name="QR code of the link")
    actions.until(page, lambda: drawn.evaluate("image => image.naturalWidth") > 0)
    axe.check(page)

    # Home of the payer shows it without a reload, and offers to pay or decline.
    expect(waiting(home)).to_have_count(1)
    axe.check(home)
    waiting(home).get_by_role("link", name="Pay").click()
    expect(title(home, f"Pay {alpha.name}")).to_be_visible()
    expect(home.get_by_text("dinner 🍝")).to_be_visible()
    axe.check(home)
    other = home.context.new_page()
    other.goto(home.url)
    expect(other.get_by_role("button", name="Pay $24.50")).to_be_visible()
    click_twice(home.get_by_role("button", name="Pay $24.50"))
    for each in (home, other):
        expect(actions.receipt(each, "24.50", alpha.name)).to_be_visible()
    assert [line["amount"]["amount"] for line in beta.transfers] == ["24.50"]
    expect(status(page)).to_have_text("Paid")
    page.get_by_role("link", name="See transaction").click()
    expect(title(page, f"{beta.name} sent you $24.50")).to_be_visible()

    # A second one is declined, a third one cancelled; each side sees what the other did.
    home.get_by_role("link", name="Done").click()
    for sum_ in ("5.00", "6.00"):
        actions.go(page, "/request")
        fill_in(page, sum_, payer=beta).click()
        expect(title(page, f"You requested ${sum_} from {beta.name}")).to_be_visible()
    expect(waiting(home)).to_have_count(2)
    page.get_by_role("button", name="Cancel request").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel request").click()
    expect(status(page)).to_have_text("Cancelled")
    expect(waiting(home)).to_have_count(1)
    actions.go(page, "/requests?side=made")
    made = page.get_by_role("main").get_by_role("listitem")
    expect(made).to_contain_text(["$6.00Cancelled", "$5.00Waiting", "$24.50Paid"])
    axe.check(page)
    waiting(home).get_by_role("button", name="Decline").click()
    axe.check(home)
    home.get_by_role("dialog").get_by_role("button", name="Decline").click()
    expect(home.get_by_text("Waiting for you")).to_have_count(0)
    expect(made).to_contain_text(["$6.00Cancelled", "$5.00Declined", "$24.50Paid"])
    page.get_by_role("combobox", name="Status").select_option("Paid")
    expect(made).to_have_count(1)

    # A notification leads to the requests.
    home.get_by_role("link", name=re.compile("^Notifications")).click()
    items = home.get_by_role("main").get_by_role("listitem")
    items.get_by_role("link", name=f"{alpha.name} cancelled a request for $6.00").click()
    expect(title(home, f"{alpha.name} requested $6.00 from you")).to_be_visible()


def test_a_link_leads_through_registration_back_to_the_request(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    page = new_page(alpha, "/request")
    fill_in(page, "10", "tickets").click()
    expect(title(page, "You requested $10.00 from anyone with the link")).to_be_visible()
    link = requests_of(alpha)[0]["link"]
    page.goto(link)
    expect(title(page, "You requested $10.00 from anyone with the link")).to_be_visible()

    guest = new_page(path=link, viewport=PHONE)
    expect(title(guest, f"{alpha.name} requests")).to_be_visible()
    expect(guest.get_by_text("tickets")).to_be_visible()
    axe.check(guest)
    guest.get_by_role("link", name="Sign in to pay").click()
    guest.get_by_role("link", name="Create a wallet").click()
    email = f"guest.{stack.new_key()}@example.com"
    guest.get_by_role("textbox", name="Name").fill("Cleo Guest")
    guest.get_by_role("textbox", name="Email").fill(email)
    guest.get_by_role("textbox", name="Password").fill(PASSWORD)
    guest.get_by_role("button", name="Create wallet").click()
    expect(title(guest, "Check your email")).to_be_visible()
    actions.go(guest, link.removeprefix(stack.url))
    expect(guest.get_by_text("Verify your email address first.")).to_be_visible()

    mail = stack.mail_to(email, "erify")
    verifying = guest.context.new_page()
    verifying.goto(re.search(r"http\S+/verify-email#token=[\w.-]+", mail["text"])[0])  # type: ignore[index]
    verifying.get_by_role("button", name="Verify email address").click()
    verifying.get_by_role("link", name="Continue").click()
    expect(title(verifying, f"Pay {alpha.name}")).to_be_visible()
    expect(verifying.get_by_text("You are $10.00 short.")).to_be_visible()
    Person(stack, "Cleo Guest", email).add("25")
    verifying.get_by_role("button", name="Pay $10.00").click()
    expect(actions.receipt(verifying, "10.00", alpha.name)).to_be_visible()

    # The requester sees who paid; everyone else with the link, that it is over.
    expect(status(page)).to_have_text("Paid")
    expect(title(page, "You requested $10.00 from Cleo Guest")).to_be_visible()
    late = new_page(path=link)
    expect(late.get_by_text("It was paid on")).to_be_visible()
    axe.check(late)
    assert alpha.balance == "510.00"


def test_a_split_dinner_is_paid_declined_and_reminded_live(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    cleo = stack.new_person(f"كليو {stack.new_key()}", "20")
    home = new_page(beta, viewport=PHONE)
    page = new_page(alpha, "/split")
    page.get_by_role("textbox", name="Total").fill("10")
    for person in (beta, cleo):
        page.get_by_role("combobox", name="With whom").fill(person.name)
        page.get_by_role("option", name=person.name).click()
    shares = page.get_by_role("list", name="Shares").get_by_role("listitem")
    expect(shares).to_contain_text([beta.name, cleo.name, "You"])
    expect(shares).to_contain_text(["$3.34", "$3.33", "$3.33"])
    axe.check(page)

    # With amounts, the rest is the user's own share; more than the total is refused at once.
    page.get_by_role("radio", name="Amounts").click()
    page.get_by_role("textbox", name=f"Share of {beta.name}").fill("4")
    page.get_by_role("textbox", name=f"Share of {cleo.name}").fill("7.50")
    expect(page.get_by_text("These shares are $1.50 more than the total.")).to_be_visible()
    axe.check(page)
    page.get_by_role("textbox", name=f"Share of {cleo.name}").fill("2.50")
    expect(shares.last).to_contain_text("$3.50")
    page.reload()
    click_twice(page.get_by_role("button", name="Request from 2 people"))
    expect(title(page, "You split $10.00")).to_be_visible()
    made = requests_of(alpha)
    assert sorted(each["amount"]["amount"] for each in made) == ["2.50", "4.00"]
    expect(status(page).first).to_have_text("$0.00 of $6.50 paid")
    rows = page.get_by_role("main").get_by_role("listitem")
    expect(rows).to_contain_text(["$4.00Waiting", "$2.50Waiting"])
    axe.check(page)

    # A reminder arrives at once; a second one on the same day is refused.
    expect(waiting(home)).to_have_count(1)
    expect(home.get_by_role("link", name="Notifications, 1 unread")).to_be_visible()
    assert reminded(page, beta) == "PayerReminded"
    expect(home.get_by_role("link", name="Notifications, 2 unread")).to_be_visible()
    assert reminded(page, beta) == "RequestNotAllowed"

    # The third has only the link, and comes back to it after signing in.
    [link] = [each["link"] for each in made if each["amount"]["amount"] == "2.50"]
    guest = new_page(path=link)
    guest.get_by_role("link", name="Sign in to pay").click()
    actions.sign_in(guest, cleo.email)
    guest.get_by_role("button", name="Pay $2.50").click()
    expect(actions.receipt(guest, "2.50", alpha.name)).to_be_visible()
    expect(status(page).first).to_have_text("$2.50 of $6.50 paid")
    expect(rows).to_contain_text(["$4.00Waiting", "$2.50Paid"])

    waiting(home).get_by_role("link", name=alpha.name).first.click()
    # The home page has such buttons too: wait for the page of the request.
    expect(title(home, f"{alpha.name} requests $4.00 from you")).to_be_visible()
    home.get_by_role("button", name="Decline").click()
    home.get_by_role("dialog").get_by_role("button", name="Decline").click()
    expect(status(home)).to_have_text("Declined")
    expect(rows).to_contain_text(["$4.00Declined", "$2.50Paid"])

    # After a block, the requester no longer finds the payer.
    home.get_by_role("button", name=f"Block {alpha.name}").click()
    axe.check(home)
    home.get_by_role("dialog").get_by_role("button", name="Block", exact=True).click()
    expect(home.get_by_role("button", name=f"Unblock {alpha.name}")).to_be_visible()
    page.goto("/request")
    page.get_by_role("combobox", name="From").fill(beta.name)
    expect(page.get_by_text("No one found.").first).to_be_visible()
    home.goto("/settings/blocked")
    home.get_by_role("button", name=f"Unblock {alpha.name}").click()
    home.get_by_role("dialog").get_by_role("button", name="Unblock").click()
    expect(home.get_by_role("heading", name="You haven’t blocked anyone")).to_be_visible()
    axe.check(home)
