"""A browser context for each user, reused by later tests once it has been cleared."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page

from tests.client.stack import Person

#: Generous, for a loaded machine; no test measures time by it.
PATIENCE_MILLISECONDS = 20_000
VIEWPORT = {"width": 1280, "height": 720}
#: An address of the same origin without scripts of the client.
BESIDE = "/healthz"
#: More than the number of pages of a test.
MOST_KEPT = 3

SIGN_IN = """
mutation ($input: LoginInput!) { login(input: $input) { __typename } }
"""


class Browsers:
    """Pages and contexts for one wallet; `problems` are those found since the last call."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._problems: list[str] = []
        #: The contexts in use, and whether each can be reused.
        self._pages: list[Page] = []
        self._contexts: list[BrowserContext] = []
        self._kept: list[Page] = []

    def open_context(
        self, person: Person | None = None, *, beside: str | None = None, **options: Any
    ) -> BrowserContext:
        """A new context with empty caches, closed after the test; `beside` is another host that it may ask."""
        context = self._new_context(beside, **options)
        self._contexts.append(context)
        if person is not None:
            self._sign_in(context, person)
        return context

    def open_page(
        self,
        person: Person | None = None,
        *,
        color_scheme: str = "light",
        viewport: dict[str, int] | None = None,
    ) -> Page:
        """A page in a context of its own, empty except for cached files."""
        page = self._kept.pop() if self._kept else self._new_context().new_page()
        self._pages.append(page)
        page.emulate_media(color_scheme=color_scheme, media="null")  # type: ignore[arg-type]
        page.set_viewport_size(viewport or VIEWPORT)  # type: ignore[arg-type]
        if person is not None:
            self._sign_in(page.context, person)
        return page

    def put_back(self) -> list[str]:
        """After a test: clear its contexts, and return the problems found in them."""
        for context in self._contexts:
            context.close()
        for page in self._pages:
            if len(self._kept) < MOST_KEPT and self._is_emptied(page):
                self._kept.append(page)
            else:
                page.context.close()
        self._contexts, self._pages = [], []
        problems, self._problems = self._problems, []
        return problems

    def _is_emptied(self, page: Page) -> bool:
        context = page.context
        try:
            for other in context.pages:
                if other is not page:
                    other.close()
            page.unroute_all(behavior="ignoreErrors")
            context.set_offline(False)
            page.goto(BESIDE)
            page.evaluate("localStorage.clear(); sessionStorage.clear()")
            context.clear_cookies()
            context.clear_permissions()
        except Error:
            return False
        return True

    def _new_context(self, beside: str | None = None, **options: Any) -> BrowserContext:
        usual = {
            "base_url": self._url,
            "locale": "en-US",
            "reduced_motion": "reduce",
            "viewport": VIEWPORT,
            # It would hide requests from the tests that hold or answer them. test_offline.py is about it.
            "service_workers": "block",
        }
        context = self._browser.new_context(**{**usual, **options})
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        hosts = [options.get("base_url", self._url), *filter(None, [beside])]
        self._watch(context, *hosts)
        return context

    def _sign_in(self, context: BrowserContext, person: Person) -> None:
        """Sign in as the page does, without filling in the form."""
        credentials = {"email": person.email, "password": person.password, "useCookie": True}
        answer = context.request.post(
            "/graphql",
            data={"query": SIGN_IN, "variables": {"input": credentials}},
            headers={"origin": self._url, "accept": "application/json"},
        )
        assert answer.json()["data"]["login"]["__typename"] == "SignedIn"

    def _watch(self, context: BrowserContext, *hosts: str) -> None:
        """For every test: no script errors, no policy violations, no requests to other hosts."""

        def on_console(message: Any) -> None:
            if "Content Security Policy" in message.text or "[Vue warn]" in message.text:
                self._problems.append(message.text)

        def on_request(request: Any) -> None:
            if not request.url.startswith((*hosts, "data:", "blob:")):
                self._problems.append(f"a request to another host: {request.url}")

        context.on(
            "weberror", lambda error: self._problems.append(f"error in a script: {error.error}")
        )
        context.on("console", on_console)
        context.on("request", on_request)
