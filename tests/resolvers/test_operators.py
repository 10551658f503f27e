"""The back office: who may use it, what operators read, and what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from application import operate
from domain import errors, ids
from persistence.audit import audit
from persistence.operators import operators
from tests import operating
from tests.operating import REASON, decide, operator, reverse
from tests.resolvers.test_events import listening, take
from tests.resolvers.world import Someone, World, new_key

pytestmark = pytest.mark.anyio

READ = "{ operator { actions { nodes { id } } } }"


@pytest.fixture
async def olivia(world: World) -> Someone:
    return await operator(world, "Olivia")


@pytest.fixture
async def oscar(world: World) -> Someone:
    return await operator(world, "Oscar")


@pytest.fixture(autouse=True)
async def sealed(world: World) -> AsyncIterator[None]:
    """Whatever a test does, the audit finds nothing."""
    yield
    report = await audit.audit(world.services.database)
    assert report.findings == []


async def paid(alpha: Someone, beta: Someone, amount: str = "100") -> str:
    """The reference of a transfer."""
    return str((await alpha.send(beta, amount))["transaction"]["reference"])


def untouched(world: World) -> list[tuple[Any, ...]]:
    """Everything that an operator could change."""
    return [
        *world.books(),
        *world.sql("SELECT position FROM operator_records ORDER BY position"),
        *world.sql("SELECT id FROM sessions WHERE ended_at IS NULL ORDER BY id"),
        *world.sql("SELECT user_id, number FROM notifications ORDER BY 1, 2"),
    ]


# ================================================================ who may


async def test_nobody_with_less_reads_or_changes_anything(
    world: World, alpha: Someone, beta: Someone, olivia: Someone
) -> None:
    reference = await paid(alpha, beta)
    proposer = await operator(world, "Proposer")
    proposal = (await reverse(proposer, await paid(alpha, beta, "1"), None))["action"]["id"]
    token = await olivia.token("READ_PROFILE", "SEND_MONEY", dailyLimit="10")
    mutations = [
        (
            operating.REVERSE,
            {"reference": reference, "reason": REASON, "idempotencyKey": new_key()},
        ),
        (operating.DECIDE, {"actionId": proposal, "agrees": True}),
        (operating.RESTRICT, {"userId": beta.id, "restrictions": ["SENDING"], "reason": REASON}),
        (operating.LIFT, {"userId": beta.id, "reason": REASON}),
        (operating.END_SESSIONS, {"userId": beta.id, "reason": REASON}),
    ]

    async def refused(bearer: str | None, code: str, reason: str | None) -> None:
        before = untouched(world)
        for query, given in mutations:
            answer = await world.ask(query, bearer, input=given)
            assert (answer.code, answer.reason) == (code, reason), query
        assert untouched(world) == before
        if bearer is not None and bearer != alpha.bearer:
            read = await world.ask(READ, bearer)
            assert (read.code, read.reason) == (code, reason)
        for kind, row in (("OperatedAccount", beta.user_id), ("OperatorAction", proposal)):
            given_id = proposal if kind == "OperatorAction" else _id(kind, row)
            assert (await world.ask(NODE, bearer, id=given_id)).one is None

    await refused(None, "UNAUTHENTICATED", None)
    assert (await world.ask(READ)).one is None
    await refused(alpha.bearer, "FORBIDDEN", None)
    assert (await alpha.ask(READ)).one is None
    await refused(token, "FORBIDDEN", None)
    world.sql(
        "UPDATE sessions SET confirmed_at = now() - interval '61 minutes', "
        "created_at = now() - interval '2 hours' WHERE user_id = %s", olivia.user_id,
    )  # fmt: skip
    await refused(olivia.bearer, "FORBIDDEN", "CONFIRM_SESSION")
    world.sql(
        "UPDATE sessions SET confirmed_at = now(), confirmed_by_factor = false WHERE user_id = %s",
        olivia.user_id,
    )
    await refused(olivia.bearer, "FORBIDDEN", "CONFIRM_SESSION")
    world.sql("UPDATE sessions SET confirmed_by_factor = true WHERE user_id = %s", olivia.user_id)
    assert (await olivia.ask(READ)).one is not None
    world.sql("UPDATE users SET confirm_above = NULL WHERE id = %s", olivia.user_id)
    await refused(olivia.bearer, "FORBIDDEN", "ENABLE_SECOND_FACTOR")
    world.sql("UPDATE users SET confirm_above = 100 WHERE id = %s", olivia.user_id)
    await operators.remove(world.services.database, olivia.email, audit_key=b"")
    assert (await olivia.ask(READ)).one is None
    for query, given in mutations:
        assert (await olivia.ask(query, input=given)).code == "FORBIDDEN"


def _id(kind: str, row: object) -> str:
    return ids.global_id(kind, row)


NODE = "query($id: ID!) { node(id: $id) { id } }"


async def test_operators_cannot_act_on_their_own_account(world: World, alpha: Someone) -> None:
    olivia = await world.join("Olivia")
    sent, received = await paid(alpha, olivia), await paid(olivia, alpha, "1")
    top_up = (await olivia.add("5"))["transaction"]["reference"]
    await operating.appoint(world, olivia)
    before = untouched(world)
    own = {"userId": olivia.id, "reason": REASON}
    for query, given in (
        (operating.RESTRICT, {**own, "restrictions": ["SENDING"]}),
        (operating.LIFT, own),
        (operating.END_SESSIONS, own),
        *(
            (operating.REVERSE, {"reference": each, "reason": REASON, "idempotencyKey": new_key()})
            for each in (sent, received, top_up)
        ),
    ):
        refusal = (await olivia.ask(query, input=given)).one
        assert refusal["__typename"] == "InvalidInput", refusal
        assert "own account" in refusal["message"]
    assert untouched(world) == before


async def test_reasons_have_10_to_500_characters(
    world: World, alpha: Someone, beta: Someone, olivia: Someone
) -> None:
    reference, before = await paid(alpha, beta), untouched(world)
    for reason in ("x" * 9, "x" * 501, " " * 20, "  too short  ", "", f"{REASON}\0"):
        for query, given in (
            (operating.RESTRICT, {"userId": beta.id, "restrictions": ["SENDING"]}),
            (operating.LIFT, {"userId": beta.id}),
            (operating.END_SESSIONS, {"userId": beta.id}),
            (operating.REVERSE, {"reference": reference, "idempotencyKey": new_key()}),
        ):
            refusal = (await olivia.ask(query, input={**given, "reason": reason})).one
            assert refusal["fields"] == [{"path": ["reason"]}], refusal
    assert untouched(world) == before
    for reason in ("x" * 10, "x" * 500):
        done = await reverse(olivia, reference, "1", reason=reason)
        assert done["action"]["reason"] == reason


# ================================================================ reversals


async def test_a_reversal_is_recorded_with_who_why_and_what(
    world: World, alpha: Someone, beta: Someone, olivia: Someone
) -> None:
    reference = await paid(alpha, beta)
    given = {"reference": reference, "amount": "40", "reason": REASON, "idempotencyKey": new_key()}
    action = (await olivia.ask(operating.REVERSE, input=given)).one["action"]
    reversal = action.pop("reversalReference")
    number, action_id = action.pop("number"), action.pop("id")
    assert action == {
        "kind": "REVERSE", "status": "DONE", "operator": {"name": "Olivia"}, "decidedBy": None,
        "account": {"id": beta.id, "name": "Beta"}, "amount": {"amount": "40.00"}, "until": None,
        "transactionReference": reference, "restrictions": [], "reason": REASON, "includesFee": True,
    }  # fmt: skip
    assert (await alpha.balance(), await beta.balance()) == ("940.00", "60.00")
    # The owner is told, and never why.
    told = (await beta.ask("{ viewer { notifications { nodes { kind message } } } }")).one
    assert told["notifications"]["nodes"][0]["kind"] == "TRANSACTION_REVERSED"
    assert REASON not in str(told)
    # The same key answers the same action, and moves nothing.
    for _ in range(2):
        again = (await olivia.ask(operating.REVERSE, input=given)).one["action"]
        assert (again["id"], again["number"], again["reversalReference"]) == (
            action_id, number, reversal,
        )  # fmt: skip
    for other in (
        {"amount": "41"}, {"amount": None}, {"reason": "Another good reason."}, {"includesFee": False},
        {"reference": await paid(alpha, beta, "1")}, {"reference": "nonsense"},
    ):  # fmt: skip
        refused = (await olivia.ask(operating.REVERSE, input={**given, **other})).one
        assert refused["__typename"] == "IdempotencyKeyReused", other
    # Keys belong to one operator.
    oscar = await operator(world, "Oscar")
    assert (await oscar.ask(operating.REVERSE, input=given)).one["action"]["number"] == number + 1


async def test_what_cannot_be_reversed_leaves_no_record(
    world: World, alpha: Someone, beta: Someone, olivia: Someone
) -> None:
    reference, before = await paid(alpha, beta), untouched(world)
    for amount, kind in (
        ("100.01", "NotReversible"), ("0", "InvalidAmount"), ("-1", "InvalidAmount"),
        ("0.001", "InvalidAmount"),
    ):  # fmt: skip
        assert (await reverse(olivia, reference, amount))["__typename"] == kind
    for unknown in ("nonsense", "01890000-0000-7000-8000-000000000000"):
        assert (await reverse(olivia, unknown))["__typename"] == "NotFound"
    short = await reverse(olivia, reference, idempotencyKey="short")
    assert short["fields"] == [{"path": ["idempotencyKey"]}]
    assert untouched(world) == before
    await beta.send(alpha, "60")
    refused = await reverse(olivia, reference)
    assert refused["__typename"] == "InsufficientFunds"
    assert (refused["balance"]["amount"], refused["shortfall"]["amount"]) == ("40.00", "60.00")
    reversal = (await reverse(olivia, reference, "10"))["action"]["reversalReference"]
    assert (await reverse(olivia, reversal))["__typename"] == "NotReversible"


async def test_reversals_that_race_each_other_never_exceed_the_amount(
    world: World, alpha: Someone, beta: Someone, olivia: Someone, oscar: Someone
) -> None:
    reference = await paid(alpha, beta)
    key = new_key()
    racing = [reverse(each, reference, "30") for each in (olivia, oscar) for _ in range(3)]
    same = [reverse(olivia, reference, "10", idempotencyKey=key) for _ in range(4)]
    outcomes = await asyncio.gather(*racing, *same)
    ten = {each["action"]["id"] for each in outcomes[6:] if "action" in each}
    done = [each for each in outcomes[:6] if each["__typename"] == "OperatorActionDone"]
    assert len(done) == 3
    assert len(ten) == 1
    assert {each["__typename"] for each in outcomes} == {"OperatorActionDone", "NotReversible"}
    assert (await alpha.balance(), await beta.balance()) == ("1000.00", "0.00")


# ================================================================ proposals


async def large(world: World, alpha: Someone, beta: Someone) -> str:
    """The reference of a transfer above the threshold."""
    await alpha.add("4000")
    return await paid(alpha, beta, "3000")


async def test_above_the_threshold_a_second_operator_decides(
    world: World, alpha: Someone, beta: Someone, olivia: Someone, oscar: Someone
) -> None:
    reference = await large(world, alpha, beta)
    key, before = new_key(), world.books()
    action = (await reverse(olivia, reference, idempotencyKey=key))["action"]
    assert (action["status"], action["amount"]["amount"]) == ("PROPOSED", "3000.00")
    assert action["reversalReference"] is None
    assert world.books() == before
    assert (await reverse(olivia, reference, idempotencyKey=key))["action"]["id"] == action["id"]
    waiting = "{ operator { actions(status: PROPOSED, first: 1) { nodes { id } } } }"
    assert (await oscar.ask(waiting)).one["actions"]["nodes"] == [{"id": action["id"]}]
    own = await decide(olivia, action["id"], agrees=True)
    assert (own["__typename"], own["fields"]) == ("InvalidInput", [{"path": ["actionId"]}])
    for party in (alpha, beta):
        await operating.appoint(world, party)
        assert (await decide(party, action["id"], agrees=True))["__typename"] == "InvalidInput"
        await operating.dismiss(world, party)
    assert world.books() == before
    # What it lacks leaves it open.
    await beta.send(alpha, "1")
    assert (await decide(oscar, action["id"], agrees=True))["__typename"] == "InsufficientFunds"
    await alpha.send(beta, "1")
    for _ in range(2):
        decided = (await decide(oscar, action["id"], agrees=True))["action"]
        assert (decided["status"], decided["decidedBy"]) == ("DONE", {"name": "Oscar"})
        assert await beta.balance() == "0.00"
    for agrees in (True, False):
        late = await decide(await operator(world, "Late"), action["id"], agrees=agrees)
        assert late["message"] == "This proposal was already decided."
    assert (await decide(oscar, action["id"], agrees=False))["__typename"] == "InvalidInput"


async def test_a_rejected_proposal_moves_nothing_and_small_steps_add_up(
    world: World, alpha: Someone, beta: Someone, olivia: Someone, oscar: Someone
) -> None:
    reference = await large(world, alpha, beta)
    assert (await reverse(olivia, reference, "1000"))["action"]["status"] == "DONE"
    proposed = (await reverse(olivia, reference, "0.01"))["action"]
    assert proposed["status"] == "PROPOSED"
    before = world.books()
    rejected = (await decide(oscar, proposed["id"], agrees=False))["action"]
    assert (rejected["status"], rejected["decidedBy"]) == ("REJECTED", {"name": "Oscar"})
    assert world.books() == before
    done = (await reverse(olivia, await paid(alpha, beta, "1")))["action"]["id"]
    assert (await decide(oscar, done, agrees=True))["__typename"] == "InvalidInput"
    for unknown in ("nonsense", olivia.id):
        assert (await decide(oscar, unknown, agrees=True))["__typename"] == "NotFound"


async def test_of_operators_who_decide_at_once_one_wins(
    world: World, alpha: Someone, beta: Someone, olivia: Someone, oscar: Someone
) -> None:
    reference = await large(world, alpha, beta)
    others = [oscar, *[await operator(world, f"Other{number}") for number in range(3)]]
    action = (await reverse(olivia, reference))["action"]["id"]
    outcomes = await asyncio.gather(
        *(decide(each, action, agrees=agrees) for agrees in (True, False) for each in others)
    )
    statuses = {each["action"]["status"] for each in outcomes if "action" in each}
    assert len(statuses) == 1
    assert sum("action" in each for each in outcomes) == 1
    balance = "0.00" if statuses == {"DONE"} else "3000.00"
    assert await beta.balance() == balance


async def test_two_operators_reverse_a_fraud_while_both_accounts_hear_of_it(
    world: World, alpha: Someone, beta: Someone, olivia: Someone, oscar: Someone
) -> None:
    reference = await large(world, alpha, beta)
    async with (
        listening(world, alpha.bearer, 3) as victim,
        listening(world, beta.bearer, 1) as thief,
    ):
        heard = asyncio.gather(take(victim, 1), take(thief, 1))
        barred = {"userId": beta.id, "restrictions": ["SENDING"], "reason": REASON}
        restricted = (await olivia.ask(operating.RESTRICT, input=barred)).one
        assert restricted["action"]["restrictions"] == ["SENDING"]
        assert (await beta.send(alpha, "1"))["__typename"] == "AccountRestricted"
        action = (await reverse(olivia, reference))["action"]["id"]
        decided = (await decide(oscar, action, agrees=True))["action"]
        assert decided["status"] == "DONE"
        (returned,), (taken,) = await heard
    for event, direction, other, balance in (
        (returned, "INCOMING", "Beta", "5000.00"), (taken, "OUTGOING", "Alpha", "0.00"),
    ):  # fmt: skip
        posted = event["transaction"]
        assert (posted["kind"], posted["direction"]) == ("REVERSAL", direction)
        assert (posted["counterparty"]["name"], event["balance"]["amount"]) == (other, balance)


# ================================================================ accounts


async def test_restrictions_are_recorded_told_and_lifted(
    world: World, beta: Someone, olivia: Someone
) -> None:
    given = {"userId": beta.id, "restrictions": ["ADDING", "SENDING"], "reason": REASON}
    for wrong, path in (
        ({"restrictions": []}, "restrictions"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
    ):
        refused = (await olivia.ask(operating.RESTRICT, input={**given, **wrong})).one
        assert refused["fields"] == [{"path": [path]}]
    none = (await olivia.ask(operating.LIFT, input={"userId": beta.id, "reason": REASON})).one
    assert none["message"] == "The account is not restricted."
    until = "2099-01-01T00:00:00.000000Z"
    action = (await olivia.ask(operating.RESTRICT, input={**given, "until": until})).one["action"]
    assert (action["restrictions"], action["until"]) == (["SENDING", "ADDING"], until)
    account = "query($id: ID!) { operator { account(userId: $id) { restrictions } } }"
    read = (await olivia.ask(account, id=beta.id)).one["account"]
    assert read == {"restrictions": ["SENDING", "ADDING"]}
    lifted = (await olivia.ask(operating.LIFT, input={"userId": beta.id, "reason": REASON})).one
    assert (lifted["action"]["kind"], lifted["action"]["status"]) == ("LIFT", "DONE")
    assert (await olivia.ask(account, id=beta.id)).one["account"] == {"restrictions": []}
    told = (await beta.ask("{ viewer { notifications { nodes { kind message } } } }")).one
    kinds = [each["kind"] for each in told["notifications"]["nodes"]]
    assert kinds == ["ACCOUNT_RESTRICTED", "ACCOUNT_RESTRICTED"]
    assert REASON not in str(told)
    for unknown in ("nonsense", _id("User", "01890000-0000-7000-8000-000000000000")):
        answer = (await olivia.ask(operating.RESTRICT, input={**given, "userId": unknown})).one
        assert answer["__typename"] == "NotFound"


async def test_sessions_are_ended_and_the_owner_is_told(
    world: World, beta: Someone, olivia: Someone
) -> None:
    sessions = "query($id: ID!) { operator { account(userId: $id) { sessions { isCurrent } } } }"
    read = (await olivia.ask(sessions, id=beta.id)).one["account"]["sessions"]
    assert read == [{"isCurrent": False}]
    done = (
        await olivia.ask(operating.END_SESSIONS, input={"userId": beta.id, "reason": REASON})
    ).one
    assert done["action"]["kind"] == "END_SESSIONS"
    assert (await olivia.ask(sessions, id=beta.id)).one["account"]["sessions"] == []
    [(details,)] = world.sql(
        "SELECT details ->> 'change' FROM notifications WHERE user_id = %s", beta.user_id
    )
    assert details == "sessions_ended"


# ================================================================ reads


async def test_accounts_are_found_by_whatever_a_report_names(
    world: World, alpha: Someone, beta: Someone, olivia: Someone
) -> None:
    world.sql(
        "UPDATE users SET name = 'Xaviera', search_text = 'xaviera' WHERE id = %s", alpha.user_id
    )
    world.sql("INSERT INTO blocks VALUES (%s, %s, 'blocker', now()), (%s, %s, 'blocked', now())",
        olivia.user_id, alpha.user_id, alpha.user_id, olivia.user_id)  # fmt: skip
    reference = await paid(alpha, beta)
    await world.register("pending@example.com", "Pending")
    query = "query($query: String!) { operator { accounts(query: $query) { nodes { user { id } email } } } }"

    async def found(text: str) -> list[str]:
        nodes = (await olivia.ask(query, query=text)).one["accounts"]["nodes"]
        return [node["email"] for node in nodes]

    for text in ("xavi", alpha.email.upper(), alpha.id, str(alpha.user_id)):
        assert await found(text) == [alpha.email], text
    assert sorted(await found(reference)) == sorted([alpha.email, beta.email])
    assert await found("pending@example.com") == ["pending@example.com"]
    world.sql("UPDATE users SET closed_at = now() WHERE id = %s", alpha.user_id)
    assert await found("xavi") == []
    assert await found(alpha.email) == [alpha.email]
    for nothing in ("", "nobody@example.com", "01890000-0000-7000-8000-000000000000", "\0"):
        assert await found(nothing) == []
    world.sql(
        "UPDATE users SET closed_at = NULL, name = 'Alpha', search_text = 'alpha' WHERE id = %s",
        alpha.user_id,
    )
    world.sql("DELETE FROM blocks")
    first = '{ operator { accounts(query: "a", first: 1) { nodes { email } pageInfo { endCursor hasNextPage } } } }'
    page = (await olivia.ask(first)).one["accounts"]
    assert page["pageInfo"]["hasNextPage"]
    after = first.replace("first: 1", f'first: 100, after: "{page["pageInfo"]["endCursor"]}"')
    rest = (await olivia.ask(after)).one["accounts"]["nodes"]
    assert page["nodes"][0] not in rest


async def test_an_operator_sees_both_sides_with_metadata_balances_and_what_was_reversed(
    world: World, alpha: Someone, beta: Someone, olivia: Someone
) -> None:
    given = {
        "recipient": {"userId": beta.id}, "amount": "20", "idempotencyKey": new_key(),
        "metadata": [{"key": "order", "value": "A-17"}],
    }  # fmt: skip
    send = "mutation($input: SendMoneyInput!) { sendMoney(input: $input) { ... on MoneySent { transaction { reference } } } }"
    reference = (await alpha.ask(send, input=given)).one["transaction"]["reference"]
    await reverse(olivia, reference, "5")
    read = """
    query($reference: ID!, $id: ID!) { operator {
      transaction(reference: $reference) {
        direction balanceAfter { amount } counterparty { name } metadata { key value } reversed { amount }
      }
      account(userId: $id) {
        email balance { amount } transactions(first: 1, filter: {kind: REVERSAL}) {
          nodes { kind reverses { reference } } pageInfo { hasNextPage }
        }
        actions { nodes { kind operator { name } } }
      }
    } }
    """
    answer = (await olivia.ask(read, reference=reference, id=alpha.id)).one
    assert answer["transaction"] == [
        {
            "direction": "OUTGOING", "balanceAfter": {"amount": "980.00"}, "counterparty": {"name": "Beta"},
            "metadata": [{"key": "order", "value": "A-17"}], "reversed": {"amount": "5.00"},
        },
        {
            "direction": "INCOMING", "balanceAfter": {"amount": "20.00"}, "counterparty": {"name": "Alpha"},
            "metadata": [], "reversed": {"amount": "5.00"},
        },
    ]  # fmt: skip
    account = answer["account"]
    assert (account["email"], account["balance"]["amount"]) == (alpha.email, "985.00")
    assert account["transactions"]["nodes"] == [
        {"kind": "REVERSAL", "reverses": {"reference": reference}}
    ]
    assert account["actions"]["nodes"] == [{"kind": "REVERSE", "operator": {"name": "Olivia"}}]
    for unknown in ("nonsense", alpha.id):
        empty = (await olivia.ask(read, reference=unknown, id="nonsense")).one
        assert empty == {"transaction": [], "account": None}


async def test_totals_add_up_and_days_are_of_utc(
    world: World, alpha: Someone, beta: Someone, olivia: Someone
) -> None:
    world.services.day_totals.clear()
    totals = """{ operator {
      books { accounts balances { amount } fees { amount } toppedUp { amount } reversedTopUps { amount } at }
      days(first: 3) { day transfers transferred { amount } toppedUp { amount } newAccounts }
    } }"""

    async def read() -> Any:
        return (await olivia.ask(totals)).one

    before = await read()
    top_up = (await beta.add("50"))["transaction"]["reference"]
    await paid(alpha, beta, "7")
    await reverse(olivia, top_up, "20")
    await world.join("Newcomer")
    after = await read()
    for answer in (before, after):
        [balances, fees, added, taken] = [
            Decimal(answer["books"][name]["amount"])
            for name in ("balances", "fees", "toppedUp", "reversedTopUps")
        ]
        assert balances + fees == added - taken
    today, *earlier = after["days"]
    assert today["day"] == f"{datetime.now(UTC):%Y-%m-%d}"
    assert today["transfers"] == before["days"][0]["transfers"] + 1
    assert today["newAccounts"] == before["days"][0]["newAccounts"] + 1
    assert Decimal(today["transferred"]["amount"]) - Decimal(
        before["days"][0]["transferred"]["amount"]
    ) == Decimal("7")
    assert [each["transfers"] for each in earlier] == [0, 0]
    assert len(world.services.day_totals) in (1, 2)
    refused = await olivia.ask("{ operator { days(first: 101) { day } } }")
    assert refused.code == "BAD_USER_INPUT"


async def test_reads_and_actions_are_logged_without_their_contents(
    world: World, alpha: Someone, beta: Someone, olivia: Someone
) -> None:
    reference = await paid(alpha, beta)
    with capture_logs() as logs:
        await olivia.ask('{ operator { accounts(query: "secret query") { nodes { id } } } }')
        await reverse(olivia, reference, "1")
    kinds = [(each["event"], each.get("what") or each.get("kind")) for each in logs]
    assert kinds == [("operator.read", "accounts"), ("operator.acted", "REVERSE")]
    assert {each["operator_id"] for each in logs} == {str(olivia.user_id)}
    assert "secret query" not in str(logs)
    assert REASON not in str(logs)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET confirmed_at = now() - interval '61 minutes', "
        "created_at = now() - interval '2 hours' WHERE user_id = %s",
        "UPDATE sessions SET confirmed_by_factor = false WHERE user_id = %s",
        "UPDATE sessions SET ended_at = now() WHERE user_id = %s",
        "DELETE FROM operators WHERE user_id = %s",
    ],
)
async def test_the_transaction_that_acts_checks_the_operator_again(
    world: World, alpha: Someone, beta: Someone, olivia: Someone, change: str
) -> None:
    reference = UUID(await paid(alpha, beta))
    principal = await world.principal(olivia.bearer)
    assert principal is not None
    services, before = world.services, untouched(world)
    world.sql(change, olivia.user_id)
    ended = 1 if "ended_at" in change else 0
    for acting in (
        operate.reverse_transaction(
            services, principal, reference=reference, amount=None, includes_fee=True, reason=REASON,
            idempotency_key=new_key(),
        ),
        operate.end_sessions(services, principal, beta.user_id, reason=REASON),
    ):  # fmt: skip
        with pytest.raises((errors.Unauthenticated, errors.Forbidden)):
            await acting
    assert len(untouched(world)) == len(before) - ended
    # As it was, for the audit.
    world.sql("DELETE FROM operators WHERE user_id = %s", olivia.user_id)
    world.sql(
        "INSERT INTO operators SELECT account_id, created_at FROM operator_records "
        "WHERE account_id = %s AND type = 'addition'", olivia.user_id,
    )  # fmt: skip
