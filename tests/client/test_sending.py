"""Sending money: finding the recipient, the fee, and exactly one payment whatever fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from tests.client import actions
from tests.client.axe import Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack

#: Clicks in all tabs at once: those called with false wait for a signal, which the one called with true gives.
DOUBLE_CLICK = """
givesSignal => {
  const button = [...document.querySelectorAll('button')].find(({textContent}) => /^Send \\$/.test(textContent.trim()));
  const click = () => { button.click(); button.click(); };
  const channel = new BroadcastChannel('double click');
  channel.onmessage = click;
  if (!givesSignal) return;
  channel.postMessage('now');
  click();
}
"""


def key_of(route: Route) -> str:
    """The idempotency key of a request that moves money."""
    body: dict[str, Any] = json.loads(route.request.post_data or "")
    key: str = body["variables"]["input"]["idempotencyKey"]
    return key


def test_editing_the_text_drops_the_user_who_was_picked(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha, "/send")
    to = actions.recipient(page)
    to.fill(beta.name[:-1])
    expect(page.get_by_role("option", name=beta.name)).to_be_visible()
    to.fill(beta.name)
    expect(page.get_by_role("option")).to_have_count(1)
    to.press("Enter")
    expect(page.get_by_role("option")).to_have_count(0)
    to.press("End")
    to.press("Backspace")
    actions.amount(page).fill("5")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Choose a recipient from the list.")).to_be_visible()
    expect(to).to_be_focused()


def test_answers_to_a_search_that_come_late_are_dropped(
    stack: Stack, new_page: NewPage, alpha: Person
) -> None:
    early, late = (stack.new_person(f"{word} {stack.new_key()}") for word in ("Early", "Late"))
    page = new_page(alpha, "/send")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append(route)

    actions.intercept(page, "SearchUsers", hold_the_first)
    actions.recipient(page).fill(early.name)
    actions.until(page, lambda: held)
    actions.recipient(page).fill(late.name)
    expect(page.get_by_role("option", name=late.name)).to_be_visible()
    with page.expect_response(lambda response: early.name in (response.request.post_data or "")):
        held[0].continue_()
    expect(page.get_by_role("option", name=late.name)).to_be_visible()
    expect(page.get_by_role("option", name=early.name)).to_have_count(0)


def test_who_is_short_is_told_how_much_and_what_would_fit(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha, "/send")
    actions.amount(page).fill("600")
    expect(page.get_by_text("You are $100.00 short.")).to_be_visible()
    page.get_by_role("button", name="Send this amount").click()
    expect(actions.amount(page)).to_have_value("500.00")
    actions.fill_in_payment(page, beta.name, "500", note="all of it 🎉")
    expect(page.get_by_text("all of it 🎉")).to_be_visible()
    actions.confirm(page, "500.00")
    expect(actions.receipt(page, "500.00", beta.name)).to_be_visible()
    assert beta.balance == "500.00"


def test_a_double_click_and_two_tabs_send_once(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    first = new_page(alpha, "/send")
    actions.fill_in_payment(first, beta.name, "10")
    second = first.context.new_page()
    second.goto("/send")
    expect(actions.recipient(second)).to_have_value(beta.name)
    second.get_by_role("button", name="Continue").click()
    for page in (first, second):
        expect(page.get_by_role("button", name="Send $10.00")).to_be_visible()
    first.evaluate(DOUBLE_CLICK, False)
    second.evaluate(DOUBLE_CLICK, True)
    for page in (first, second):
        expect(actions.receipt(page, "10.00", beta.name)).to_be_visible()
    assert [line["amount"]["amount"] for line in alpha.transfers] == ["10.00"]


def test_the_same_payment_again_is_sent_again_on_purpose_and_never_by_accident(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    first = new_page(alpha, "/send")
    second = first.context.new_page()
    second.goto("/send")
    # Two tabs, in each of which the same was typed.
    for page in (first, second):
        actions.fill_in_payment(page, beta.name, "10")
    for page in (first, second):
        actions.confirm(page, "10.00")
        expect(actions.receipt(page, "10.00", beta.name)).to_be_visible()
    assert len(alpha.transfers) == 2
    # The same tab, typed again.
    first.get_by_role("button", name="New payment").click()
    actions.fill_in_payment(first, beta.name, "10")
    actions.confirm(first, "10.00")
    expect(actions.receipt(first, "10.00", beta.name)).to_be_visible()
    assert len(alpha.transfers) == 3
    # Neither reloading the receipt nor going back and forth sends anything.
    first.reload()
    expect(actions.recipient(first)).to_have_value("")
    first.get_by_role("navigation").get_by_role("link", name="Activity").click()
    expect(first.get_by_role("heading", name="Activity", level=1)).to_be_visible()
    first.go_back()
    expect(actions.recipient(first)).to_have_value("")
    first.go_forward()
    expect(first.get_by_role("heading", name="Activity", level=1)).to_be_visible()
    assert len(alpha.transfers) == 3

    # While the network is slow, the user goes back and types the same again, here and in another tab.
    held: list[Route] = []
    for page in (first, second):
        actions.intercept(page, "SendMoney", held.append)
    first.goto("/send")
    actions.fill_in_payment(first, beta.name, "10")
    actions.confirm(first, "10.00")
    actions.until(first, lambda: held)
    first.get_by_role("link", name="Mini Wallet, home").first.click()
    expect(actions.balance(first)).to_be_visible()
    first.get_by_role("link", name="Send", exact=True).first.click()
    second.goto("/send")
    for page in (first, second):
        expect(page.get_by_role("button", name="Continue")).to_have_count(0)
    held[0].continue_()
    expect(actions.receipt(first, "10.00", beta.name)).to_be_visible()
    assert len(alpha.transfers) == 4
    assert len(held) == 1


def test_an_answer_that_was_cut_off_is_asked_for_again_and_moves_nothing_twice(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha, "/send")
    keys: list[str] = []

    def cut_off_the_first(route: Route) -> None:
        keys.append(key_of(route))
        if len(keys) == 1:
            route.fetch()
            route.abort()
        else:
            route.fallback()

    actions.intercept(page, "SendMoney", cut_off_the_first)
    actions.fill_in_payment(page, beta.name, "20")
    actions.confirm(page, "20.00")
    expect(actions.receipt(page, "20.00", beta.name)).to_be_visible()
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(alpha.transfers) == 1


def test_after_a_reload_the_client_asks_and_finds_that_it_was_sent(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha, "/send")
    sent: list[Route] = []

    def keep_the_answer(route: Route) -> None:
        sent.append(route)
        route.fetch()

    actions.intercept(page, "SendMoney", keep_the_answer)
    actions.fill_in_payment(page, beta.name, "30")
    actions.confirm(page, "30.00")
    actions.until(page, lambda: len(alpha.transfers) == 1)
    page.reload()
    expect(actions.receipt(page, "30.00", beta.name)).to_be_visible()
    assert len(sent) == 1
    assert len(alpha.transfers) == 1


def test_after_a_reload_a_request_that_hangs_is_sent_again_only_if_the_user_says_so(
    new_context: Callable[..., BrowserContext], axe: Axe, alpha: Person, beta: Person
) -> None:
    page = new_context(alpha).new_page()
    page.clock.install()
    page.goto("/send")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.fallback()

    actions.intercept(page, "SendMoney", hold_the_first)
    actions.fill_in_payment(page, beta.name, "40")
    actions.confirm(page, "40.00")
    actions.until(page, lambda: len(held) == 1)
    page.reload()
    expect(page.get_by_text("Finding out what happened")).to_be_visible()
    axe.check(page)
    page.clock.fast_forward("06")
    expect(page.get_by_text("Not confirmed yet")).to_be_visible()
    axe.check(page)
    assert alpha.transfers == []
    assert len(held) == 1
    page.get_by_role("button", name="Send it now").click()
    expect(actions.receipt(page, "40.00", beta.name)).to_be_visible()
    assert len({key_of(route) for route in held}) == 1
    assert len(alpha.transfers) == 1


def fail_to_send(page: Page, beta: Person, sum_: str) -> list[Route]:
    """Send it so that the first request hangs in transit and the others are lost; answers them all."""
    tries: list[Route] = []

    def hold_the_first(route: Route) -> None:
        tries.append(route)
        if len(tries) > 1:
            route.abort()

    actions.intercept(page, "SendMoney", hold_the_first)
    actions.fill_in_payment(page, beta.name, sum_)
    actions.confirm(page, sum_)
    actions.until(page, lambda: tries)
    page.clock.fast_forward("16")
    expect(page.get_by_text("This is taking longer than usual")).to_be_visible()
    return tries


def answer_to(route: Route) -> str:
    """What the service answers when that request arrives at last, sent as it was."""
    answer = route.fetch().json()
    typename: str = answer["data"]["sendMoney"]["__typename"]
    return typename


def test_a_payment_that_was_given_up_is_not_sent_when_its_request_arrives_later(
    new_context: Callable[..., BrowserContext], axe: Axe, alpha: Person, beta: Person
) -> None:
    page = new_context(alpha, color_scheme="dark").new_page()
    page.clock.install()
    page.goto("/send")
    unreachable: list[Route] = []
    actions.intercept(page, "CloseIdempotencyKey", lambda route: hang_up(route, unreachable))
    tries = fail_to_send(page, beta, "60.00")
    axe.check(page)
    page.get_by_role("button", name="Don’t send").click()
    # While the service cannot be reached, neither outcome is claimed.
    actions.until(page, lambda: unreachable)
    expect(page.get_by_text("still finding out whether your money was sent")).to_be_visible()
    axe.check(page)
    for _ in range(3):
        page.clock.fast_forward("10")
        expect(page.get_by_text("Cancelling")).to_be_visible()
    expect(page.get_by_text(re.compile("was not sent|You sent"))).to_have_count(0)
    page.unroute_all()
    page.clock.fast_forward("10")
    expect(page.get_by_text("Your money was not sent")).to_be_visible()
    axe.check(page)
    assert answer_to(tries[0]) == "IdempotencyKeyClosed"
    assert alpha.transfers == []
    # The next payment has a key of its own.
    page.get_by_role("button", name="Edit payment").click()
    expect(actions.amount(page)).to_have_value("60.00")
    page.get_by_role("button", name="Continue").click()
    actions.confirm(page, "60.00")
    expect(actions.receipt(page, "60.00", beta.name)).to_be_visible()
    assert len(alpha.transfers) == 1


def hang_up(route: Route, seen: list[Route]) -> None:
    seen.append(route)
    route.abort()


def test_a_payment_that_was_sent_before_it_was_given_up_is_shown_as_sent(
    new_context: Callable[..., BrowserContext], alpha: Person, beta: Person
) -> None:
    page = new_context(alpha).new_page()
    page.clock.install()
    page.goto("/send")
    tries = fail_to_send(page, beta, "60.00")
    assert answer_to(tries[0]) == "MoneySent"
    page.get_by_role("button", name="Don’t send").click()
    expect(actions.receipt(page, "60.00", beta.name)).to_be_visible()
    assert len(alpha.transfers) == 1


def test_adding_money_that_was_given_up_is_not_carried_out_later(
    new_page: NewPage, alpha: Person
) -> None:
    page = new_page(alpha)
    tries: list[Route] = []
    actions.intercept(page, "AddBalance", lambda route: hang_up(route, tries))
    page.get_by_role("button", name="Add money").click()
    dialog = page.get_by_role("dialog")
    actions.amount(dialog).fill("70")
    dialog.get_by_role("button", name="Add money").click()
    expect(dialog.get_by_text("This is taking longer than usual")).to_be_visible()
    dialog.get_by_role("button", name="Don’t add").click()
    expect(dialog.get_by_text("Your money was not added")).to_be_visible()
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_have_count(0)
    answer = tries[0].fetch().json()
    assert answer["data"]["addBalance"]["__typename"] == "IdempotencyKeyClosed"
    assert alpha.balance == "500.00"


def test_a_receipt_stays_in_place_while_its_proof_loads(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha)
    held: list[Route] = []

    def asks_for_proof(request: Request) -> bool:
        return "query TransactionSeal" in (request.post_data or "")

    page.route(
        "**/graphql",
        lambda route: held.append(route) if asks_for_proof(route.request) else route.fallback(),
    )
    page.goto("/send")
    actions.fill_in_payment(page, beta.name, "20")
    with page.expect_request(asks_for_proof):
        actions.confirm(page, "20.00")
    expect(actions.receipt(page, "20.00", beta.name)).to_be_visible()
    done = page.get_by_role("link", name="Done")
    before = done.bounding_box()
    [proof] = held
    proof.fallback()
    expect(page.get_by_text("Proof", exact=True)).to_be_visible()
    assert done.bounding_box() == before
