"""Transfers for later and again: scheduled once, listed, made live, paused, and ended."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person

SCHEDULES = """
{ viewer { scheduledTransfers { nodes { startsOn amount { amount } recurrence { unit interval } } } } }
"""


def scheduled(person: Person) -> list[dict[str, Any]]:
    """Newest first."""
    viewer = person.stack.ask(SCHEDULES, person.token)["viewer"]
    nodes: list[dict[str, Any]] = viewer["scheduledTransfers"]["nodes"]
    return nodes


SET_TIME_ZONE = """
mutation ($timeZone: String!) { updateProfile(input: {timeZone: $timeZone}) { __typename } }
"""


def move_to_noon(person: Person) -> date:
    """Put the person in a time zone where it is about noon; returns the date there."""
    now = datetime.now(UTC)
    # The sign is that of POSIX: Etc/GMT-5 is five hours ahead.
    person.stack.ask(SET_TIME_ZONE, person.token, timeZone=f"Etc/GMT{now.hour - 12:+}")
    return (now + timedelta(hours=12 - now.hour)).date()


def choose(page: Page, when: str) -> None:
    page.get_by_role("radio", name=when).click()


def fill_in(page: Page, name: str, sum_: str) -> None:
    actions.recipient(page).fill(name)
    page.get_by_role("option", name=name).click()
    actions.amount(page).fill(sum_)


def visit(page: Page, label: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=label).click()


def dates(page: Page) -> Locator:
    return page.get_by_role("definition").filter(has_text=re.compile(r"January|February"))


def test_a_rent_is_scheduled_once_whatever_happens_to_the_answer(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    """The year of the first day is far off, so that nothing is due while the test runs."""
    page = new_page(alpha, "/scheduled", viewport=PHONE)
    axe.check(page)
    page.get_by_role("link", name="Schedule a transfer").click()
    # More than the balance: it counts on the day itself.
    fill_in(page, beta.name, "850")
    page.get_by_label("First day").fill("2020-01-31")
    page.get_by_label("Every").fill("0")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Every")).to_be_focused()
    expect(page.get_by_label("First day")).to_have_attribute("aria-invalid", "true")
    axe.check(page)
    page.get_by_label("Every").fill("1")
    page.get_by_label("First day").fill("2097-01-31")
    in_words = "January 31, 2097; February 28, 2097; March 31, 2097; …"
    expect(page.get_by_text(in_words)).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name=f"Schedule for {beta.name}")).to_be_focused()
    expect(dates(page)).to_have_text(in_words)
    axe.check(page)

    # The answer is lost on its way, and the page is left before there is another.
    lost: list[Route] = []

    def lose(route: Route) -> None:
        if not lost:
            route.fetch()
        lost.append(route)
        route.abort()

    actions.intercept(page, "ScheduleTransfer", lose)
    page.get_by_role("button", name="Schedule").dblclick()
    expect(page.get_by_text("This is taking longer than usual")).to_be_visible()
    assert len(scheduled(alpha)) == 1
    page.unroute_all()
    page.reload()
    expect(page.get_by_text(in_words)).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Schedule").dblclick()
    expect(actions.toast(page, "This transfer was already scheduled")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("$850.00 every month")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Send money")
    [rent] = scheduled(alpha)
    assert rent["startsOn"] == "2097-01-31"
    assert rent["recurrence"] == {"unit": "MONTH", "interval": 1}

    # The same typed once more is another one.
    actions.go(page, "/send?when=repeat")
    fill_in(page, beta.name, "850")
    page.get_by_label("First day").fill("2097-01-31")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Schedule").click()
    expect(actions.toast(page, "The transfer is scheduled")).to_be_visible()
    assert len(scheduled(alpha)) == 2


def test_a_scheduled_transfer_from_its_first_run_to_its_end(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    today = move_to_noon(alpha)
    page = new_page(alpha, "/send", color_scheme="dark")
    fill_in(page, beta.name, "20")
    choose(page, "Repeat")
    page.get_by_label("Every").fill("2")
    page.get_by_label("Unit").select_option("weeks")
    page.get_by_label("First day").fill(str(today))
    page.get_by_label("Last day").fill(str(today + timedelta(days=60)))
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Schedule").click()
    expect(page.get_by_role("heading", name="$20.00 every 2 weeks")).to_be_visible()
    assert [date.fromisoformat(each["startsOn"]) for each in scheduled(alpha)] == [today]

    # 08:00 has passed today, so that the first run is made at once, and appears.
    first = page.get_by_role("region", name="History").get_by_role("listitem")
    expect(first).to_contain_text("Sent")
    assert alpha.balance == "480.00"
    axe.check(page)
    first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"You sent \$20\.00"))
    visit(page, "Notifications")
    actions.lines(page, re.compile(r"Your scheduled transfer of \$20\.00")).click()
    expect(page.get_by_role("heading", name="$20.00 every 2 weeks")).to_be_visible()

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("While it is paused, nothing is sent.")).to_be_visible()
    axe.check(page)
    visit(page, "Scheduled")
    row = page.get_by_role("region", name="To be sent").get_by_role("link")
    expect(row).to_contain_text("Paused")
    axe.check(page)
    row.click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="End…").click()
    dialog = page.get_by_role("dialog")
    axe.check(page)
    dialog.get_by_role("button", name="End it").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("link", name=f"Send to {beta.name} again")).to_be_visible()
    visit(page, "Scheduled")
    expect(page.get_by_role("region", name="Ended").get_by_role("link")).to_have_count(1)
    page.goto("/scheduled/nonsense")
    expect(page.get_by_role("heading", name="Scheduled transfer not found")).to_be_visible()

    # A run that cannot be made says why, and that it is tried again.
    visit(page, "Send")
    fill_in(page, beta.name, "900")
    choose(page, "Later")
    page.get_by_label("Day").fill(str(today))
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Schedule").click()
    expect(first).to_contain_text("We try again every hour")
    page.set_viewport_size(PHONE)
    axe.check(page)
