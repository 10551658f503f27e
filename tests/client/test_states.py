"""The states of a page: loading, confirming, refused, failed."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Route, expect

from tests.client import actions
from tests.client.axe import DESKTOP, PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack


def test_the_steps_of_sending(new_page: NewPage, axe: Axe, alpha: Person, beta: Person) -> None:
    page = new_page(alpha, "/send", viewport=PHONE, color_scheme="dark")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Choose a recipient from the list.")).to_be_visible()
    axe.check(page)
    actions.recipient(page).fill(beta.name)
    expect(page.get_by_role("option", name=beta.name)).to_be_visible()
    axe.check(page)
    actions.amount(page).fill("600")
    expect(page.get_by_text("You are $100.00 short.")).to_be_visible()
    axe.check(page)
    actions.fill_in_payment(page, beta.name, "1.50", note="for the 🚌")
    axe.check(page)
    actions.confirm(page, "1.50")
    expect(actions.receipt(page, "1.50", beta.name)).to_be_focused()
    proof = page.get_by_role("main").locator("details")
    expect(proof.get_by_role("code")).to_have_count(0)
    proof.locator("summary").click()
    seal = proof.get_by_role("code").last.inner_text()
    assert seal == alpha.newest_seal
    axe.check(page)
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name="for the 🚌").click()
    expect(page.get_by_role("heading", name=f"You sent $1.50 to {beta.name}")).to_be_visible()
    expect(page.get_by_role("button", name="Copy reference")).to_be_visible()
    axe.check(page)
    page.emulate_media(media="print", color_scheme="light")
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_text(f"Proof, for ./wallet audit --receipt: {seal}")).to_be_visible()
    page.emulate_media(media="screen", color_scheme="light")
    proof.locator("summary").click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy proof").click()
    actions.until(page, lambda: page.evaluate("navigator.clipboard.readText()") == seal)


def test_the_first_use_and_the_dialogs(stack: Stack, new_page: NewPage, axe: Axe) -> None:
    newcomer = stack.new_person("نورا")
    page = new_page(newcomer, viewport=DESKTOP)
    expect(page.get_by_role("heading", name="Get started")).to_be_visible()
    axe.check(page)
    page.get_by_role("button", name="Add your first money").click()
    dialog = page.get_by_role("dialog", name="Add money")
    dialog.get_by_role("button", name="Add money").click()
    expect(dialog.get_by_text("Enter an amount.")).to_be_visible()
    axe.check(page)
    dialog.get_by_role("button", name="$50.00").click()
    dialog.get_by_role("button", name="Add money").click()
    expect(actions.balance(page)).to_have_text("$50.00")

    page.get_by_role("button", name="Hide balance").click()
    expect(actions.balance(page)).to_have_text(re.compile("Hidden"))
    page.reload()
    expect(actions.balance(page)).to_have_text(re.compile("Hidden"))
    axe.check(page)

    page.goto("/settings/api-tokens")
    page.get_by_role("button", name="Create a token").click()
    form = page.get_by_role("dialog", name="New API token")
    form.get_by_role("button", name="Create token").click()
    expect(form.get_by_role("textbox", name="Name")).to_have_attribute("aria-invalid", "true")
    axe.check(page)
    form.get_by_role("textbox", name="Name").fill("Bookkeeping")
    form.get_by_role("checkbox").first.check()
    form.get_by_role("button", name="Create token").click()
    shown = page.get_by_role("dialog", name="Copy your token now")
    secret = shown.get_by_role("code").inner_text()
    assert secret.startswith("mw_")
    axe.check(page)
    shown.get_by_role("button", name="I’ve saved it").click()
    page.get_by_role("button", name="Revoke Bookkeeping").click()
    axe.check(page)
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("No API tokens yet")).to_be_visible()


def test_the_shapes_of_what_is_loading(new_page: NewPage, axe: Axe, alpha: Person) -> None:
    page = new_page(alpha, "/settings/appearance", viewport=PHONE)

    def answer_nothing_but_who_is_there(route: Route) -> None:
        if "RefreshSession" in (route.request.post_data or ""):
            route.fallback()

    page.route("**/graphql", answer_nothing_but_who_is_there)
    page.goto("/")
    expect(page.get_by_role("heading", name="Your balance")).to_be_visible()
    shapes = page.get_by_role("main").locator("[aria-hidden].animate-shimmer")
    for path, title, scheme in (
        ("/", "Home", "light"),
        ("/activity", "Activity", "dark"),
        ("/activity/any", "Transaction", "light"),
        ("/settings/profile", "Profile", "dark"),
        ("/settings/devices", "Devices", "light"),
    ):
        actions.go(page, path)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(page).to_have_title(re.compile(title))
        expect(shapes.first).to_be_visible()
        axe.check(page)


def test_a_list_that_cannot_be_read_says_so_and_is_tried_again(
    new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    page = new_page(alpha)
    expect(actions.balance(page)).to_have_text("$500.00")
    page.route("**/graphql", lambda route: route.abort())
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Devices").click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    axe.check(page)
    page.unroute_all()
    again.click()
    expect(page.get_by_text("This device")).to_be_visible()


def test_no_user_is_signed_out_while_the_service_does_not_answer(
    new_context: Callable[..., BrowserContext], axe: Axe, alpha: Person
) -> None:
    page = new_context(alpha).new_page()
    page.clock.install()
    page.goto("/")
    expect(actions.balance(page)).to_have_text("$500.00")

    def be_away(route: Route) -> None:
        route.fulfill(status=503, body="")

    page.route("**/graphql", be_away)
    page.reload(wait_until="commit")
    expect(page.get_by_role("heading", name="Mini Wallet")).to_be_attached()
    page.clock.fast_forward("03")
    expect(page.get_by_text("isn’t responding yet")).to_be_visible()
    axe.check(page)
    page.unroute_all()
    page.clock.fast_forward("05")
    expect(actions.balance(page)).to_have_text("$500.00")


def test_the_appearance_that_was_chosen_stays(new_page: NewPage, alpha: Person) -> None:
    page = new_page(alpha, "/settings/appearance", color_scheme="dark")
    for scheme in ("light", "dark"):
        page.get_by_role("radio", name=scheme, exact=False).click()
        page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)


def test_everything_can_be_done_by_keyboard(new_page: NewPage, alpha: Person, beta: Person) -> None:
    page = new_page(alpha, "/send")
    expect(actions.recipient(page)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(actions.recipient(page)).to_be_focused()
    page.keyboard.type(beta.name)
    expect(page.get_by_role("option", name=beta.name)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(actions.amount(page)).to_be_focused()
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Send to {beta.name}")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(actions.receipt(page, "3.00", beta.name)).to_be_visible()
