"""One wallet and one browser for all tests in here, and a context of its own for each person."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from app.dev_services import browser as browsers
from app.dev_services import processes
from app.up import building
from tests.client.axe import Axe
from tests.client.stack import Person, Stack

#: On a loaded machine everything takes its time; what must be quick is measured by its test.
PATIENCE_MILLISECONDS = 20_000

NewPage = Callable[..., Page]


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    assert building.build() == []
    # Passable for the user that PostgreSQL runs as under root.
    folder = Path(tempfile.mkdtemp(prefix="mini wallet browser "))
    folder.chmod(0o711)
    running = Stack(folder, processes.free_port())
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        closing.callback(running.stop)
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    try:
        executable = browsers.chromium_path()
    except processes.ServiceError as error:
        pytest.fail(str(error), pytrace=False)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable, args=[*browsers.ARGUMENTS]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def axe() -> Axe:
    return Axe()


@pytest.fixture
def new_context(stack: Stack, browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make a browser of somebody's own, signed in as that person if one is named."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def make(person: Person | None = None, **options: Any) -> BrowserContext:
        usual = {"base_url": stack.url, "locale": "en-US", "reduced_motion": "reduce"}
        context = browser.new_context(**{**usual, **options})
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        contexts.append(context)
        _watch(context, stack, problems)
        if person is not None:
            _sign_in(context, person)
        return context

    yield make
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def new_page(new_context: Callable[..., BrowserContext]) -> NewPage:
    """Open the wallet in a new browser: `new_page(person, "/send", color_scheme="dark")`."""

    def open_page(person: Person | None = None, path: str = "/", **options: Any) -> Page:
        page = new_context(person, **options).new_page()
        page.goto(path)
        return page

    return open_page


@pytest.fixture
def alpha(stack: Stack) -> Person:
    """Somebody with 500.00 whom no other test knows."""
    return stack.new_person("Anna Alpha", "500")


@pytest.fixture
def beta(stack: Stack) -> Person:
    """Somebody with nothing yet whom no other test knows; the name is found by nobody else's."""
    return stack.new_person(f"Bo {stack.new_key()}")


def _sign_in(context: BrowserContext, person: Person) -> None:
    """What the page's own sign-in does, so that not every test need fill in the form."""
    document = """
    mutation ($input: LoginInput!) { login(input: $input) { __typename } }
    """
    credentials = {"email": person.email, "password": person.password, "useCookie": True}
    answer = context.request.post(
        "/graphql",
        data={"query": document, "variables": {"input": credentials}},
        headers={"origin": person.stack.url, "accept": "application/json"},
    )
    assert answer.json()["data"]["login"]["__typename"] == "SignedIn"


def _watch(context: BrowserContext, stack: Stack, problems: list[str]) -> None:
    """Whatever the test is about: no error in a script, no breach of the policy, no other host."""
    context.on("weberror", lambda error: problems.append(f"error in a script: {error.error}"))

    def on_console(message: Any) -> None:
        if "Content Security Policy" in message.text or "[Vue warn]" in message.text:
            problems.append(message.text)

    def on_request(request: Any) -> None:
        if not request.url.startswith((stack.url, "data:", "blob:")):
            problems.append(f"asked of another host: {request.url}")

    context.on("console", on_console)
    context.on("request", on_request)
