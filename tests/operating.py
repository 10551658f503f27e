"""Operators, and the operations that they call."""

from __future__ import annotations

from typing import Any

from persistence.operators import operators
from tests.resolvers.world import Someone, World, new_key
from torture.operators import SECOND_FACTOR

_ACTION = """
    ... on OperatorActionDone { action {
      id number kind status operator { name } decidedBy { name } account { id name } amount { amount }
      transactionReference reversalReference restrictions reason until includesFee
    } }
    ... on UserError { message }
    ... on InvalidInput { fields { path } }
    ... on NotReversible { reversible { amount } }
    ... on InsufficientFunds { balance { amount } shortfall { amount } }
"""


def _mutation(name: str) -> str:
    kind = name[0].upper() + name[1:]
    # Members that a union does not have are refused, so each query names its own.
    members = _ACTION
    if name in ("restrictAccount", "liftRestrictions", "endSessions"):
        members = "\n".join(
            line for line in _ACTION.splitlines() if "NotRev" not in line and "Funds" not in line
        )
    return f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ __typename {members} }} }}"


REVERSE, DECIDE = _mutation("reverseTransaction"), _mutation("decideAction")
RESTRICT, LIFT = _mutation("restrictAccount"), _mutation("liftRestrictions")
END_SESSIONS = _mutation("endSessions")
REASON = "Reported by the bank of the sender."


async def operator(world: World, name: str = "Olivia") -> Someone:
    """A signed-in operator, whose session a second factor has just confirmed."""
    someone = await world.join(name)
    await appoint(world, someone)
    return someone


async def appoint(world: World, someone: Someone) -> None:
    """Make the user an operator with a second factor, which has just confirmed the session."""
    key = world.services.settings.sealing_key
    await operators.add(world.services.database, someone.email, audit_key=key)
    for statement in SECOND_FACTOR:
        world.sql(statement, [someone.user_id])


async def dismiss(world: World, someone: Someone) -> None:
    """Have the user be no operator any more, and without a second factor."""
    key = world.services.settings.sealing_key
    await operators.remove(world.services.database, someone.email, audit_key=key)
    for statement in (
        "DELETE FROM passkeys WHERE user_id = %s",
        "UPDATE users SET confirm_above = NULL WHERE id = %s",
        "UPDATE sessions SET confirmed_by_factor = false WHERE user_id = %s",
    ):
        world.sql(statement, someone.user_id)


async def reverse(operator: Someone, reference: str, amount: str | None = None, **more: Any) -> Any:
    """What `reverseTransaction` returns, with a key of its own if none is given."""
    given = {"reference": reference, "reason": REASON, "idempotencyKey": new_key(), **more}
    if amount is not None:
        given["amount"] = amount
    return (await operator.ask(REVERSE, input=given)).one


async def decide(operator: Someone, action_id: str, *, agrees: bool) -> Any:
    """What `decideAction` returns."""
    return (await operator.ask(DECIDE, input={"actionId": action_id, "agrees": agrees})).one
