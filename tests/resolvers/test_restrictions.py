"""Restricted accounts: what they cannot do, what others see of it, and what they are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import ids
from domain.people.restrictions import Restriction
from persistence.engine import unit_of_work
from persistence.people import restrictions
from tests.resolvers.test_requests import REQUEST_MONEY, ask, asking, pay
from tests.resolvers.test_scheduled_transfers import SCHEDULE, planned
from tests.resolvers.test_splits import SPLIT_BILL, splitting
from tests.resolvers.world import ADD, Someone, World, new_key

pytestmark = pytest.mark.anyio

ABOUT = """{ viewer { restrictions notifications(first: 1) { nodes { kind message } } } }"""
PREVIEW = """
query($recipient: RecipientInput!) { transferPreview(amount: "1", recipient: $recipient) { __typename } }
"""


async def restrict(
    world: World, user: Someone, *chosen: Restriction, until: datetime | None = None
) -> None:
    await unit_of_work.run(
        world.services.database,
        lambda unit: restrictions.restrict(unit, user.user_id, chosen, until),
    )


async def lift(world: World, user: Someone) -> None:
    await unit_of_work.run(
        world.services.database, lambda unit: restrictions.lift(unit, user.user_id)
    )


async def answer_of(user: Someone, document: str, given: Any) -> str:
    name: str = (await user.ask(document, input=given)).one["__typename"]
    return name


async def test_each_restriction_bars_its_operations_and_no_others(
    world: World,
) -> None:
    alpha, beta = [await world.join(name, balance="50") for name in ("Alpha", "Beta")]
    theirs = await ask(beta, alpha, "1")
    mine = await ask(alpha, beta, "1")
    barred: dict[Restriction, dict[str, Callable[[], Awaitable[Any]]]] = {
        Restriction.SENDING: {
            "MoneySent": lambda: alpha.send(beta, "1"),
            "TransferScheduled": lambda: answer_of(alpha, SCHEDULE, planned(beta)),
        },
        Restriction.RECEIVING: {
            "MoneyRequested": lambda: answer_of(alpha, REQUEST_MONEY, asking(beta)),
            "BillWasSplit": lambda: answer_of(alpha, SPLIT_BILL, splitting(beta)),
        },
        Restriction.ADDING: {"BalanceAdded": lambda: alpha.add("1")},
    }
    for restriction in Restriction:
        await restrict(world, alpha, restriction)
        for each, operations in barred.items():
            for usual, operation in operations.items():
                answer = await operation()
                name = answer if isinstance(answer, str) else answer["__typename"]
                assert name == ("AccountRestricted" if each is restriction else usual)
        about = (await alpha.ask(ABOUT)).one
        assert about["restrictions"] == [restriction.name]
        expected = "RecipientNotFound" if restriction is Restriction.RECEIVING else "MoneySent"
        key, recipient = new_key(), {"userId": alpha.id}
        assert (await beta.send(alpha, "0.10", key))["__typename"] == expected
        preview = (await beta.ask(PREVIEW, recipient=recipient)).one["__typename"]
        assert (preview == "RecipientNotFound") == (restriction is Restriction.RECEIVING)
        if restriction is Restriction.RECEIVING:
            assert await answer_of(beta, SCHEDULE, planned(alpha)) == "RecipientNotFound"
            assert (await pay(beta, mine))["__typename"] == "RecipientNotFound"
        await lift(world, alpha)
    assert (await alpha.ask(ABOUT)).one["restrictions"] == []
    await restrict(world, alpha, Restriction.SENDING)
    refused = await pay(alpha, theirs)
    assert refused["__typename"] == "AccountRestricted"
    # A key is looked up before every other rule.
    replay = await beta.send(alpha, "0.10", key)
    assert replay["replayed"] is True


async def test_a_restriction_ends_by_itself_and_its_owner_is_told_what_and_until_when(
    world: World, alpha: Someone
) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    chosen = (Restriction.ADDING, Restriction.SENDING)
    await restrict(world, alpha, *chosen, until=end)
    about = (await alpha.ask(ABOUT)).one
    assert about["restrictions"] == ["SENDING", "ADDING"]
    assert about["notifications"]["nodes"] == [
        {
            "kind": "ACCOUNT_RESTRICTED",
            "message": f"Until {end.day} {end:%B %Y, %H:%M} UTC, your account cannot send or add money. "
            "You can still sign in and see everything.",
        }
    ]
    refused = await alpha.ask(
        "mutation($input: AddBalanceInput!) { addBalance(input: $input) "
        "{ ... on AccountRestricted { restriction message } } }",
        input={"amount": "1", "idempotencyKey": new_key()},
    )
    assert refused.one == {
        "restriction": "ADDING", "message": "Your account cannot add money at the moment.",
    }  # fmt: skip
    world.sql(
        "UPDATE users SET sending_restricted_until = clock_timestamp() WHERE id = %s", alpha.user_id
    )
    assert (await alpha.ask(ABOUT)).one["restrictions"] == ["ADDING"]
    assert (await alpha.send("nobody@example.com", "1"))["__typename"] == "RecipientNotFound"
    await lift(world, alpha)
    [told] = (await alpha.ask(ABOUT)).one["notifications"]["nodes"]
    assert told["message"] == "The restrictions of your account were lifted."
    # Nothing to lift is nothing to tell.
    await lift(world, alpha)
    [(count,)] = world.sql(
        "SELECT count(*) FROM notifications WHERE kind = 'account_restricted' AND user_id = %s",
        alpha.user_id,
    )
    assert count == 2


async def test_api_tokens_are_barred_too_and_need_a_scope_to_read_it(
    world: World, alpha: Someone
) -> None:
    token = await alpha.token("ADD_BALANCE")
    await restrict(world, alpha, Restriction.ADDING)
    given = {"amount": "1", "idempotencyKey": f"key-{ids.new_id()}"}
    assert (await world.ask(ADD, token, input=given)).one["__typename"] == "AccountRestricted"
    assert (await world.ask("{ viewer { restrictions } }", token)).code == "FORBIDDEN"
