"""Second factors: setting them up, signing in with them, and confirming with them."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.client import actions
from tests.client.authenticators import AuthenticatorApp, enable_app, virtual_authenticator
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import PASSWORD, Person, Stack
from tests.client.test_accounts import show_script, show_stand_in
from tests.client.test_confirmation import change_sessions, sign_in_an_hour_ago
from tests.waiting import block_until

LOGIN = """
mutation ($input: LoginInput!) { login(input: $input) { ... on SecondFactorRequired { challenge } } }
"""
COMPLETE = """
mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) {
  ... on SignedIn { credentials { accessToken } }
} }
"""
NEW_PASSWORD = "four walls and a roof"
#: A browser that does not offer passkeys while an address is typed.
OFFERS_NOTHING = (
    "PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false)"
)


def confirmation(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Confirm that it’s you")


def save_codes(page: Page) -> list[str]:
    """The recovery codes, which are shown once."""
    shown = page.get_by_role("dialog", name="Save your recovery codes")
    expect(shown.get_by_role("listitem")).to_have_count(10)
    codes = shown.get_by_role("listitem").all_inner_texts()
    assert len(set(codes)) == 10
    with page.expect_download() as download:
        shown.get_by_role("button", name="Download").click()
    text = download.value.path().read_text()
    assert all(code in text for code in codes)
    shown.get_by_role("button", name="I’ve saved them").click()
    expect(shown).to_have_count(0)
    return codes


def begin_signing_in(page: Page, person: Person) -> None:
    page.context.clear_cookies()
    page.goto("/sign-in")
    actions.sign_in(page, person.email, person.password)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()


def test_an_authenticator_app_is_set_up_signs_in_and_confirms(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    page = new_page(alpha, "/settings/security", viewport=PHONE, color_scheme="dark")
    expect(page.get_by_text("Your password alone opens your account")).to_be_visible()
    axe.check(page)
    sign_in_an_hour_ago(stack, alpha)
    page.get_by_role("button", name="Set up").press("Enter")
    password = confirmation(page).get_by_role("textbox", name="Password")
    expect(password).to_be_focused()
    password.fill(PASSWORD)
    password.press("Enter")

    setting_up = page.get_by_role("dialog", name="Set up your authenticator app")
    app = AuthenticatorApp(setting_up.get_by_role("code").inner_text().replace(" ", ""))
    code = setting_up.get_by_role("textbox", name="Enter the code")
    code.fill(app.wrong_code())
    code.press("Enter")
    expect(setting_up.get_by_text("That code is wrong.")).to_be_visible()
    axe.check(page)
    code.fill(app.code())
    code.press("Enter")
    expect(page.get_by_role("button", name="I’ve saved them")).to_be_visible()
    axe.check(page)
    codes = save_codes(page)
    expect(page.get_by_text(re.compile("^On since .* not used yet$"))).to_be_visible()
    expect(page.get_by_text("10 codes left")).to_be_visible()

    begin_signing_in(page, alpha)
    code = page.get_by_role("textbox", name="Code from your authenticator app")
    expect(code).to_be_focused()
    expect(code).to_have_attribute("autocomplete", "one-time-code")
    code.fill(app.wrong_code())
    code.press("Enter")
    expect(page.get_by_text("That code is wrong, or was used already.")).to_be_visible()
    axe.check(page)
    code.fill(app.code())
    code.press("Enter")
    expect(actions.balance(page)).to_be_visible()

    # A recovery code confirms once, and the first answer was wrong.
    page.goto("/settings/security")
    above = page.get_by_role("textbox", name="Ask me to confirm payments above")
    expect(above).to_have_value("100.00")
    sign_in_an_hour_ago(stack, alpha)
    above.fill("250")
    above.press("Enter")
    confirmation(page).get_by_role("button", name="Use a recovery code").click()
    recovery = confirmation(page).get_by_role("textbox", name="Recovery code")
    for given in ("nonsense", codes[0]):
        expect(recovery).to_be_focused()
        recovery.fill(given)
        recovery.press("Enter")
        if given == "nonsense":
            expect(page.get_by_text("That recovery code is wrong")).to_be_visible()
            axe.check(page)
    expect(actions.toast(page, "We’ll ask you to confirm payments above $250.00")).to_be_visible()
    expect(page.get_by_text("9 codes left")).to_be_visible()
    page.get_by_role("button", name="Turn off").click()
    page.get_by_role("dialog").get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("Your password alone opens your account")).to_be_visible()


def test_a_passkey_signs_in_alone_and_confirms(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    page = new_page(alpha, "/settings/security")
    with virtual_authenticator(page):
        page.get_by_role("button", name="Add a passkey").click()
        adding = page.get_by_role("dialog", name="Add a passkey")
        name = adding.get_by_role("textbox", name="Name")
        expect(name).to_have_value("Chrome on Linux")
        axe.check(page)
        name.fill("My laptop")
        name.press("Enter")
        save_codes(page)
        mine = page.get_by_role("list", name="Passkeys").get_by_role("listitem")
        expect(mine).to_contain_text("My laptop")
        expect(mine).to_contain_text("not used yet")
        axe.check(page)

        # A device that has one offers it at the field for the address.
        page.context.clear_cookies()
        page.goto("/sign-in?next=/settings/password")
        expect(page.get_by_role("heading", name="Password", level=1)).to_be_visible()

        sign_in_an_hour_ago(stack, alpha)
        page.get_by_role("textbox", name="Current password").fill(PASSWORD)
        page.get_by_role("textbox", name="New password").fill(NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        expect(confirmation(page).get_by_role("textbox")).to_have_count(0)
        confirmation(page).get_by_role("button", name="Use a passkey").click()
        expect(actions.toast(page, "Your password was changed")).to_be_visible()
        alpha.password = NEW_PASSWORD

        page.add_init_script(OFFERS_NOTHING)
        page.context.clear_cookies()
        page.goto("/sign-in")
        axe.check(page)
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(actions.balance(page)).to_be_visible()
    # Without the device, one starts over or has a recovery code.
    begin_signing_in(page, alpha)
    axe.check(page)
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_focused()


def test_a_sign_in_that_was_not_mine_ends_and_leads_to_a_new_password(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    app, codes = enable_app(stack, alpha)
    # An address known to belong to the user is none of this machine.
    change_sessions(stack, alpha, "ip_address = '203.0.113.7'")
    thief = new_page(viewport=PHONE)
    begin_signing_in(thief, alpha)
    thief.get_by_role("textbox").fill(app.code())
    thief.get_by_role("button", name="Sign in").click()
    expect(actions.balance(thief)).to_be_visible()
    mail = stack.mail_to(alpha.email, "new device")
    [link] = [each for each in mail["links"] if "/report-sign-in#" in each]

    page = new_page(color_scheme="dark", viewport=PHONE)
    page.goto(link)
    report = page.get_by_role("button", name="This wasn’t me")
    expect(report).to_be_visible()
    axe.check(page)
    report.click()
    expect(page.get_by_role("heading", name="That device was signed out")).to_be_focused()
    axe.check(page)
    expect(thief.get_by_role("heading", name="Sign in", level=1)).to_be_visible()

    mail = stack.mail_to(alpha.email, "password")
    page.goto(next(each for each in mail["links"] if "/reset-password#" in each))
    new = page.get_by_role("textbox", name="New password")
    new.fill(NEW_PASSWORD)
    new.press("Enter")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    axe.check(page)
    page.get_by_role("button", name="Use a recovery code").click()
    for given in (codes[0].upper()[:-1], codes[0]):
        page.get_by_role("textbox", name="Recovery code").fill(given)
        page.get_by_role("button", name="Set new password").click()
        if given != codes[0]:
            expect(page.get_by_text("That recovery code is wrong")).to_be_visible()
    expect(page.get_by_role("heading", name="Your password was changed")).to_be_visible()


def test_the_pages_without_the_client_report_a_sign_in_and_reset_a_password_with_a_code(
    stack: Stack, browser: Browser, alpha: Person
) -> None:
    app, codes = enable_app(stack, alpha)
    change_sessions(stack, alpha, "ip_address = '203.0.113.7'")
    known = {"email": alpha.email, "password": alpha.password}
    challenge = stack.ask(LOGIN, input=known)["login"]["challenge"]
    answer = {"challenge": challenge, "secondFactor": {"totpCode": app.code()}}
    thief = stack.ask(COMPLETE, input=answer)["completeLogin"]["credentials"]["accessToken"]

    def is_signed_out() -> bool:
        headers = {"authorization": f"Bearer {thief}"}
        asked = {"query": "{ viewer { id } }"}
        return "errors" in stack.http.post("/graphql", json=asked, headers=headers).json()

    def link(subject: str, path: str) -> str:
        links: list[str] = stack.mail_to(alpha.email, subject)["links"]
        return next(each for each in links if path in each)

    context = browser.new_context(base_url=stack.url)
    try:
        for path in ("/report-sign-in", "/reset-password"):
            context.route(f"**{path}", show_stand_in)
        context.route("**/assets/account.js", show_script)
        page = context.new_page()
        status = page.get_by_role("status")
        page.goto(link("new device", "/report-sign-in#"))
        assert not is_signed_out()
        page.get_by_role("button", name="End that session").click()
        expect(status).to_contain_text("That session has ended")
        block_until(is_signed_out)

        page.goto(link("password", "/reset-password#"))
        page.get_by_label("New password").fill(NEW_PASSWORD)
        submit = page.get_by_role("button", name="Set new password")
        submit.click()
        code = page.get_by_label("Code from your authenticator app")
        expect(code).to_be_focused()
        code.fill(app.wrong_code())
        submit.click()
        expect(status).to_contain_text("incorrect")
        expect(code).to_have_value("")
        code.fill(codes[0].upper())
        submit.click()
        expect(status).to_contain_text("was changed")
    finally:
        context.close()
