"""The right recipient: handles, links, first payments, and users who look alike."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.client import actions
from tests.client.conftest import NewPage
from tests.client.stack import PASSWORD, Stack

CLAIM = """
mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) {
  __typename ... on UserError { message }
} }
"""


def save_handle(page: Page, handle: str) -> None:
    page.get_by_role("textbox", name="Handle").fill(handle)
    page.get_by_role("button", name="Save handle").click()


def option(page: Page, details: str) -> Locator:
    return page.get_by_role("option").filter(has_text=details)


def test_a_user_chooses_a_handle_and_time_zone_and_shares_the_link(
    stack: Stack, new_page: NewPage
) -> None:
    number = re.sub(r"\D", "", stack.new_key())
    taken, handle = f"taken{number}", f"anna.{number}"
    other = stack.new_person("Otto")
    claimed = stack.ask(CLAIM, other.token, input={"handle": taken})
    assert claimed["updateProfile"]["__typename"] == "ProfileUpdated"
    anna = stack.new_person("Anna")
    page = new_page(anna, "/settings/link")
    page.get_by_role("link", name="Choose a handle").click()
    save_handle(page, "1a")
    expect(page.get_by_role("textbox", name="Handle")).to_have_attribute("aria-invalid", "true")
    save_handle(page, taken)
    expect(page.get_by_text("This handle is in use")).to_be_visible()
    save_handle(page, "support")
    expect(page.get_by_text("This handle is reserved")).to_be_visible()
    save_handle(page, f"@{handle.upper()}")
    expect(actions.toast(page, "Your handle is saved")).to_be_visible()
    page.get_by_role("combobox", name="Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save time zone").click()
    expect(actions.toast(page, "Your time zone is saved")).to_be_visible()

    actions.go(page, "/settings/link")
    expect(page.get_by_text(f"{stack.url}/@{handle}")).to_be_visible()
    code = page.get_by_role("img", name="QR code of your link")
    expect(code).to_be_visible()
    actions.until(
        page, lambda: code.evaluate("image => image.complete && image.naturalWidth") > 100
    )

    actions.go(page, "/settings/profile")
    page.get_by_role("button", name="Release").click()
    dialog = page.get_by_role("dialog", name=f"Release @{handle}?")
    dialog.get_by_role("button", name="Release").click()
    expect(actions.toast(page, "Your handle is released")).to_be_visible()
    expect(page.get_by_role("textbox", name="Handle")).to_have_value("")
    expect(page.get_by_role("combobox", name="Time zone")).to_have_value("Asia/Tokyo")


def test_a_payment_to_someone_who_looks_like_another_recipient_is_confirmed_apart(
    stack: Stack, new_page: NewPage
) -> None:
    number = re.sub(r"\D", "", stack.new_key())
    payer = stack.new_person("Payer", "100")
    first, second, third = [
        stack.new_person(name)
        for name in (f"User Beta {number}", f"User Beta {number}", f"User Bеta {number}")
    ]
    handle = f"beta{number}"
    stack.ask(CLAIM, second.token, input={"handle": handle})
    payer.send("1", first)
    page = new_page(payer, f"/@{handle}?amount=12.50&note=for%20lunch")
    expect(page.get_by_role("heading", name="Send money")).to_be_visible()
    expect(actions.recipient(page)).to_have_value(second.name)
    expect(actions.amount(page)).to_have_value("12.50")
    expect(page.get_by_role("textbox", name="Note")).to_have_value("for lunch")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("This looks like someone you’ve paid before")).to_be_visible()
    expect(page.get_by_text("This is your first payment to this person.")).to_be_visible()
    actions.confirm(page, "12.50")
    expect(page.get_by_role("alert")).to_have_text("Confirm first that this is the right person.")
    page.get_by_role("checkbox", name="I checked that this is the right person").check()
    actions.confirm(page, "12.50")
    expect(actions.receipt(page, "12.50", second.name)).to_be_visible()
    expect(page.get_by_text(f"@{handle}", exact=True)).to_be_visible()
    reference = page.get_by_title(re.compile(r"^[0-9a-f-]{36}$"))
    expect(reference).to_contain_text(re.compile(r"^[0-9a-f]{4}…[0-9a-f]{8}"))
    reference.click()
    expect(page.get_by_text(re.compile(r"^[0-9a-f]{8}-[0-9a-f-]{27}$")).first).to_be_visible()

    page.get_by_role("button", name="New payment").click()
    actions.recipient(page).fill(f"@{handle}")
    expect(page.get_by_role("option")).to_have_count(1)
    option(page, f"@{handle}").click()
    actions.amount(page).fill("1")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Paid once before")).to_be_visible()
    page.get_by_role("button", name="Edit payment").click()
    # The one with the Cyrillic letter is found by their address alone.
    actions.recipient(page).fill(third.email)
    page.get_by_role("option").click()
    page.get_by_role("button", name="Continue").click()
    notice = page.get_by_text("This is not the same person as").locator("..")
    expect(notice.get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Edit payment").click()
    stranger = stack.new_person(f"Stranger {number}")
    actions.fill_in_payment(page, stranger.name, "2")
    expect(page.get_by_text(f"First payment to {stranger.name}")).to_be_visible()
    actions.confirm(page, "2.00")
    expect(actions.receipt(page, "2.00", stranger.name)).to_be_visible()
    assert len(payer.transfers) == 3


def test_a_link_leads_through_registration_back_to_the_payment(
    stack: Stack, new_page: NewPage
) -> None:
    number = re.sub(r"\D", "", stack.new_key())
    anna = stack.new_person("Anna Link")
    handle = f"link{number}"
    stack.ask(CLAIM, anna.token, input={"handle": handle})
    link = f"/@{handle}?amount=3"
    page = new_page(None, "/@nobody.has.this")
    expect(page.get_by_role("heading", name="No one has this handle")).to_be_visible()
    page = new_page(None, link)
    expect(page.get_by_role("heading", name="Send money to Anna Link")).to_be_visible()
    expect(page.get_by_text("…")).to_have_count(0)
    page.get_by_role("link", name="Create a wallet").click()
    email = f"new.{number}@example.com"
    page.get_by_role("textbox", name="Name").fill("New Person")
    page.get_by_role("textbox", name="Email").fill(email)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Create wallet").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    [verify] = stack.mail_to(email, "Verify|address")["links"][:1]
    page.goto(verify)
    page.get_by_role("button", name="Verify email address").click()
    page.get_by_role("link", name="Continue").click()
    expect(actions.recipient(page)).to_have_value("Anna Link")
    expect(actions.amount(page)).to_have_value("3")
    page.goto("/settings")
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    page.goto(link)
    page.get_by_role("link", name="Sign in").click()
    actions.sign_in(page, email)
    expect(actions.recipient(page)).to_have_value("Anna Link")
    expect(actions.amount(page)).to_have_value("3")
    assert anna.transfers == []
