"""Two users of one browser: nothing of the first is shown to the second or used for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from dev import browser as chromium
from dev import processes
from tests.client import actions
from tests.client.conftest import NewPage
from tests.client.stack import Person, Stack

#: A tab that sleeps hears nothing of what happens in the others.
DEAF = "window.BroadcastChannel = class { postMessage() {} close() {} };"
#: Tells what is on the screen first when a page that was kept is shown again.
FIRST_FRAME = """addEventListener('pageshow', event => requestAnimationFrame(() => {
    if (event.persisted) console.log(`kept: ${document.body.innerText}`);
}));"""


@pytest.fixture
def keeping_context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A browser that keeps pages for Back and Forward, as people's do and those of tests do not."""
    keeping = browser.browser_type.launch(
        executable_path=chromium.chromium_path(),
        env={**processes.minimal_environment()},
        args=[*chromium.ARGUMENTS],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield keeping.new_context(base_url=stack.url, locale="en-US")
    keeping.close()


@pytest.fixture
def gamma(stack: Stack) -> Person:
    """Whom the first user pays."""
    return stack.new_person(f"Gus {stack.new_key()}")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()


def is_home_of(page: Page, person: Person, balance: str) -> None:
    expect(actions.balance(page)).to_have_text(balance)
    expect(page.get_by_title(person.email)).to_be_visible()


def kept(page: Page) -> str:
    text: str = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    return text


def lose_payment(page: Page, to: Person) -> list[Route]:
    """Send 7.77 in a way that never arrives."""
    lost: list[Route] = []

    def lose(route: Route) -> None:
        lost.append(route)
        route.abort()

    actions.intercept(page, "SendMoney", lose)
    actions.fill_in_payment(page, to.name, "7.77", note="for the secret")
    actions.confirm(page, "7.77")
    expect(page.get_by_text("This is taking longer than usual")).to_be_visible()
    return lost


def test_an_open_payment_is_given_up_when_its_user_signs_out(
    stack: Stack, new_page: NewPage, alpha: Person, gamma: Person
) -> None:
    beta = stack.new_person("Bea Beta", "50")
    page = new_page(alpha, "/send")
    lost = lose_payment(page, gamma)
    sign_out(page)
    assert "7.77" not in kept(page)
    request = json.loads(lost[0].request.post_data or "")
    late = stack.ask(request["query"], alpha.token, **request["variables"])
    assert late["sendMoney"]["__typename"] == "IdempotencyKeyClosed"
    actions.sign_in(page, beta.email)
    is_home_of(page, beta, "$50.00")
    assert [beta.transfers, alpha.transfers] == [[], []]


def test_a_payment_whose_outcome_is_unknown_is_shown_to_its_user_alone(
    stack: Stack, new_page: NewPage, alpha: Person, gamma: Person
) -> None:
    beta = stack.new_person("Bea Beta", "50")
    page = new_page(alpha, "/send")
    actions.intercept(page, "CloseIdempotencyKey", lambda route: route.abort())
    lost = lose_payment(page, gamma)
    page.get_by_role("button", name="Don’t send").click()
    sign_out(page)
    tried = len(lost)
    actions.sign_in(page, beta.email)
    is_home_of(page, beta, "$50.00")
    for path in ("/send", "/"):
        actions.go(page, path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text(re.compile(r"7\.77|secret"))).to_have_count(0)
    assert len(lost) == tried

    sign_out(page)
    page.unroute_all()
    actions.sign_in(page, alpha.email)
    expect(page.get_by_text(f"$7.77 to {gamma.name} was not sent")).to_be_visible()
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_text("was not sent")).to_have_count(0)
    assert [beta.transfers, alpha.transfers] == [[], []]


def test_a_draft_is_gone_after_signing_out_on_any_page(
    new_page: NewPage, alpha: Person, beta: Person, gamma: Person
) -> None:
    page = new_page(alpha, "/send")
    actions.recipient(page).fill(gamma.name)
    page.get_by_role("option", name=gamma.name).click()
    actions.amount(page).fill("8.88")
    assert "8.88" in kept(page)
    # Loaded anew on a page that has nothing to do with payments.
    page.goto("/settings/appearance")
    expect(page.get_by_role("heading", name="Appearance")).to_be_visible()
    sign_out(page)
    assert "8.88" not in kept(page)
    actions.sign_in(page, beta.email)
    is_home_of(page, beta, "$0.00")
    actions.go(page, "/send")
    expect(actions.amount(page)).to_have_value("")
    expect(actions.recipient(page)).to_have_value("")


def test_every_other_tab_follows_from_one_user_to_the_next(
    stack: Stack, new_page: NewPage, alpha: Person, gamma: Person
) -> None:
    beta = stack.new_person("Bea Beta", "50")
    page = new_page(alpha, "/send")
    actions.recipient(page).fill(gamma.name)
    page.get_by_role("option", name=gamma.name).click()
    actions.amount(page).fill("8.88")
    adding, other = (page.context.new_page() for _ in range(2))
    adding.goto("/")
    adding.get_by_role("button", name="Add money").click()
    actions.amount(adding.get_by_role("dialog")).fill("9.99")
    other.goto("/settings")
    sign_out(other)
    for tab in (page, adding):
        expect(tab.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    # A dialog that was open is not in the way.
    actions.sign_in(adding, beta.email)
    for tab in (page, adding, other):
        is_home_of(tab, beta, "$50.00")
    page.get_by_role("link", name="Send", exact=True).first.click()
    expect(actions.amount(page)).to_have_value("")
    assert not re.search(r"8\.88|9\.99", kept(page))


def test_a_suspended_tab_moves_no_money_after_the_session_was_replaced(
    stack: Stack, new_context: Callable[..., BrowserContext], alpha: Person, gamma: Person
) -> None:
    beta = stack.new_person("Bea Beta", "50")
    context = new_context(alpha)
    sleeping = context.new_page()
    sleeping.add_init_script(DEAF)
    sleeping.route_web_socket(re.compile("^ws://"), lambda socket: socket.close(code=1011))
    sleeping.goto("/send")
    actions.fill_in_payment(sleeping, gamma.name, "7.77", note="for the secret")
    for operation in ("WalletSequence", "NewestTransactions"):
        actions.intercept(sleeping, operation, lambda route: route.abort())
    other = context.new_page()
    other.goto("/settings")
    sign_out(other)
    actions.sign_in(other, beta.email)
    is_home_of(other, beta, "$50.00")

    sleeping.get_by_role("button", name="Send $7.77").click()
    is_home_of(sleeping, beta, "$50.00")
    expect(sleeping.get_by_text(re.compile(r"7\.77|secret"))).to_have_count(0)
    assert [beta.transfers, alpha.transfers] == [[], []]


def test_back_and_forward_lead_into_no_page_of_another_user(
    new_page: NewPage, alpha: Person, beta: Person, gamma: Person
) -> None:
    alpha.send("5", gamma, "for the secret")
    page = new_page(alpha)
    actions.lines(page, "for the secret").click()
    expect(page.get_by_role("heading", name=f"You sent $5.00 to {gamma.name}")).to_be_visible()
    page.get_by_role("link", name="Activity").first.click()
    page.get_by_role("searchbox", name="Search").fill("secret")
    expect(page).to_have_url(re.compile("text=secret"))
    page.get_by_role("link", name="Settings").first.click()
    sign_out(page)
    actions.sign_in(page, beta.email)
    is_home_of(page, beta, "$0.00")
    for _ in range(3):
        page.evaluate("history.back()")
        is_home_of(page, beta, "$0.00")
        expect(page).to_have_url(re.compile(r"/$"))
        expect(page.get_by_text(re.compile("secret|5.00"))).to_have_count(0)


def test_a_page_kept_for_back_and_forward_shows_nothing_until_it_is_known_whose_it_is(
    keeping_context: BrowserContext, stack: Stack, alpha: Person, beta: Person
) -> None:
    page, other = keeping_context.new_page(), keeping_context.new_page()
    page.add_init_script(DEAF)
    page.add_init_script(FIRST_FRAME)
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text))
    page.goto("/")
    actions.sign_in(page, alpha.email)
    is_home_of(page, alpha, "$500.00")
    page.goto("/healthz")
    other.goto("/settings")
    sign_out(other)
    actions.sign_in(other, beta.email)
    is_home_of(other, beta, "$0.00")
    page.go_back(wait_until="commit")
    is_home_of(page, beta, "$0.00")

    def is_kept() -> bool:
        """Leave and come back: the browser does not keep every page each time."""
        first_frames = [text for text in seen if text.startswith("kept:")]
        # A page whose user is known already may show what is that user's own.
        assert not any(re.search(rf"500\.00|{alpha.name}", text) for text in first_frames)
        if not first_frames:
            page.goto("/healthz")
            page.go_back(wait_until="commit")
            is_home_of(page, beta, "$0.00")
        return bool(first_frames)

    actions.until(page, is_kept)


def test_an_answer_that_arrives_after_signing_out_is_not_shown(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha, "/settings/profile")
    held: list[Route] = []
    actions.intercept(page, "UpdateProfile", held.append)
    page.get_by_role("textbox", name="Name").fill("Renamed by Alpha")
    page.get_by_role("button", name="Save name").click()
    actions.until(page, lambda: held)
    sign_out(page)
    actions.sign_in(page, beta.email)
    is_home_of(page, beta, "$0.00")
    held[0].fulfill(
        json={
            "data": {
                "updateProfile": {"__typename": "InvalidInput", "fields": [], "message": "No."}
            }
        }
    )
    actions.go(page, "/settings/profile")
    expect(page.get_by_role("textbox", name="Name")).to_have_value(beta.name)
    expect(page.get_by_role("region", name="Messages").get_by_role("paragraph")).to_have_count(0)


def test_the_page_that_was_wanted_is_opened_for_its_user_alone(
    new_page: NewPage, alpha: Person, beta: Person, gamma: Person
) -> None:
    alpha.send("5", gamma, "for the secret")
    page, elsewhere = new_page(alpha), new_page(alpha, "/settings/devices")
    actions.lines(page, "for the secret").click()
    expect(page.get_by_role("heading", name=f"You sent $5.00 to {gamma.name}")).to_be_visible()
    wanted = page.url
    elsewhere.get_by_role("button", name="Sign out everywhere").click()
    elsewhere.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_text("You were signed out")).to_be_visible()
    page.reload()
    actions.sign_in(page, beta.email)
    is_home_of(page, beta, "$0.00")
    expect(page).to_have_url(re.compile(r"/$"))
    assert wanted not in page.url


def test_whether_the_balance_is_hidden_is_each_users_own_choice(
    new_page: NewPage, alpha: Person, beta: Person
) -> None:
    page = new_page(alpha)
    page.get_by_role("button", name="Hide balance").click()
    sign_out(page)
    actions.sign_in(page, beta.email)
    is_home_of(page, beta, "$0.00")
    sign_out(page)
    actions.sign_in(page, alpha.email)
    expect(actions.balance(page)).to_have_text(re.compile("Hidden"))
