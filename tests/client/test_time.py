"""Times on a page stay current while it is open, and are correct if the device's clock is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.client import actions
from tests.client.stack import Person


class Days:
    """Lets time go by for a page: for its device, and for the service as far as its answers tell."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._passed = timedelta()
        page.route("**/graphql", self._answer_later)

    def _answer_later(self, route: Route) -> None:
        response = route.fetch()
        date = parsedate_to_datetime(response.headers["date"]) + self._passed
        later = format_datetime(date, usegmt=True)
        route.fulfill(response=response, headers={**response.headers, "date": later})

    def __enter__(self) -> Days:
        return self

    def __exit__(self, *_: object) -> None:
        # Requests that are under way as the test ends are nobody's concern.
        self._page.unroute_all(behavior="ignoreErrors")

    def let_pass(self, time: timedelta) -> None:
        self._passed += time
        self._page.clock.fast_forward(int(time.total_seconds() * 1000))


def zone_before_midnight() -> tuple[str, timedelta]:
    """A time zone in which midnight is one to two hours ahead, and how long it takes until then."""
    now = datetime.now(UTC)
    ahead = 22 - now.hour
    # By the POSIX convention of these names, what is east of Greenwich is minus; 12 hours is the most.
    zone = f"Etc/GMT{-ahead:+d}" if ahead <= 12 else f"Etc/GMT+{24 - ahead}"
    return zone, timedelta(minutes=120 - now.minute)


def test_at_midnight_today_becomes_yesterday(
    new_context: Callable[..., BrowserContext], alpha: Person
) -> None:
    zone, left = zone_before_midnight()
    page = new_context(alpha, timezone_id=zone).new_page()
    page.clock.install()
    with Days(page) as days:
        page.goto("/")
        headings = page.get_by_role("main").get_by_role("heading", level=3)
        expect(headings).to_have_text(["Today"])
        days.let_pass(left + timedelta(minutes=1))
        expect(headings).to_have_text(["Yesterday"])
        expect(page.get_by_role("img", name="Your balance since")).to_be_visible()
        expect(page.get_by_text("Now", exact=True)).to_have_count(0)


def test_after_a_long_sleep_every_time_is_told_anew(
    new_context: Callable[..., BrowserContext], alpha: Person
) -> None:
    new_context(alpha).new_page().goto("/")
    page = new_context(alpha).new_page()
    page.clock.install()
    with Days(page) as days:
        asked: list[Route] = []

        def count(route: Route) -> None:
            asked.append(route)
            route.fallback()

        actions.intercept(page, "BalanceHistory", count)
        page.goto("/")
        expect(page.get_by_role("heading", name="Today")).to_be_visible()
        actions.until(page, lambda: len(asked) == 1)
        days.let_pass(timedelta(days=3))
        expect(page.get_by_role("heading", name="Today")).to_have_count(0)
        # The range of the chart begins anew, three days later.
        actions.until(page, lambda: len(asked) == 2)
        page.get_by_role("link", name="Settings").first.click()
        page.get_by_role("link", name="Devices").click()
        expect(page.get_by_text("Last used 3 days ago").first).to_be_visible()
        days.let_pass(timedelta(days=1))
        expect(page.get_by_text("Last used 4 days ago").first).to_be_visible()


@pytest.mark.parametrize(
    "wrong_by", [timedelta(days=-3), timedelta(days=40)], ids=["behind", "ahead"]
)
def test_a_device_whose_clock_is_days_off_shows_the_services_time(
    new_context: Callable[..., BrowserContext], alpha: Person, beta: Person, wrong_by: timedelta
) -> None:
    context = new_context(alpha, timezone_id="UTC")
    new_context(alpha).new_page().goto("/")
    page = context.new_page()
    page.clock.install(time=datetime.now(UTC) + wrong_by)
    renewals: list[str] = []
    page.on(
        "request",
        lambda request: (
            renewals.append(request.url) if "RefreshSession" in (request.post_data or "") else None
        ),
    )
    page.goto("/")
    headings = page.get_by_role("main").get_by_role("heading", level=3)
    expect(headings).to_have_text(["Today"])
    expect(page.get_by_text("Now", exact=True)).to_be_visible()
    alpha.send("5", beta)
    expect(actions.balance(page)).to_have_text("$495.00")
    expect(headings).to_have_text(["Today"])

    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("link", name="Devices").click()
    expect(page.get_by_text("Last used now").first).to_be_visible()

    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("link", name="API tokens").click()
    page.get_by_role("button", name="Create a token").click()
    form = page.get_by_role("dialog", name="New API token")
    form.get_by_role("textbox", name="Name").fill("Bookkeeping")
    form.get_by_role("checkbox").first.check()
    form.get_by_role("combobox").select_option("30")
    until = datetime.now(UTC) + timedelta(days=30)
    form.get_by_role("button", name="Create token").click()
    page.get_by_role("button", name="I’ve saved it").click()
    expect(page.get_by_text(f"expires {until:%B} {until.day}, {until.year}")).to_be_visible()
    assert len(renewals) == 1
