"""What every payment provider has to do that the wallet is connected to, as the wallet asks it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain import ids
from domain.top_ups.provider import (
    Checkout,
    Ended,
    Named,
    PaymentProvider,
    ProviderAway,
    ProviderRefused,
)


def checkout(**changed: object) -> Checkout:
    """A payment of 12.50 USD for a new top-up."""
    usual = {
        "top_up": Named(ids.new_id(), ids.new_id()),
        "amount_minor": 1250,
        "currency": "USD",
        "success_url": "http://127.0.0.1:8000/add/return?topUp=x",
        "cancel_url": "http://127.0.0.1:8000/add/return?topUp=x&cancelled=true",
        "expires_at": datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1),
    }
    return Checkout(**{**usual, **changed})  # type: ignore[arg-type]


async def check_sessions(provider: PaymentProvider) -> None:
    """A session is created once per top-up, can be paid until it ends, and ends once."""
    await provider.check()
    began = datetime.now(UTC) - timedelta(minutes=1)
    asked = checkout()
    created = await provider.start(asked)
    assert created.url is not None
    assert created.expires_at == asked.expires_at
    assert await provider.start(asked) == created
    with pytest.raises(ProviderRefused):
        await provider.start(checkout(top_up=asked.top_up, amount_minor=1300))
    assert await provider.session(created.session_id) is None
    await provider.expire(created.session_id)
    await provider.expire(created.session_id)
    ended = Ended(asked.top_up, created.session_id)
    assert await provider.session(created.session_id) == ended
    found = [event.fact for event in await provider.events(began)]
    assert ended in found


async def check_refusals(provider: PaymentProvider, stranger: PaymentProvider) -> None:
    """What cannot be done is refused, and a wrong key is the operator's to mend: it is tried again."""
    with pytest.raises(ProviderRefused):
        await provider.start(checkout(amount_minor=0))
    with pytest.raises(ProviderRefused):
        await provider.session("cs_test_of_nobody")
    with pytest.raises(ProviderRefused):
        await provider.owner("pi_of_nobody")
    with pytest.raises(ProviderAway):
        await stranger.check()
