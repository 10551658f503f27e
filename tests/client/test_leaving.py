"""Downloading one's data, closing the account, and coming back."""

from __future__ import annotations

import io
import re
import zipfile

from playwright.sync_api import Page, expect

from tests.client import actions
from tests.client.axe import DESKTOP, PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack


def test_users_take_their_data_leave_and_come_back(
    stack: Stack, new_page: NewPage, axe: Axe, beta: Person
) -> None:
    leaver = stack.new_person("Lea Leaver", "12.50")
    beta_page = new_page(beta, "/activity", viewport=DESKTOP)
    page = new_page(leaver, "/settings", viewport=PHONE, color_scheme="dark")
    page.get_by_role("link", name="Your account").click()
    _download_everything(page, axe)
    _send_the_rest(page, axe, beta)
    _close(page, axe)
    _look_at_a_closed_account(beta_page, axe)
    page.get_by_role("link", name="Sign in to reopen it").click()
    actions.sign_in(page, leaver.email)
    expect(page.get_by_text("Welcome back: your account is open again")).to_be_visible()
    axe.check(page)
    page.get_by_role("main").get_by_role("button", name="OK").click()
    page.reload()
    expect(actions.balance(page)).to_have_text("$0.00")
    expect(page.get_by_text("Welcome back")).to_have_count(0)


def _download_everything(page: Page, axe: Axe) -> None:
    page.get_by_role("button", name="Request your data").click()
    expect(page.get_by_text("can be downloaded until")).to_be_visible()
    axe.check(page)
    with page.expect_download() as found:
        page.get_by_role("button", name="Download").click()
    with zipfile.ZipFile(io.BytesIO(found.value.path().read_bytes())) as archive:
        assert b"Lea Leaver" in archive.read("profile.jsonl")


def _send_the_rest(page: Page, axe: Axe, to: Person) -> None:
    page.get_by_role("link", name="Close account").click()
    expect(page.get_by_text("There is still $12.50 in your wallet")).to_be_visible()
    axe.check(page)
    page.get_by_role("link", name="Send $12.50").click()
    expect(actions.amount(page)).to_have_value("12.50")
    actions.fill_in_payment(page, to.name, "12.50")
    actions.confirm(page, "12.50")
    expect(actions.receipt(page, "12.50", to.name)).to_be_visible()


def _close(page: Page, axe: Axe) -> None:
    page.goto("/settings/account/close")
    close = page.get_by_role("button", name="Close my account")
    close.click()
    expect(page.get_by_text("Enter your password.")).to_be_visible()
    axe.check(page)
    password = page.get_by_role("textbox", name="Your password")
    password.fill("not my password")
    password.press("Enter")
    expect(page.get_by_text("The password is wrong.")).to_be_visible()
    password.fill("mini@Wallet025")
    password.press("Enter")
    expect(page.get_by_role("heading", name="Your account is closed")).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"Until .+ 20\d\d.+ signing in opens it again"))
    ).to_be_visible()
    axe.check(page)


def _look_at_a_closed_account(page: Page, axe: Axe) -> None:
    page.reload()
    page.get_by_role("link", name="Closed account").click()
    expect(page.get_by_role("heading", name="Closed account sent you $12.50")).to_be_visible()
    expect(page.get_by_role("link", name="Send money back")).to_have_count(0)
    axe.check(page)
    page.goto("/")
    expect(page.get_by_role("link", name="Closed account")).to_be_visible()
    axe.check(page)
