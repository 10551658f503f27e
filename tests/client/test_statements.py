"""Statements and their files, and insights, which show the same figures."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person


def figure(page: Page, name: str) -> Locator:
    """The amount beside that name in the sum of the statement."""
    return page.get_by_role("term").filter(has_text=name).locator("xpath=../dd")


def download(page: Page, name: str) -> tuple[str, bytes]:
    with page.expect_download() as started:
        page.get_by_role("button", name=f"Download {name}", exact=True).click()
    file = started.value
    return file.suggested_filename, file.path().read_bytes()


def test_a_statement_and_its_files(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    alpha.send("120", beta, note="Rent")
    page = new_page(alpha, "/activity", viewport=PHONE, color_scheme="dark")
    page.get_by_role("link", name="Statement").click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    for name, amount in {
        "Opening balance": "$0.00",
        "Money in": "+$500.00",
        "Fees": "$0.00",
    }.items():
        expect(figure(page, name)).to_have_text(amount)
    expect(figure(page, "Closing balance")).to_have_text("$380.00")
    expect(page.get_by_text("2 transactions")).to_be_visible()
    axe.check(page)

    # It follows what happens meanwhile.
    beta.send("20", alpha)
    expect(figure(page, "Closing balance")).to_have_text("$400.00")
    for name, ending, start in [
        ("PDF", ".pdf", b"%PDF-"),
        ("CSV", ".csv", b"\xef\xbb\xbf"),
        ("OFX", ".ofx", b"<?xml"),
        ("camt.053", ".xml", b"<?xml"),
    ]:
        file_name, content = download(page, name)
        assert file_name.endswith(ending)
        assert content.startswith(start)

    # The dates are part of the address; mistakes are told at the field.
    page.get_by_role("button", name="Last year").click()
    expect(page.get_by_text("0 transactions")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Last year")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("From").fill("2020-02-02")
    page.get_by_label("To").fill("2020-02-01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("To")).to_have_attribute("aria-invalid", "true")
    axe.check(page)
    page.get_by_label("From").fill("1990-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Choose a first day")).to_be_visible()
    page.get_by_role("button", name="This month").click()

    # A link that no longer works, and no network, are told in words; the page stays.
    page.route("**/statements/*", lambda route: route.fulfill(status=410, body="It has expired."))
    page.get_by_role("button", name="Download CSV").click()
    expect(page.get_by_role("alert")).to_contain_text("The link to the file has expired")
    page.context.set_offline(True)
    expect(page.get_by_text("Files can be downloaded once you’re connected again")).to_be_visible()
    expect(page.get_by_role("button", name="Download CSV")).to_have_attribute(
        "aria-disabled", "true"
    )
    page.context.set_offline(False)
    expect(page.get_by_role("button", name="Download CSV")).not_to_have_attribute(
        "aria-disabled", "true"
    )

    # Days are those of the user's time zone.
    page.get_by_role("link", name="Change time zone").click()
    page.get_by_role("combobox", name="Time zone").select_option("Pacific/Kiritimati")
    page.get_by_role("button", name="Save time zone").click()
    expect(actions.toast(page, "Your time zone is saved")).to_be_visible()
    axe.check(page)
    actions.go(page, "/activity/statement")
    expect(page.get_by_text("in your time zone, Pacific/Kiritimati")).to_be_visible()
    expect(figure(page, "Closing balance")).to_have_text("$400.00")


def test_insights_show_the_figures_of_the_statement(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    alpha.send("120.50", beta)
    page = new_page(alpha, "/activity")
    page.get_by_role("link", name="Insights").click()
    expect(figure(page, "Money out")).to_have_text("−$120.50")
    expect(page.get_by_role("img", name="Your balance over time")).to_be_visible()
    people = page.get_by_role("region", name="By person")
    expect(people.get_by_role("row", name=beta.name)).to_contain_text("$120.50")
    expect(people.get_by_role("row", name="Money added")).to_contain_text("$500.00")
    months = page.get_by_role("region", name="Money in and out")
    months.get_by_text("Show as a table").click()
    expect(months.get_by_role("row")).to_have_count(12 + 1)
    expect(months.get_by_role("row").last).to_contain_text(
        re.compile(r"\$500\.00.*\$120\.50.*\$379\.50")
    )
    axe.check(page)

    beta.send("20", alpha)
    expect(people.get_by_role("row", name=beta.name)).to_contain_text("$20.00")
    expect(figure(page, "Closing balance")).to_have_text("$399.50")

    page.get_by_role("button", name="Last year").click()
    expect(page.get_by_text("No money came in or went out")).to_be_visible()
    page.set_viewport_size(PHONE)
    axe.check(page)
    page.get_by_role("button", name="This month").click()
    people.get_by_role("link", name=beta.name).click()
    expect(actions.lines(page, beta.name)).to_have_count(2)
