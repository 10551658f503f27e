"""The adapter of Stripe, against the emulated provider."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.stripe import Stripe
from dev.stripe.emulator import StripeEmulator
from domain.top_ups.provider import Named, Paid, Source, TakenBack
from settings import ROOT
from tests.adapters import payment_provider

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

_IMPORTED = """
import sys
import app.wiring, jobs.worker, app.commands.doctor
print("stripe" in sys.modules)
"""


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[StripeEmulator]:
    server = StripeEmulator(
        file=tmp_path / "stripe.sqlite",
        log=tmp_path / "stripe.log",
        api_key="sk_test_of_this_test",
        webhook_secret="whsec_of_this_test",
    )
    server.start()
    yield server
    server.stop()


async def test_it_does_what_a_provider_has_to(emulator: StripeEmulator) -> None:
    provider = Stripe(emulator.api_key, emulator.webhook_secret, emulator.url)
    stranger = Stripe("sk_test_of_nobody", emulator.webhook_secret, emulator.url)
    try:
        await payment_provider.check_sessions(provider)
        await payment_provider.check_refusals(provider, stranger)

        asked = payment_provider.checkout()
        session = await provider.start(asked)
        emulator.act("pay", session=session.session_id)
        paid = await provider.session(session.session_id)
        assert isinstance(paid, Paid)
        assert (paid.top_up, paid.amount_minor, paid.currency) == (asked.top_up, 1250, "USD")
        assert await provider.owner(paid.payment_id) == asked.top_up
        for _ in range(2):
            await provider.refund(paid.payment_id, asked.top_up)
        # Already refunded, which is what was wanted.
        await provider.refund(paid.payment_id, Named(asked.top_up.user_id, asked.top_up.user_id))
        facts = [event.fact for event in await provider.events(asked.expires_at.replace(year=2020))]
        taken = {fact for fact in facts if isinstance(fact, TakenBack)}
        assert [(each.payment_id, each.amount_minor, each.source) for each in taken] == [
            (paid.payment_id, 1250, Source.REFUND)
        ]
        assert paid in facts
    finally:
        await provider.close()
        await stranger.close()


def test_its_library_is_imported_only_where_it_is_configured() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
