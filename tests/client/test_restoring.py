"""Pages that are open while the service is restored to an earlier point in time."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Locator, Page, Response, Route, expect

from tests.client import actions
from tests.client.axe import Axe
from tests.client.cables import listen_on_channels, refuse_reads
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack


def notice(page: Page) -> Locator:
    text = "Mini Wallet was restored from a backup"
    return page.get_by_role("status").filter(has_text=text)


def loads_of(page: Page) -> list[str]:
    """The addresses that it loads from now on."""
    found: list[str] = []
    page.on("load", lambda loaded: found.append(loaded.url))
    return found


def reads_of(page: Page) -> list[str]:
    """The requests that read the whole wallet from now on."""
    found: list[str] = []

    def note(response: Response) -> None:
        if "WalletNow" in (response.request.post_data or ""):
            found.append(response.url)

    page.on("response", note)
    return found


def test_an_open_page_is_loaded_again_once_and_shows_the_present_state(
    new_page: NewPage, axe: Axe, stack: Stack, alpha: Person, beta: Person
) -> None:
    page = new_page(beta)
    expect(actions.balance(page)).to_have_text("$0.00")
    loads = loads_of(page)
    # A page that is offline learns of it when it is back.
    page.context.set_offline(True)
    expect(page.get_by_text("You’re offline.")).to_be_visible()
    stack.begin_epoch()
    alpha.send("1", beta)
    page.context.set_offline(False)
    actions.until(page, lambda: loads)
    expect(actions.balance(page)).to_have_text("$1.00")
    alpha.send("2", beta)
    expect(actions.balance(page)).to_have_text("$3.00")
    expect(notice(page)).to_have_count(0)

    # It is not loaded again and again, but continues with what it reads anew.
    stack.begin_epoch()
    expect(notice(page)).to_be_visible()
    axe.check(page)
    alpha.send("4", beta)
    expect(actions.balance(page)).to_have_text("$7.00")
    assert len(loads) == 1
    page.get_by_role("navigation").get_by_role("link", name="Activity").click()
    expect(actions.lines(page, re.compile(alpha.name))).to_have_count(3)
    expect(notice(page)).to_have_count(0)
    assert len(loads) == 2


def test_a_payment_under_way_and_a_form_being_filled_in_are_not_lost(
    new_page: NewPage, stack: Stack, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha, "/send")
    held: list[Route] = []
    actions.intercept(page, "SendMoney", held.append)
    actions.fill_in_payment(page, beta.name, "20")
    actions.confirm(page, "20.00")
    actions.until(page, lambda: held)
    form = page.context.new_page()
    form.goto("/settings/profile")
    name = form.get_by_role("textbox", name="Name")
    expect(name).to_have_value(alpha.name)
    name.fill("Anna Typed")
    loads = [loads_of(tab) for tab in (page, form)]
    read = [reads_of(tab) for tab in (page, form)]

    stack.begin_epoch()
    actions.until(page, lambda: all(read))
    held[0].continue_()
    expect(actions.receipt(page, "20.00", beta.name)).to_be_visible()
    expect(notice(page)).to_be_visible()
    expect(notice(form)).to_be_visible()
    assert alpha.balance == "480.00"
    expect(name).to_have_value("Anna Typed")
    assert loads == [[], []]
    page.get_by_role("navigation").get_by_role("link", name="Home").click()
    expect(actions.balance(page)).to_have_text("$480.00")
    notice(form).get_by_role("button", name="Load it now").click()
    expect(notice(form)).to_contain_text("What you typed on this page will be lost.")
    notice(form).get_by_role("button", name="Load it anyway").click()
    expect(name).to_have_value(alpha.name)
    assert [len(each) for each in loads] == [1, 1]


def test_a_push_of_another_epoch_is_not_taken_for_the_next_event(
    new_context: Callable[..., BrowserContext], stack: Stack, alpha: Person, beta: Person
) -> None:
    page = new_context(beta).new_page()
    heard = listen_on_channels(page)
    expect(actions.balance(page)).to_have_text("$0.00")
    refuse_reads(page)
    loads = loads_of(page)
    stack.begin_epoch()
    alpha.send("7.50", beta)
    actions.until(page, lambda: any("transaction.posted" in data for data in heard))
    expect(actions.balance(page)).to_have_text("$0.00")
    assert loads == []
    page.unroute_all()
    actions.until(page, lambda: loads)
    expect(actions.balance(page)).to_have_text("$7.50")
