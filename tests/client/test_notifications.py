"""Notifications are counted, listed and read in every tab, and mailed if the user chooses so."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack

MAILED = "{ viewer { mailedNotifications unreadNotifications } }"


def bell(page: Page) -> Locator:
    return page.get_by_role("link", name=re.compile(r"^Notifications(, \d+ unread)?$"))


def items(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("listitem")


def test_what_is_read_in_one_tab_is_read_in_all(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    page = new_page(beta)
    other = page.context.new_page()
    other.goto("/notifications")
    expect(other.get_by_role("heading", name="No notifications yet")).to_be_visible()
    other.goto("/settings")
    alpha.send("7.50", beta)
    for tab in (page, other):
        expect(bell(tab)).to_have_accessible_name("Notifications, 1 unread")

    # Offline, what is known is shown, and counts as read once the service can be told.
    told: list[Route] = []

    def lose_the_first_and_hold_the_second(route: Route) -> None:
        told.append(route)
        if len(told) == 1:
            route.abort()
        elif len(told) > 2:
            route.fallback()

    actions.intercept(page, "MarkNotificationsRead", lose_the_first_and_hold_the_second)
    bell(page).click()
    expect(items(page)).to_have_count(1)
    expect(items(page).get_by_text("New:")).to_have_count(1)
    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")
    axe.check(page)
    alpha.send("2", beta)
    actions.until(page, lambda: len(told) == 2)
    alpha.send("3", beta)
    expect(items(page)).to_have_count(3)
    told[1].abort()
    for tab in (page, other):
        expect(bell(tab)).to_have_accessible_name("Notifications")
    # Still marked as new for whoever looks at them now.
    expect(items(page).get_by_text("New:")).to_have_count(3)

    items(page).get_by_role("link", name=f"{alpha.name} sent you $2.00").click()
    expect(page.get_by_role("heading", name=f"{alpha.name} sent you $2.00")).to_be_visible()
    actions.go(page, "/notifications")
    expect(items(page)).to_have_count(3)
    expect(items(page).get_by_text("New:")).to_have_count(0)


def test_what_changes_the_security_is_announced_and_older_pages_follow(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    for number in range(21):
        alpha.send("1", beta, f"{number}")
    page = new_page(beta, color_scheme="dark", viewport=PHONE)
    expect(bell(page)).to_have_accessible_name("Notifications, 21 unread")
    axe.check(page)
    bell(page).click()
    expect(items(page).first).to_be_visible()
    # The end of the list, which loads the next page.
    page.keyboard.press("End")
    expect(items(page)).to_have_count(21)
    beta.create_api_token("Bookkeeping")
    announced = re.compile("API token “Bookkeeping” was created")
    expect(page.get_by_role("region", name="Messages").get_by_text(announced)).to_be_visible()
    expect(items(page).first.get_by_role("link", name=announced)).to_be_visible()


def test_the_user_chooses_what_is_mailed(
    new_page: NewPage, axe: Axe, stack: Stack, beta: Person
) -> None:
    page = new_page(beta, "/settings/notifications", viewport=PHONE)
    money = page.get_by_role("checkbox", name="You receive money")
    expect(money).not_to_be_checked()
    money.check()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    axe.check(page)
    mailed = stack.ask(MAILED, beta.token)["viewer"]["mailedNotifications"]
    # Those that the page does not show yet are left as they were.
    assert {"MONEY_RECEIVED", "REQUEST_RECEIVED", "SECURITY_CHANGED"} <= {*mailed}
    actions.intercept(page, "SetMailedNotifications", lambda route: route.abort())
    # It is checked again as soon as saving fails: `uncheck` would insist that it is not.
    money.click()
    expect(actions.toast(page, "Your choice was not saved")).to_be_visible()
    expect(money).to_be_checked()
