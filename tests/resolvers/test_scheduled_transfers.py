"""Scheduled transfers through the API: what their owners and programs can do, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application import run_scheduled_transfer
from domain import ids
from tests.resolvers.world import SEND, Someone, World, new_key

pytestmark = pytest.mark.anyio

FIELDS = """
    id status amount { amount } note recipient { id name } recurrence { unit interval }
    startsOn endsOn timeZone nextRunAt createdAt
"""
SCHEDULE = f"""
mutation($input: ScheduleTransferInput!) {{
  scheduleTransfer(input: $input) {{
    __typename
    ... on TransferScheduled {{ replayed scheduledTransfer {{ {FIELDS} }} }}
    ... on InvalidInput {{ fields {{ path }} }}
    ... on InvalidAmount {{ maximum {{ amount }} }}
  }}
}}
"""
LIST = f"""
query($first: Int, $after: String, $status: ScheduleStatus) {{
  viewer {{
    scheduledTransfers(first: $first, after: $after, status: $status) {{
      nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
"""
RUNS = """
query($id: ID!, $first: Int, $after: String) {
  node(id: $id) { ... on ScheduledTransfer { status runs(first: $first, after: $after) {
    nodes {
      number status
      transaction { reference sequence amount { amount } counterparty { name } }
      refusal { __typename message ... on InsufficientFunds { shortfall { amount } } }
    }
    pageInfo { hasNextPage endCursor }
  } } }
}
"""
TOMORROW = str((datetime.now(UTC) + timedelta(days=1)).date())


def change(name: str) -> str:
    return f"""
    mutation($input: ChangeScheduledTransferInput!) {{
      {name}ScheduledTransfer(input: $input) {{
        __typename ... on ScheduledTransferChanged {{ scheduledTransfer {{ {FIELDS} }} }}
      }}
    }}
    """


def planned(to: Someone, **more: Any) -> dict[str, Any]:
    given = {"recipient": {"userId": to.id}, "amount": "12.50", "startsOn": TOMORROW}
    return {**given, "idempotencyKey": new_key(), **more}


async def created(alpha: Someone, beta: Someone, **more: Any) -> Any:
    answer = (await alpha.ask(SCHEDULE, input=planned(beta, **more))).one
    assert answer["__typename"] == "TransferScheduled", answer
    return answer["scheduledTransfer"]


async def changed(alpha: Someone, name: str, schedule: Any) -> Any:
    answer = await alpha.ask(change(name), input={"scheduledTransferId": schedule["id"]})
    return answer.one.get("scheduledTransfer") or answer.one["__typename"]


async def test_a_transfer_is_scheduled_once_per_key(
    world: World, alpha: Someone, beta: Someone
) -> None:
    world.sql("UPDATE users SET time_zone = 'Europe/Berlin' WHERE id = %s", alpha.user_id)
    given = planned(
        beta,
        note=" Rent ",
        recurrence={"unit": "MONTH"},
        endsOn="2099-01-31",
        startsOn="2098-01-31",
    )
    answer = (await alpha.ask(SCHEDULE, input=given)).one
    schedule = answer["scheduledTransfer"]
    assert answer["replayed"] is False
    assert schedule["createdAt"]
    assert {name: schedule[name] for name in schedule if name not in ("id", "createdAt")} == {
        "status": "ACTIVE",
        "amount": {"amount": "12.50"},
        "note": "Rent",
        "recipient": {"id": beta.id, "name": "Beta"},
        "recurrence": {"unit": "MONTH", "interval": 1},
        "startsOn": "2098-01-31",
        "endsOn": "2099-01-31",
        "timeZone": "Europe/Berlin",
        "nextRunAt": "2098-01-31T07:00:00.000000Z",
    }
    # The same with the address, and with the amount written otherwise.
    again = {**given, "recipient": {"email": beta.email}, "amount": "12.5", "note": "Rent"}
    assert (await alpha.ask(SCHEDULE, input=again)).one == {**answer, "replayed": True}
    for other in (
        {"amount": "13"}, {"note": "Loan"}, {"startsOn": "2098-02-01"}, {"endsOn": None},
        {"recurrence": {"unit": "MONTH", "interval": 2}}, {"recipient": {"email": "no"}},
    ):  # fmt: skip
        refused = await alpha.ask(SCHEDULE, input={**given, **other})
        assert refused.one["__typename"] == "IdempotencyKeyReused", other
    world.sql(
        "INSERT INTO handles (handle, user_id) VALUES (%s, %s)",
        f"b{beta.user_id.hex[-12:]}",
        beta.user_id,
    )
    by_handle = {**again, "recipient": {"handle": f"@B{beta.user_id.hex[-12:]}"}}
    assert (await alpha.ask(SCHEDULE, input=by_handle)).one == {**answer, "replayed": True}
    # The time zone is that of the creation.
    world.sql("UPDATE users SET time_zone = 'Asia/Tokyo' WHERE id = %s", alpha.user_id)
    assert (await alpha.ask(SCHEDULE, input=again)).one == {**answer, "replayed": True}
    # Keys of transfers are others.
    sent = await alpha.send(beta, "1", key=given["idempotencyKey"])
    assert sent["__typename"] == "MoneySent"


async def test_what_cannot_be_scheduled_is_refused(
    world: World, alpha: Someone, beta: Someone
) -> None:
    yesterday = str((datetime.now(UTC) - timedelta(days=2)).date())
    stranger = ids.global_id("User", ids.new_id())
    for wrong, refusal, path in (
        ({"amount": "0"}, "InvalidAmount", None),
        ({"startsOn": yesterday}, "InvalidInput", ["startsOn"]),
        ({"endsOn": yesterday}, "InvalidInput", ["endsOn"]),
        (
            {"recurrence": {"unit": "DAY", "interval": 0}},
            "InvalidInput",
            ["recurrence", "interval"],
        ),
        ({"note": "x" * 141}, "InvalidInput", ["note"]),
        ({"idempotencyKey": "short"}, "InvalidInput", ["idempotencyKey"]),
        ({"recipient": {"email": "nobody"}}, "InvalidInput", ["recipient", "email"]),
        ({"recipient": {"userId": stranger}}, "RecipientNotFound", None),
        ({"recipient": {"userId": beta.id + "x"}}, "RecipientNotFound", None),
        ({"recipient": {"userId": alpha.id}}, "CannotPayYourself", None),
    ):
        answer = (await alpha.ask(SCHEDULE, input=planned(beta, **wrong))).one  # type: ignore[arg-type]
        assert answer["__typename"] == refusal, wrong
        assert path is None or answer["fields"][0]["path"] == path
    for malformed in ("2026-02-30", "30.11.2026", "2026-1-1", 20261130):
        assert (await alpha.ask(SCHEDULE, input=planned(beta, startsOn=malformed))).errors
    unverified = await world.join("Gamma", verified=False)
    answer = await unverified.ask(SCHEDULE, input=planned(beta))
    assert answer.one["__typename"] == "EmailNotVerified"
    assert world.sql("SELECT 1 FROM scheduled_transfers WHERE user_id = %s", alpha.user_id) == []


async def test_a_user_has_a_limited_number_of_them(
    world: World, alpha: Someone, beta: Someone
) -> None:
    first = await created(alpha, beta)
    world.sql(
        "INSERT INTO scheduled_transfers (user_id, id, recipient_id, amount, starts_on, time_zone, "
        "created_at, idempotency_key, attempt_at) SELECT user_id, gen_random_uuid(), recipient_id, "
        "amount, starts_on, time_zone, created_at, 'a-key-of-' || n, attempt_at "
        "FROM scheduled_transfers, generate_series(2, 200) AS n WHERE user_id = %s",
        alpha.user_id,
    )
    refused = await alpha.ask(SCHEDULE, input=planned(beta))
    assert refused.one["__typename"] == "InvalidInput"
    assert (await changed(alpha, "end", first))["status"] == "ENDED"
    await created(alpha, beta)


async def test_they_are_listed_paused_resumed_and_ended(alpha: Someone, beta: Someone) -> None:
    monthly = {"unit": "MONTH"}
    made = [await created(alpha, beta, recurrence=monthly) for _ in range(3)]
    paused = await changed(alpha, "pause", made[0])
    assert (paused["status"], paused["nextRunAt"]) == ("PAUSED", None)
    assert await changed(alpha, "pause", made[0]) == paused
    assert await changed(alpha, "resume", made[0]) == made[0]
    assert await changed(alpha, "resume", made[0]) == made[0]
    ended = await changed(alpha, "end", made[1])
    assert (ended["status"], ended["nextRunAt"]) == ("ENDED", None)
    assert await changed(alpha, "end", made[1]) == ended
    for name in ("pause", "resume"):
        assert await changed(alpha, name, made[1]) == "NotFound"

    newest = [made[2], ended, made[0]]
    page = (await alpha.ask(LIST, first=2)).one["scheduledTransfers"]
    assert page["nodes"] == newest[:2]
    assert page["pageInfo"]["hasNextPage"] is True
    rest = (await alpha.ask(LIST, after=page["pageInfo"]["endCursor"])).one["scheduledTransfers"]
    assert (rest["nodes"], rest["pageInfo"]["hasNextPage"]) == (newest[2:], False)
    of_status = (await alpha.ask(LIST, status="ENDED")).one["scheduledTransfers"]
    assert of_status["nodes"] == [ended]
    assert (await alpha.ask(LIST, after="nonsense")).code == "BAD_USER_INPUT"
    # Of another user they do not exist.
    assert (await beta.ask(RUNS, id=ended["id"])).one is None
    assert await changed(beta, "end", made[0]) == "NotFound"
    assert (await beta.ask(LIST)).one["scheduledTransfers"]["nodes"] == []


async def test_runs_show_their_transaction_or_why_they_failed(
    world: World, alpha: Someone, beta: Someone
) -> None:
    schedule = await created(alpha, beta, recurrence={"unit": "DAY"})
    sent = await alpha.send(beta, "12.50")
    row = ids.read_row_id(schedule["id"], "ScheduledTransfer")
    world.sql(
        "INSERT INTO scheduled_runs (user_id, schedule_id, number, due_at, status, sequence, refusal) "
        "VALUES (%(user)s, %(id)s, 1, now(), 'SENT', %(sequence)s, NULL), "
        "(%(user)s, %(id)s, 2, now(), 'FAILED', NULL, NULL), "
        '(%(user)s, %(id)s, 3, now(), \'FAILED\', NULL, \'{"kind": "OfALaterRelease", "facts": {}}\'), '
        "(%(user)s, %(id)s, 4, now(), 'WAITING', NULL, %(refusal)s)".replace(
            "%(user)s", f"'{alpha.user_id}'"
        )
        .replace("%(id)s", f"'{row}'")
        .replace("%(sequence)s", str(sent["transaction"]["sequence"]))
        .replace("%(refusal)s", "%s"),
        '{"kind": "InsufficientFunds", "facts": {"balance": {"minor": 100, "currency": "USD"}, '
        '"shortfall": {"minor": 1150, "currency": "USD"}}}',
    )
    page = (await alpha.ask(RUNS, id=schedule["id"], first=3)).one["runs"]
    waiting, unknown, skipped = page["nodes"]
    assert waiting == {
        "number": 4,
        "status": "WAITING",
        "transaction": None,
        "refusal": {
            "__typename": "InsufficientFunds",
            "message": "Your balance of 1.00 USD is 11.50 USD too low for this transfer.",
            "shortfall": {"amount": "11.50"},
        },
    }
    assert unknown["refusal"] is skipped["refusal"] is None
    assert page["pageInfo"]["hasNextPage"] is True
    after = page["pageInfo"]["endCursor"]
    [first] = (await alpha.ask(RUNS, id=schedule["id"], after=after)).one["runs"]["nodes"]
    assert first["transaction"]["reference"] == sent["transaction"]["reference"]
    assert first["transaction"]["counterparty"] == {"name": "Beta"}


async def test_api_tokens_need_scopes_and_stay_within_their_daily_limit(
    world: World, alpha: Someone, beta: Someone
) -> None:
    async def ask(token: str, query: str, **variables: Any) -> Any:
        return await world.ask(query, token, **variables)

    schedule = await created(alpha, beta)
    sender = await alpha.token("SEND_MONEY")
    scheduler = await alpha.token("SCHEDULE_TRANSFERS")
    for token in (sender, scheduler):
        assert (await ask(token, SCHEDULE, input=planned(beta))).code == "FORBIDDEN"
    named = {"scheduledTransferId": schedule["id"]}
    assert (await ask(sender, change("end"), input=named)).code == "FORBIDDEN"
    assert (await ask(sender, LIST)).code == "FORBIDDEN"
    assert (await ask(sender, RUNS, id=schedule["id"])).one is None
    paused = (await ask(scheduler, change("pause"), input=named)).one["scheduledTransfer"]
    assert (await ask(scheduler, LIST)).one["scheduledTransfers"]["nodes"] == [paused]

    both = await alpha.token("SCHEDULE_TRANSFERS", "SEND_MONEY", dailyLimit="20")
    made = (await ask(both, SCHEDULE, input=planned(beta))).one["scheduledTransfer"]
    refused = (await ask(both, SCHEDULE, input=planned(beta, amount="7.51"))).one
    assert (refused["__typename"], refused["maximum"]["amount"]) == ("InvalidAmount", "7.50")
    # It does not end with the token.
    world.sql("UPDATE api_tokens SET revoked_at = now() WHERE user_id = %s", alpha.user_id)
    assert (await alpha.ask(RUNS, id=made["id"])).one["status"] == "ACTIVE"


async def test_what_schedules_of_an_api_token_sent_counts_towards_its_daily_limit(
    world: World, alpha: Someone, beta: Someone
) -> None:
    token = await alpha.token("SCHEDULE_TRANSFERS", "SEND_MONEY", dailyLimit="20")
    answer = await world.ask(SCHEDULE, token, input=planned(beta, amount="15"))
    row = ids.read_row_id(answer.one["scheduledTransfer"]["id"], "ScheduledTransfer")
    assert row is not None
    world.sql(
        "UPDATE scheduled_transfers SET created_at = now() - interval '2 days', "
        "starts_on = current_date - 1, attempt_at = now() WHERE id = %s",
        row,
    )
    services = world.services
    await run_scheduled_transfer.execute(services, services.limits.currency, alpha.user_id, row)
    assert await beta.balance() == "15.00"
    # The schedule has ended, and leaves 5.00 of the limit.
    refused = (await world.ask(SCHEDULE, token, input=planned(beta, amount="5.01"))).one
    assert (refused["__typename"], refused["maximum"]["amount"]) == ("InvalidAmount", "5.00")
    sending = {"recipient": {"userId": beta.id}, "amount": "5.01", "idempotencyKey": new_key()}
    too_much = (await world.ask(SEND, token, input=sending)).one
    assert (too_much["__typename"], too_much["remaining"]["amount"]) == (
        "TokenLimitExceeded",
        "5.00",
    )
    assert (await world.ask(SEND, token, input={**sending, "amount": "5"})).one["replayed"] is False


async def test_keys_of_runs_are_refused_to_everybody_else(alpha: Someone, beta: Someone) -> None:
    reserved = f"schedule:{ids.new_id()}:1"
    refused = await alpha.send(beta, "1", key=reserved)
    assert refused["fields"] == [
        {
            "path": ["idempotencyKey"],
            "message": "Keys of this form are reserved for scheduled transfers.",
        }
    ]
    for similar in (f"schedule:{ids.new_id()}", "schedule:lunch:1", f"{reserved} "[:64]):
        assert (await alpha.send(beta, "1", key=similar))["__typename"] == "MoneySent"


async def test_a_notification_leads_to_the_scheduled_transfer(
    world: World, alpha: Someone, beta: Someone
) -> None:
    schedule = await created(alpha, beta)
    row = ids.read_row_id(schedule["id"], "ScheduledTransfer")
    world.sql(
        "WITH told AS (UPDATE users SET notification_number = notification_number + 1 WHERE id = %s "
        "RETURNING id, notification_number) INSERT INTO notifications (user_id, number, kind, "
        "created_at, subject_id, person_id, details) SELECT id, notification_number, "
        "'scheduled_transfer_failed', now(), %s, %s, '{\"amount_minor\": 1250}' FROM told",
        alpha.user_id, row, beta.user_id,
    )  # fmt: skip
    query = """{ viewer { notifications(first: 1) { nodes {
        kind message scheduledTransfer { id runs { nodes { number } } }
    } } } }"""
    [told] = (await alpha.ask(query)).one["notifications"]["nodes"]
    assert told == {
        "kind": "SCHEDULED_TRANSFER_FAILED",
        "message": "Your scheduled transfer of 12.50 USD to Beta failed.",
        "scheduledTransfer": {"id": schedule["id"], "runs": {"nodes": []}},
    }
    reader = await alpha.token("READ_TRANSACTIONS")
    [told] = (await world.ask(query, reader)).one["notifications"]["nodes"]
    assert told["scheduledTransfer"] is None
