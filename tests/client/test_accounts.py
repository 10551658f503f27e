"""Registration, verification, signing in and out, and resetting a password, with real mails."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route, expect

from app.http import pages
from tests.client import actions
from tests.client.conftest import NewPage
from tests.client.stack import PASSWORD, Person, Stack
from tests.waiting import block_until

NEW_PASSWORD = "four walls and a roof"


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name, level=1)


def is_at_fault(field: Locator) -> None:
    expect(field).to_have_attribute("aria-invalid", "true")
    assert field.evaluate(
        "field => document.getElementById(field.getAttribute('aria-describedby').split(' ')[0]) != null"
    )


def test_a_newcomer_registers_reads_the_mail_and_is_in(stack: Stack, new_page: NewPage) -> None:
    email = f"{stack.new_key()}@example.com"
    page = new_page()
    page.get_by_role("link", name="Create a wallet").click()
    expect(heading(page, "Create your wallet")).to_be_visible()
    name, address = (page.get_by_role("textbox", name=label) for label in ("Name", "Email"))
    password = page.get_by_role("textbox", name="Password")
    create = page.get_by_role("button", name="Create wallet")

    create.click()
    for field in (name, address, password):
        is_at_fault(field)
    expect(name).to_be_focused()
    name.fill("Nora Newcomer")
    address.fill("nora at home")
    password.fill("password1")
    create.click()
    is_at_fault(address)
    is_at_fault(password)

    address.fill(email)
    password.fill(NEW_PASSWORD)
    page.get_by_role("button", name="Show password").click()
    expect(password).to_have_attribute("type", "text")
    create.click()
    expect(heading(page, "Check your email")).to_be_visible()
    expect(page.get_by_text(email)).to_be_visible()
    # The real cost, which the tests of the API do without: 12 rounds.
    assert stack.password_hash(email).startswith("$2b$12$")

    page.get_by_role("link", name="Continue to your wallet").click()
    expect(page.get_by_role("region", name="Verification")).to_be_visible()
    page.reload()
    expect(page.get_by_role("region", name="Verification")).to_be_visible()
    expect(page.get_by_role("button", name="Add money", exact=True)).to_be_disabled()

    mail = stack.mail_to(email, "Verify")
    [link] = {link for link in mail["links"] if "/verify-email#token=" in link}
    page.goto(link)
    verify = page.get_by_role("button", name="Verify email address")
    expect(verify).to_be_visible()
    expect(page.get_by_role("textbox", name="Password")).to_have_count(0)
    assert "token" not in page.url
    page.reload()
    verify.click()
    expect(heading(page, "Your email address is verified")).to_be_visible()
    page.get_by_role("link", name="Go to your wallet").click()
    expect(page.get_by_role("heading", name="Get started")).to_be_visible()
    expect(page.get_by_role("region", name="Verification")).to_have_count(0)

    page.goto(link)
    verify.click()
    expect(heading(page, "Your email address is already verified")).to_be_visible()
    stranger = new_page(path=link)
    stranger.get_by_role("textbox", name="Password").fill(NEW_PASSWORD)
    stranger.get_by_role("button", name="Verify email address").click()
    expect(heading(stranger, "This link no longer works")).to_be_visible()
    stranger.get_by_role("textbox", name="Email").fill(email)
    stranger.get_by_role("button", name="Send a new link").click()
    expect(heading(stranger, "Check your email")).to_be_visible()


def test_the_verification_mail_is_sent_again_on_request(stack: Stack, new_page: NewPage) -> None:
    email = f"{stack.new_key()}@example.com"
    page = new_page(path="/register")
    register(page, "Rita Resend", email, NEW_PASSWORD)
    first = stack.mail_to(email, "Verify")
    page.get_by_role("button", name="Send the email again").click()
    expect(actions.toast(page, "We sent the email again")).to_be_visible()
    block_until(lambda: stack.mail_to(email, "Verify")["links"] != first["links"])
    newer = stack.mail_to(email, "Verify")
    # Into the page of the older link, as somebody pastes it there: nothing is loaded again.
    page.goto(next(link for link in first["links"] if "/verify-email#" in link))
    page.evaluate("window.isTheSamePage = true")
    page.goto(next(link for link in newer["links"] if "/verify-email#" in link))
    page.wait_for_url(lambda url: "#" not in url)
    page.get_by_role("button", name="Verify email address").click()
    expect(heading(page, "Your email address is verified")).to_be_visible()
    assert page.evaluate("window.isTheSamePage") is True


def test_a_link_opened_elsewhere_asks_for_the_password_of_its_registration(
    stack: Stack, new_page: NewPage, alpha: Person
) -> None:
    email = f"{stack.new_key()}@example.com"
    register(new_page(path="/register"), "Owner", email, NEW_PASSWORD)
    link = verification_link(stack, email)
    for person, refusal in ((alpha, "signed in to a different account"), (None, None)):
        page = new_page(person, path=link)
        verify = page.get_by_role("button", name="Verify email address")
        if refusal:
            verify.click()
            expect(page.get_by_text(refusal)).to_be_visible()
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        verify.click()
        is_at_fault(page.get_by_role("textbox", name="Password"))
    page.get_by_role("textbox", name="Password").fill(NEW_PASSWORD)
    verify.click()
    expect(heading(page, "Your email address is verified")).to_be_visible()
    page.get_by_role("link", name="Go to your wallet").click()
    expect(page.get_by_role("heading", name="Get started")).to_be_visible()


def test_opening_a_link_changes_nothing_on_the_server(
    stack: Stack, new_page: NewPage, alpha: Person
) -> None:
    email = f"{stack.new_key()}@example.com"
    registrant = new_page(path="/register")
    register(registrant, "Owner", email, NEW_PASSWORD)
    asking = new_page(path="/forgot-password")
    asking.get_by_role("textbox", name="Email").fill(alpha.email)
    asking.get_by_role("button", name="Send the link").click()
    expect(heading(asking, "Check your email")).to_be_visible()
    [reset] = {
        link for link in stack.mail_to(alpha.email, "password")["links"] if "#token=" in link
    }
    before = sorted(stack.accounts(), key=repr)
    for link, title in (
        (verification_link(stack, email), "Verify your email address"),
        (reset, "Choose a new password"),
    ):
        for page in (new_page(), new_page(alpha), registrant):
            page.goto(link)
            expect(heading(page, title)).to_be_visible()
            page.wait_for_load_state("networkidle")
            page.reload()
            expect(heading(page, title)).to_be_visible()
            page.wait_for_load_state("networkidle")
    assert sorted(stack.accounts(), key=repr) == before


def register(page: Page, name: str, email: str, password: str) -> None:
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Email").fill(email)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Create wallet").click()
    expect(heading(page, "Check your email")).to_be_visible()


def verification_link(stack: Stack, email: str) -> str:
    links = stack.mail_to(email, "Verify")["links"]
    return next(link for link in links if "/verify-email#token=" in link)


def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(
    stack: Stack, new_page: NewPage, alpha: Person
) -> None:
    elsewhere = new_page(alpha)
    expect(actions.balance(elsewhere)).to_be_visible()
    page = new_page()
    actions.sign_in(page, alpha.email, "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("link", name="Forgot your password?").click()
    expect(heading(page, "Forgot your password?")).to_be_visible()
    page.get_by_role("textbox", name="Email").fill(alpha.email)
    page.get_by_role("button", name="Send the link").click()
    expect(heading(page, "Check your email")).to_be_visible()

    mail = stack.mail_to(alpha.email, "password")
    [link] = {link for link in mail["links"] if "/reset-password#token=" in link}
    page.goto(link)
    page.get_by_role("textbox", name="New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set new password").click()
    expect(heading(page, "Your password was changed")).to_be_visible()
    expect(heading(elsewhere, "Sign in")).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
    expect(heading(page, "Sign in")).to_be_visible()
    actions.sign_in(page, alpha.email, NEW_PASSWORD)
    expect(actions.balance(page)).to_have_text("$500.00")

    late = new_page(path=link)
    late.get_by_role("textbox", name="New password").fill("another long password")
    late.get_by_role("button", name="Set new password").click()
    expect(heading(late, "This link no longer works")).to_be_visible()
    expect(late.get_by_role("link", name="Send a new link")).to_be_visible()


def test_who_is_signed_out_comes_back_to_the_page_that_was_wanted(
    new_page: NewPage, alpha: Person
) -> None:
    page = new_page(path="/settings/profile")
    expect(heading(page, "Sign in")).to_be_visible()
    actions.sign_in(page, alpha.email, PASSWORD)
    expect(heading(page, "Profile")).to_be_visible()
    page.reload()
    expect(heading(page, "Profile")).to_be_visible()
    assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})").count("eyJ") == 0

    other = page.context.new_page()
    other.goto("/settings")
    other.get_by_role("button", name="Sign out").last.click()
    expect(heading(other, "Sign in")).to_be_visible()
    expect(heading(page, "Sign in")).to_be_visible()


def test_a_session_ended_elsewhere_signs_this_tab_out_long_before_its_token_expires(
    new_page: NewPage, alpha: Person
) -> None:
    here, elsewhere = new_page(alpha), new_page(alpha, "/settings/devices")
    expect(actions.balance(here)).to_have_text("$500.00")
    elsewhere.get_by_role("button", name="Sign out everywhere").click()
    dialog = elsewhere.get_by_role("dialog", name="Sign out everywhere?")
    dialog.get_by_role("button", name="Sign out everywhere").click()
    expect(heading(here, "Sign in")).to_be_visible()
    expect(here.get_by_text("You were signed out")).to_be_visible()
    expect(heading(elsewhere, "Sign in")).to_be_visible()


def test_a_token_that_is_about_to_expire_is_renewed_by_one_tab_for_all(
    stack: Stack, new_context: Callable[..., BrowserContext], alpha: Person, beta: Person
) -> None:
    with stack.second_api(ACCESS_TOKEN_SECONDS="5") as url:
        context = new_context(beta, base_url=url)
        tabs = [context.new_page() for _ in range(2)]
        renewed: list[Page] = []
        under_way: list[Route] = []
        at_once: list[int] = []
        cut_off: list[Page] = []
        failed: list[str] = []

        def renew(route: Route) -> None:
            # Not counted by events of requests, which come in any order from two tabs: a tab knows that its
            # request has ended once the route is left.
            under_way.append(route)
            at_once.append(len(under_way))
            tab = route.request.frame.page
            response = None if tab in cut_off else route.fetch()
            under_way.remove(route)
            if response is None:
                route.abort()
            else:
                renewed.append(tab)
                route.fulfill(response=response)

        actions.intercept(context, "RefreshSession", renew)
        context.on(
            "requestfailed", lambda request: failed.append(f"{request.url}: {request.failure}")
        )
        for tab in tabs:
            tab.goto("/")
            expect(actions.balance(tab)).to_have_text("$0.00")
            tab.evaluate("window.isTheSamePage = true")
        first, second = tabs
        # What the second tab goes on with can only be what the first one passed to it.
        cut_off.append(second)
        before = renewed.count(first)
        actions.until(first, lambda: renewed.count(first) >= before + 2)
        alpha.send("3", beta)
        for tab in tabs:
            expect(actions.balance(tab)).to_have_text("$3.00")
            tab.get_by_role("link", name="Settings", exact=True).first.click()
            tab.get_by_role("link", name="Devices").click()
            expect(tab.get_by_text("This device")).to_be_visible()
            expect(tab.get_by_role("alert")).to_have_count(0)
            assert tab.evaluate("window.isTheSamePage") is True, f"loaded again after {failed}"
        # A renewal may be under way, and a tab that is closed has no answer for it.
        context.unroute_all(behavior="wait")
        assert max(at_once) == 1


def test_the_pages_that_stand_in_for_the_client_wait_for_a_button_too(
    stack: Stack, browser: Browser
) -> None:
    """Shown where the client is not built: here in place of it, before the same service."""
    email = f"{stack.new_key()}@example.com"
    registration = {"name": "Owner", "email": email, "password": NEW_PASSWORD}
    stack.ask(
        "mutation ($input: RegisterInput!) { register(input: $input) { __typename } }",
        input=registration,
    )
    link = verification_link(stack, email)
    context = browser.new_context(base_url=stack.url)
    try:
        for path in ("/verify-email", "/reset-password"):
            context.route(f"**{path}", show_stand_in)
        context.route("**/assets/account.js", show_script)
        page = context.new_page()
        before = sorted(stack.accounts(), key=repr)
        for address in (link, f"{stack.url}/reset-password#token=some"):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            assert "token" not in page.url
        assert sorted(stack.accounts(), key=repr) == before

        page.goto(f"{stack.url}/verify-email")
        expect(page.get_by_text("The link is incomplete")).to_be_visible()
        page.goto(link)
        expect(page.get_by_text("The link is incomplete")).to_have_count(0)
        page.reload()
        verify = page.get_by_role("button", name="Verify email address")
        for password, says in ((PASSWORD, "not the password"), (NEW_PASSWORD, "is verified")):
            page.get_by_label("Password", exact=True).fill(password)
            verify.click()
            expect(page.get_by_role("status")).to_contain_text(says)
    finally:
        context.close()


def show_stand_in(route: Route) -> None:
    name = urlsplit(route.request.url).path.strip("/").replace("-", "_")
    html = pages.TEMPLATES.get_template(f"{name}.html").render()
    route.fulfill(body=html, content_type="text/html")


def show_script(route: Route) -> None:
    route.fulfill(path=pages.ASSETS / "account.js", content_type="text/javascript")
