"""Reversals through the API: what the owners of both accounts see of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.authority import Session
from persistence.ledger import originals
from tests.resolvers.test_known_outcomes import CLOSE
from tests.resolvers.test_statements import STATEMENT
from tests.resolvers.world import Someone, World, new_key
from tests.reversing import Reverse

pytestmark = pytest.mark.anyio

LISTED = """
query($filter: TransactionFilter) { viewer { transactions(filter: $filter) { nodes {
  kind direction amount { amount } fee { amount } note counterparty { name } balanceAfter { amount }
  reverses { reference sequence kind reversed { amount } } reversed { amount currency }
} } } }
"""
BY_KEY = """
query($key: String!) { viewer { transactionByIdempotencyKey(kind: REVERSAL, idempotencyKey: $key) { sequence } } }
"""
TOLD = "{ viewer { notifications(first: 1) { nodes { kind message transaction { kind } } } } }"


async def reverse(
    world: World, operator: Someone, reference: str, amount: str | None = None
) -> None:
    [(session_id,)] = world.sql("SELECT id FROM sessions WHERE user_id = %s", operator.user_id)
    target = await originals.find(world.services.database, UUID(reference))
    assert target is not None
    authority = Session(operator.user_id, session_id)
    asked = None if amount is None else Decimal(amount)
    await world.services.ledger.run(Reverse(authority, target, asked, note="Fraud"))


async def listed(user: Someone, **conditions: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await user.ask(LISTED, filter=conditions)).one["transactions"][
        "nodes"
    ]
    return found


async def test_both_sides_see_what_was_reversed_and_of_what(world: World) -> None:
    alpha, beta = await world.join("Alpha", balance="20"), await world.join("Beta")
    operator = await world.join("Operator")
    sent = (await alpha.send(beta, "10", note="lunch"))["transaction"]
    await reverse(world, operator, sent["reference"], "4")
    await reverse(world, operator, sent["reference"], "0.50")
    for user, direction, name, balances in (
        (alpha, "INCOMING", "Beta", ["14.50", "14.00"]),
        (beta, "OUTGOING", "Alpha", ["5.50", "6.00"]),
    ):
        reversals = await listed(user, kind="REVERSAL")
        assert [each["balanceAfter"]["amount"] for each in reversals] == balances
        for each, amount in zip(reversals, ("0.50", "4.00"), strict=True):
            assert each | {"balanceAfter": None, "reverses": None} == {
                "kind": "REVERSAL",
                "direction": direction,
                "amount": {"amount": amount},
                "fee": {"amount": "0.00"},
                "note": "Fraud",
                "counterparty": {"name": name},
                "balanceAfter": None,
                "reverses": None,
                "reversed": {"amount": "0.00", "currency": "USD"},
            }
            assert each["reverses"]["reference"] == sent["reference"]
            assert each["reverses"]["reversed"] == {"amount": "4.50"}
        [original] = await listed(user, text="lunch")
        assert (original["reverses"], original["reversed"]["amount"]) == (None, "4.50")
        assert await listed(user, text="fraud", direction=direction) == reversals
    [told] = (await alpha.ask(TOLD)).one["notifications"]["nodes"]
    assert told == {
        "kind": "TRANSACTION_REVERSED",
        "message": "0.50 USD that you sent to Beta was returned to you.",
        "transaction": {"kind": "REVERSAL"},
    }
    [told] = (await beta.ask(TOLD)).one["notifications"]["nodes"]
    assert told["message"] == "0.50 USD that Alpha had sent you was taken back."
    today = datetime.now(UTC).date().isoformat()
    statement = (await beta.ask(STATEMENT, **{"from": today, "to": today})).one["statement"]
    assert [statement[each]["amount"] for each in ("incoming", "outgoing", "closingBalance")] == [
        "10.00", "4.50", "5.50",
    ]  # fmt: skip


async def test_a_reversed_top_up_has_one_side(world: World, alpha: Someone) -> None:
    operator = await world.join("Operator")
    added = (await alpha.add("10"))["transaction"]
    await reverse(world, operator, added["reference"])
    [reversal] = await listed(alpha, kind="REVERSAL")
    assert (reversal["direction"], reversal["counterparty"]) == ("OUTGOING", None)
    assert reversal["reverses"]["reversed"] == {"amount": "10.00"}
    [told] = (await alpha.ask(TOLD)).one["notifications"]["nodes"]
    assert told["message"] == "10.00 USD that you had added was taken back."


async def test_there_are_no_keys_of_reversals(alpha: Someone) -> None:
    key = new_key()
    closed = (await alpha.ask(CLOSE, input={"kind": "REVERSAL", "idempotencyKey": key})).one
    assert closed["__typename"] == "InvalidInput"
    assert closed["fields"][0]["path"] == ["kind"]
    assert (await alpha.ask(BY_KEY, key=key)).one["transactionByIdempotencyKey"] is None
    token = await alpha.token("READ_PROFILE")
    answer = await alpha.world.ask(CLOSE, token, input={"kind": "REVERSAL", "idempotencyKey": key})
    assert answer.one["__typename"] == "InvalidInput"
