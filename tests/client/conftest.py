"""One wallet and one browser for all tests in this folder, with a context for each user."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dev import browser as chromium
from dev import processes
from dev.up import building
from tests.client.axe import Axe
from tests.client.browsers import PATIENCE_MILLISECONDS, Browsers
from tests.client.stack import Person, Stack

NewPage = Callable[..., Page]


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    assert building.build() == []
    # Accessible for the user that runs PostgreSQL under root.
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
        executable = chromium.headless_path()
    except processes.ServiceError as error:
        pytest.fail(str(error), pytrace=False)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable,
            args=[*chromium.ARGUMENTS],
            env={**processes.minimal_environment()},
        )
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def axe() -> Axe:
    return Axe()


@pytest.fixture(scope="package")
def browsers(stack: Stack, browser: Browser) -> Browsers:
    return Browsers(browser, stack.url)


@pytest.fixture
def in_browsers(browsers: Browsers) -> Iterator[Browsers]:
    """The browsers of one test."""
    yield browsers
    assert browsers.put_back() == []


@pytest.fixture
def new_context(in_browsers: Browsers) -> Callable[..., BrowserContext]:
    """Make a new browser context, signed in as that user if one is given."""
    return in_browsers.open_context


@pytest.fixture
def new_page(in_browsers: Browsers) -> NewPage:
    """Open the wallet in a user's browser: `new_page(person, "/send", color_scheme="dark")`."""

    def open_page(person: Person | None = None, path: str = "/", **options: Any) -> Page:
        page = in_browsers.open_page(person, **options)
        page.goto(path)
        return page

    return open_page


@pytest.fixture
def alpha(stack: Stack) -> Person:
    """A user with 500.00 that no other test uses."""
    return stack.new_person("Anna Alpha", "500")


@pytest.fixture
def beta(stack: Stack) -> Person:
    """A user without money that no other test uses, with a unique name."""
    return stack.new_person(f"Bo {stack.new_key()}")
