"""A seal is a receipt: the audit says later whether the ledgers still contain what it proves."""

from __future__ import annotations

import pytest

from persistence.audit import audit
from tests.resolvers.world import SEND, Someone, World, new_key

pytestmark = pytest.mark.anyio

SEALS = "{ viewer { transactions { nodes { sequence seal } } } }"
SENT_SEAL = SEND.replace("createdAt", "createdAt seal", 1)


async def test_the_ledgers_contain_what_a_receipt_proves(
    world: World, alpha: Someone, beta: Someone
) -> None:
    variables = {
        "input": {"recipient": {"userId": beta.id}, "amount": "12.34", "idempotencyKey": new_key()}
    }
    sent, again = [(await alpha.ask(SENT_SEAL, **variables)).one for _ in range(2)]
    assert again["replayed"] is True
    assert again["transaction"]["seal"] == sent["transaction"]["seal"]
    await alpha.add(1)
    listed = (await alpha.ask(SEALS)).one["transactions"]["nodes"]
    assert listed[1] == {"sequence": 2, "seal": sent["transaction"]["seal"]}
    received = (await beta.ask(SEALS)).one["transactions"]["nodes"]
    receipts = [each["seal"] for each in [*listed, *received]]
    assert len(set(receipts)) == 4
    answers = await audit.check_receipts(world.services.database, receipts, [b""])
    assert [answer.is_contained for answer in answers] == [True] * 4
