"""The activity page: complete, without repetitions, and filtered by each filter."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack

ANY = re.compile(r"\d")
NUMBER = re.compile(r"number (\d+)")
#: Three pages of 20, the last one not full.
MANY = 45


@pytest.fixture(scope="module")
def busy(stack: Stack) -> Person:
    """Somebody whose activity is of several pages."""
    person, friend = stack.new_person("Bea Busy", "500"), stack.new_person("Finn Friend")
    for number in range(MANY):
        person.send("1", friend, f"number {number}")
    return person


def listed(page: Page) -> list[int]:
    """The numbers in the notes, from the newest entry to the oldest."""
    texts = actions.lines(page, NUMBER).all_inner_texts()
    return [int(number) for text in texts for number in NUMBER.findall(text)]


@pytest.mark.parametrize("query", ["", "?direction=OUTGOING", "?text=number"])
def test_scrolling_shows_every_entry_once_also_while_another_one_comes(
    stack: Stack, new_page: NewPage, busy: Person, query: str
) -> None:
    friend = stack.new_person("Pia Payee")
    before = [int(line["note"].split()[1]) for line in busy.transfers]
    page = new_page(busy, f"/activity{query}", viewport=PHONE)
    expect(actions.lines(page, NUMBER).nth(19)).to_be_visible()
    assert listed(page) == before[:20]
    page.mouse.move(100, 300)
    page.mouse.wheel(0, 10_000)
    expect(actions.lines(page, NUMBER).nth(39)).to_be_attached()
    newest = before[0] + 1
    busy.send("1", friend, f"number {newest}")
    expect(actions.lines(page, f"number {newest}")).to_be_attached()

    def reaches_the_end() -> bool:
        page.mouse.wheel(0, 10_000)
        return listed(page)[-1] == 0

    actions.until(page, reaches_the_end)
    assert listed(page) == [newest, *before]


@pytest.fixture(scope="module")
def varied(stack: Stack) -> Person:
    """Somebody with a line of every kind."""
    person, lea = stack.new_person("Vera Varied", "100"), stack.new_person("Lea Landlady")
    person.send("50", lea, "rent for May")
    person.send("20", stack.new_person("Tom Tickets"), "the opera")
    lea.send("5", person, "too much")
    return person


def test_each_filter_narrows_the_activity_and_is_cleared(
    new_page: NewPage, axe: Axe, varied: Person
) -> None:
    page = new_page(varied, "/activity")
    everything = ["too much", "the opera", "rent for May", "Added money"]
    clear = page.get_by_role("button", name="Clear")

    def shows(wanted: list[str]) -> None:
        expect(actions.lines(page, ANY)).to_have_text([re.compile(each) for each in wanted])

    def narrows(narrow: Callable[[], object], wanted: list[str]) -> None:
        shows(everything)
        expect(clear).to_have_count(0)
        narrow()
        shows(wanted)
        clear.click()

    search = page.get_by_role("searchbox", name="Search")
    narrows(lambda: search.fill("rent"), ["rent for May"])
    expect(search).to_have_value("")
    narrows(lambda: search.fill("tom t"), ["the opera"])
    narrows(lambda: page.get_by_role("radio", name="In").click(), ["too much", "Added money"])
    narrows(lambda: page.get_by_role("radio", name="Out").click(), ["the opera", "rent for May"])
    page.get_by_role("button", name="More filters").click()
    kind, person, since, until = (
        page.get_by_label(label, exact=True) for label in ("Kind", "Person", "From", "To")
    )
    narrows(lambda: kind.select_option("Added money"), ["Added money"])
    narrows(lambda: kind.select_option("Transfers"), everything[:3])
    narrows(lambda: person.select_option("Lea Landlady"), ["too much", "rent for May"])
    # Whatever the day is where the browser is, all of it was between yesterday and tomorrow.
    today = datetime.datetime.now(datetime.UTC).date()
    before, after = (str(today + datetime.timedelta(days)) for days in (-2, 2))
    narrows(lambda: since.fill(after), [])
    narrows(lambda: until.fill(before), [])
    since.fill(before)
    until.fill(after)
    shows(everything)
    person.select_option("Lea Landlady")
    page.get_by_role("radio", name="In").click()
    shows(["too much"])
    axe.check(page)
    page.reload()
    shows(["too much"])
    search.fill("nothing like it")
    expect(page.get_by_role("heading", name="No matching transactions")).to_be_visible()
    axe.check(page)
    clear.click()
    shows(everything)
    for field in (kind, person, since, until):
        expect(field).to_have_value("")


def test_metadata_is_shown_to_the_user_who_attached_it(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    alpha.send("5", beta, "an order", metadata=[{"key": "order", "value": "A-17"}])
    for person, count in ((alpha, 1), (beta, 0)):
        page = new_page(person)
        actions.lines(page, "an order").click()
        expect(page.get_by_role("button", name="Copy reference")).to_be_visible()
        for text in ("Metadata", "order", "A-17"):
            expect(page.get_by_role("main").get_by_text(text, exact=True)).to_have_count(count)
