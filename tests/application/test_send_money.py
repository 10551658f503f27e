"""Sending money without a request, as a job does, has all effects that a request has."""

from __future__ import annotations

from decimal import Decimal

import pytest

from application import close_idempotency_key, recipients, send_money
from domain import errors
from domain.ledger.kinds import Kind
from tests.resolvers import conftest
from tests.resolvers.world import World, new_key

pytestmark = pytest.mark.anyio

shared_settings = conftest.shared_settings
world = conftest.world


async def test_a_caller_without_a_request_sends_money_once_and_tells_the_listeners(
    world: World,
) -> None:
    alpha, beta = await world.join("Alpha", balance="10"), await world.join("Beta")
    principal = await world.principal(alpha.bearer)
    assert principal is not None
    heard = world.services.live.entries(beta.user_id, None)
    await heard.start()
    key = new_key()
    sent, again = [
        await send_money.execute(
            world.services,
            principal.authority,
            recipient=recipient,
            amount=Decimal("2.50"),
            note=None,
            idempotency_key=key,
        )
        for recipient in (beta.user_id, recipients.Email(beta.email))
    ]
    assert (sent.replayed, again.replayed) == (False, True)
    assert (await anext(heard)).entry.reference == sent.entry.reference
    heard.close()
    assert world.metrics.transfers[-2:] == ["moved", "replayed"]
    closed = await close_idempotency_key.execute(
        world.services, principal.authority, kind=Kind.TRANSFER, idempotency_key=key
    )
    assert closed is not None
    assert closed.entry == sent.entry


async def test_a_malformed_address_is_refused_by_its_field(world: World) -> None:
    alpha = await world.join("Alpha", balance="10")
    principal = await world.principal(alpha.bearer)
    assert principal is not None
    with pytest.raises(errors.InvalidInput) as refused:
        await send_money.execute(
            world.services,
            principal.authority,
            recipient=recipients.Email("nonsense"),
            amount=Decimal(1),
            note=None,
            idempotency_key=new_key(),
        )
    assert refused.value.fields[0].path == ("recipient", "email")
