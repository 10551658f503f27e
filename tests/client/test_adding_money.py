"""Adding money through the payment provider, and what the provider takes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from dev import processes
from dev.stripe.emulator import WEBHOOK_PATH, StripeEmulator
from tests.client import actions
from tests.client.axe import DESKTOP, PHONE, Axe
from tests.client.stack import Person, Stack


@contextmanager
def funded(stack: Stack, folder: Path) -> Iterator[tuple[str, StripeEmulator]]:
    """A process of the wallet whose money comes from a payment provider, and the provider."""
    provider = StripeEmulator(
        file=folder / "stripe.sqlite",
        log=folder / "stripe.log",
        api_key="sk_test_of_the_browser",
        webhook_secret="whsec_of_the_browser",
        port=processes.free_port(),
        pause_seconds=0.02,
    )
    with stack.second_api(INSTANT_TOP_UPS="false", **provider.environment) as url:
        provider.endpoint = url + WEBHOOK_PATH
        provider.start()
        try:
            yield url, provider
        finally:
            provider.kill()


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("main").get_by_role("heading", name=name, exact=True)


def begin(page: Page, amount: str) -> None:
    """Go from Home to the payment page."""
    page.goto("/")
    page.get_by_role("button", name="Add money").click()
    actions.amount(page).fill(amount)
    page.get_by_role("button", name="Continue to payment").click()
    expect(page.get_by_role("button", name=f"Pay {amount}")).to_be_visible()


def pay(page: Page, method: str) -> None:
    page.get_by_role("radio", name=method).check()
    page.get_by_role("button", name="Pay").click()


def test_money_is_added_on_the_providers_page_and_taken_back_by_the_provider(
    stack: Stack,
    new_context: Callable[..., BrowserContext],
    axe: Axe,
    beta: Person,
    tmp_path: Path,
) -> None:
    ada = stack.new_person("Ada Adder")
    with funded(stack, tmp_path) as (url, provider):
        context = new_context(
            ada, beside=provider.url, base_url=url, color_scheme="dark", viewport=PHONE
        )
        page = context.new_page()
        _start_once_although_the_answer_is_lost(page, axe, provider)
        _come_back_without_paying_and_pay(page, axe)
        _wait_for_a_bank(page, axe, provider)
        _see_what_was_taken_back(page, axe, provider)
        ada.send("40", beta)
        _be_restricted(page, axe, provider)


def _start_once_although_the_answer_is_lost(page: Page, axe: Axe, provider: StripeEmulator) -> None:
    lost: list[Route] = []

    def lose(route: Route) -> None:
        if lost:
            route.fallback()
            return
        lost.append(route)
        route.fetch()
        route.abort()

    actions.intercept(page, "StartTopUp", lose)
    page.goto("/")
    page.get_by_role("button", name="Add your first money").press("Enter")
    expect(heading(page, "Add money")).to_be_focused()
    page.get_by_role("button", name="Continue to payment").click()
    expect(page.get_by_text("Enter an amount.")).to_be_visible()
    axe.check(page)
    page.get_by_role("button", name="$20.00").click()
    actions.amount(page).fill("25")
    actions.amount(page).press("Enter")
    expect(page.get_by_role("button", name="Pay 25.00")).to_be_visible()
    assert len(lost) == 1
    assert len(provider.state()["sessions"]) == 1


def _come_back_without_paying_and_pay(page: Page, axe: Axe) -> None:
    pay(page, "Card ending in 0002")
    expect(page.get_by_role("alert")).to_contain_text("The card was declined")
    page.get_by_role("link", name="Cancel and go back").click()
    expect(heading(page, "You did not pay $25.00")).to_be_visible()
    axe.check(page)
    page.get_by_role("link", name="Choose another amount").click()
    before = page.get_by_role("region", name="Earlier top-ups")
    expect(before.get_by_text("Not paid yet")).to_be_visible()
    axe.check(page)
    before.get_by_role("link", name="Continue").click()
    pay(page, "Card ending in 4242")
    expect(heading(page, "You added $25.00")).to_be_visible()
    expect(page.get_by_text("Your balance is $25.00.")).to_be_visible()
    axe.check(page)
    page.get_by_role("link", name="See receipt").click()
    expect(heading(page, "You added $25.00")).to_be_visible()


def _wait_for_a_bank(page: Page, axe: Axe, provider: StripeEmulator) -> None:
    for amount, outcome in (("30.00", "succeeded"), ("10.00", "failed")):
        begin(page, amount)
        pay(page, "Bank debit")
        expect(heading(page, f"Waiting for your payment of ${amount}")).to_be_visible()
        axe.check(page)
        session = provider.state()["sessions"][0]["id"]
        provider.act("finish", session=session, outcome=outcome)
        told = "You added $30.00" if outcome == "succeeded" else "$10.00 was not added"
        expect(heading(page, told)).to_be_visible()
        axe.check(page)
    page.get_by_role("link", name="Try again").click()
    expect(actions.amount(page)).to_have_value("10.00")
    states = page.get_by_role("region", name="Earlier top-ups").get_by_role("listitem")
    expect(states).to_contain_text(["Not added", "Added", "Added"])


def _see_what_was_taken_back(page: Page, axe: Axe, provider: StripeEmulator) -> None:
    first = provider.state()["sessions"][-1]["id"]
    provider.act("refund", session=first, amount=500)
    toast = actions.toast(page, "$5.00 that you had added was taken back")
    expect(toast).to_be_visible()
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    page.goto("/notifications")
    page.get_by_role("link", name="$5.00 that you had added was taken back").click()
    expect(heading(page, "Taken back: $5.00 that you had added")).to_be_visible()
    expect(page.get_by_text("The payment provider")).to_be_visible()
    expect(page.get_by_text("$5.00 of $25.00")).to_be_visible()
    axe.check(page)
    page.get_by_role("link", name="You added $25.00").click()
    expect(heading(page, "You added $25.00")).to_be_visible()
    expect(page.get_by_text("$5.00 of $25.00")).to_be_visible()
    page.goto("/activity/insights")
    expect(page.get_by_role("rowheader", name="Money added or taken back")).to_be_visible()


def _be_restricted(page: Page, axe: Axe, provider: StripeEmulator) -> None:
    page.goto("/")
    expect(actions.balance(page)).to_have_text("$10.00")
    second = provider.state()["sessions"][1]["id"]
    provider.act("dispute", session=second)
    expect(page.get_by_text("Your account cannot send or add money at the moment.")).to_be_visible()
    axe.check(page)
    page.get_by_role("button", name="Add money").click()
    expect(heading(page, "You can’t add money at the moment")).to_be_visible()
    expect(page.get_by_text("Taken back", exact=True)).to_have_count(1)
    page.goto("/send")
    expect(heading(page, "You can’t send money at the moment")).to_be_visible()
    axe.check(page)
