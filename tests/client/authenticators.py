"""Second factors for the browser tests: an authenticator app, and a virtual authenticator of Chromium."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pyotp
from playwright.sync_api import Page

from tests.client.stack import Person, Stack
from tests.waiting import block_until

_BEGIN = "mutation { beginTotp { challenge secret } }"
_ENABLE = """
mutation ($input: EnableTotpInput!) { enableTotp(input: $input) {
  ... on SecondFactorEnabled { recoveryCodes }
  ... on UserError { message }
} }
"""


class AuthenticatorApp:
    """Makes codes that are accepted for 15 seconds at least: each is of a later step than the one before.

    The service accepts the step before and the one after the current one too, so two or three codes fit
    into half a minute without waiting.
    """

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)
        self._last_step = 0

    def code(self) -> str:
        interval = self._totp.interval
        oldest = int(time.time() + interval / 2) // interval - 1
        self._last_step = max(self._last_step + 1, oldest)
        block_until(lambda: self._last_step <= int(time.time()) // interval + 1)
        return self._totp.at(self._last_step * self._totp.interval)

    def wrong_code(self) -> str:
        """A code of another day."""
        return self._totp.at(int(time.time()) - 86_400)


def enable_app(stack: Stack, person: Person) -> tuple[AuthenticatorApp, list[str]]:
    """Give that user an authenticator app; returns it and the recovery codes."""
    begun = stack.ask(_BEGIN, person.token)["beginTotp"]
    app = AuthenticatorApp(begun["secret"])
    answer = {"challenge": begun["challenge"], "code": app.code()}
    enabled = stack.ask(_ENABLE, person.token, input=answer)["enableTotp"]
    assert "recoveryCodes" in enabled, enabled
    return app, enabled["recoveryCodes"]


@contextmanager
def virtual_authenticator(page: Page) -> Iterator[None]:
    """A device that this page has until the end. It uses a passkey that a page offers at once."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    try:
        yield
    finally:
        session.send("WebAuthn.disable")
        session.detach()
