"""Transfers that need a second factor: which, what a challenge is good for, and what thieves gain."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.people.sessions import Scope
from tests import authenticator_apps
from tests.authenticator_apps import AuthenticatorApp
from tests.resolvers.world import Someone, World, new_key

pytestmark = pytest.mark.anyio

_CONFIRMATION = """
    ... on UserError { message }
    ... on ConfirmationRequired { challenge methods passkeyOptions }
"""
SEND = f"""
mutation($input: SendMoneyInput!) {{ sendMoney(input: $input) {{
  __typename ... on MoneySent {{ replayed transaction {{ reference amount {{ amount }} }} }}
  ... on TokenLimitExceeded {{ remaining {{ amount }} }} {_CONFIRMATION} }} }}
"""
PAY = f"""
mutation($input: PayRequestInput!) {{ payRequest(input: $input) {{
  __typename ... on MoneySent {{ replayed }} {_CONFIRMATION} }} }}
"""
SCHEDULE = f"""
mutation($input: ScheduleTransferInput!) {{ scheduleTransfer(input: $input) {{
  __typename ... on TransferScheduled {{ replayed }} {_CONFIRMATION} }} }}
"""
REQUEST = """
mutation($input: RequestMoneyInput!) { requestMoney(input: $input) {
  ... on MoneyRequested { paymentRequest { id } } ... on UserError { message } } }
"""
PREVIEW = """
query($amount: Decimal!, $recipient: RecipientInput) {
  transferPreview(amount: $amount, recipient: $recipient) {
    ... on TransferPreview { needsConfirmation maximumSendable { amount } shortfall { amount } } } }
"""
CREATE_TOKEN = """
mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) {
  __typename ... on InvalidInput { fields { path message } } ... on UserError { message } } }
"""
SET_CONFIRM_ABOVE = """
mutation($input: SetConfirmAboveInput!) { setConfirmAbove(input: $input) { __typename } }
"""
TOMORROW, LATER = ((datetime.now(UTC) + timedelta(days=days)).date().isoformat() for days in (1, 2))


@pytest.fixture
async def app(alpha: Someone, beta: Someone) -> AuthenticatorApp:
    """Alpha has an authenticator app since the first payment to Beta; above 10.00 it is needed."""
    assert (await alpha.send(beta, "1"))["__typename"] == "MoneySent"
    return await authenticator_apps.enable(alpha, confirm_above=1_000)


async def ask(who: Someone, document: str, asked: dict[str, Any], **more: Any) -> Any:
    return (await who.ask(document, input={**asked, **more})).one


def sending(to: Someone, amount: str = "10.01", **more: Any) -> dict[str, Any]:
    return {"recipient": {"userId": to.id}, "amount": amount, "idempotencyKey": new_key(), **more}


def scheduling(to: Someone, amount: str = "10.01", **more: Any) -> dict[str, Any]:
    return {**sending(to, amount), "startsOn": TOMORROW, **more}


async def request_of(requester: Someone, amount: str = "10.01") -> str:
    made = await ask(requester, REQUEST, {"amount": amount, "idempotencyKey": new_key()})
    return str(made["paymentRequest"]["id"])


async def paying(requester: Someone, amount: str = "10.01") -> dict[str, Any]:
    return {
        "paymentRequestId": await request_of(requester, amount),
        "idempotencyKey": new_key(),
    }


def state(world: World) -> list[Any]:
    """Everything that a transfer or a schedule changes, and what confirmations use up."""
    return [
        *world.books(),
        *world.sql("SELECT user_id, id, status FROM scheduled_transfers ORDER BY 1, 2"),
        *world.sql("SELECT user_id, id, last_step FROM totp_factors ORDER BY 1, 2"),
        *world.sql(
            "SELECT user_id, id FROM recovery_codes WHERE used_at IS NOT NULL ORDER BY 1, 2"
        ),
        *world.sql(
            "SELECT user_id, id FROM second_factor_challenges WHERE used_at IS NOT NULL ORDER BY 1, 2"
        ),
    ]


# ================================================================ what has to be confirmed


async def test_large_transfers_and_first_payments_are_confirmed_and_others_are_not(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    gamma = await world.join("Gamma")
    large, first = sending(beta), sending(gamma, "0.01")
    for asked in (large, first):
        before = world.books()
        refused = await ask(alpha, SEND, asked)
        assert refused["__typename"] == "ConfirmationRequired", refused
        assert refused["methods"] == ["TOTP", "RECOVERY_CODE"]
        assert refused["passkeyOptions"] is None
        assert world.books() == before
        sent = await ask(alpha, SEND, asked, confirmation=app.answer(refused))
        assert sent["__typename"] == "MoneySent", sent
    for asked in (sending(beta, "10"), sending(gamma, "10")):
        assert (await ask(alpha, SEND, asked))["__typename"] == "MoneySent"
    assert world.metrics.transfers[-2:] == ["moved", "moved"]
    # Nobody without a second factor is asked for one, and an answer that is not needed is not used.
    assert (await ask(beta, SEND, sending(gamma)))["__typename"] == "MoneySent"
    useless = {"challenge": "nonsense", "secondFactor": {"totpCode": "000000"}}
    assert (await ask(alpha, SEND, sending(beta, "1"), confirmation=useless))["replayed"] is False


@pytest.mark.parametrize("operation", ["send", "pay", "schedule"])
async def test_a_challenge_confirms_its_own_request_once(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp, operation: str
) -> None:
    document = {"send": SEND, "pay": PAY, "schedule": SCHEDULE}[operation]
    gamma = await world.join("Gamma")
    if operation == "pay":
        asked, done = await paying(beta), "MoneySent"
        others = [
            {"paymentRequestId": await request_of(beta)},
            {"paymentRequestId": await request_of(beta, "10.02")},
            {"paymentRequestId": await request_of(gamma)},
        ]
    else:
        asked = sending(beta) if operation == "send" else scheduling(beta)
        done = "MoneySent" if operation == "send" else "TransferScheduled"
        others = [{"amount": "10.02"}, {"recipient": {"userId": gamma.id}}]
        if operation == "schedule":
            others += [{"startsOn": LATER}, {"recurrence": {"unit": "DAY", "interval": 1}}]
    refused = await ask(alpha, document, asked)
    answer = app.answer(refused)
    before = state(world)
    for other in (*others, {"idempotencyKey": new_key()}):
        invalid = await ask(alpha, document, asked, **other, confirmation=answer)
        assert invalid["__typename"] == "InvalidSecondFactor", (other, invalid)
    assert state(world) == before
    # Nor is one for sending now good for sending later.
    if operation != "pay":
        across, more = (SCHEDULE, {"startsOn": TOMORROW}) if operation == "send" else (SEND, {})
        kept = {key: asked[key] for key in ("recipient", "amount", "idempotencyKey")}
        invalid = await ask(alpha, across, kept, **more, confirmation=answer)
        assert invalid["__typename"] == "InvalidSecondFactor"
    assert (await ask(alpha, document, asked, confirmation=answer))["__typename"] == done
    # Again with the same answer, with a wrong one and with none: the key is replayed.
    wrong = {"challenge": refused["challenge"], "secondFactor": {"totpCode": app.wrong_code()}}
    after = state(world)
    for confirmation in (answer, wrong, None):
        again = await ask(alpha, document, asked, confirmation=confirmation)
        assert (again["__typename"], again["replayed"]) == (done, True)
    # The challenge and the code are used.
    code = answer["secondFactor"]["totpCode"]
    if operation != "pay":
        other = {**asked, "idempotencyKey": new_key()}
        second = await ask(alpha, document, other)
        for confirmation in (
            answer,
            app.answer(second, code) | {"challenge": refused["challenge"]},
        ):
            invalid = await ask(alpha, document, other, confirmation=confirmation)
            assert invalid["__typename"] == "InvalidSecondFactor"
    assert len(state(world)) == len(after)


async def test_a_used_code_an_expired_challenge_and_wrong_answers_move_nothing(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    first = sending(beta)
    answer = app.answer(await ask(alpha, SEND, first))
    assert (await ask(alpha, SEND, first, confirmation=answer))["__typename"] == "MoneySent"
    before = state(world)
    asked = sending(beta)
    refused = await ask(alpha, SEND, asked)
    used = {"challenge": refused["challenge"], "secondFactor": answer["secondFactor"]}
    wrong = {**used, "secondFactor": {"totpCode": app.wrong_code()}}
    foreign = {**used, "secondFactor": {"recoveryCode": "aaaa-aaaa-aaaa-aaaa"}}
    passkey = {**used, "secondFactor": {"passkey": {"rawId": "AA", "response": {}}}}
    for confirmation in (used, wrong, foreign, passkey):
        invalid = await ask(alpha, SEND, asked, confirmation=confirmation)
        assert invalid["__typename"] == "InvalidSecondFactor", invalid
    altered = {**used, "challenge": refused["challenge"][:-2] + "AA"}
    assert (await ask(alpha, SEND, asked, confirmation=altered))["__typename"] == (
        "InvalidSecondFactor"
    )
    assert state(world) == before
    ((attempts,),) = world.sql(
        "SELECT attempts FROM second_factor_challenges WHERE user_id = %s AND used_at IS NULL",
        alpha.user_id,
    )
    assert attempts == 4
    # The last of ten wrong answers ends the challenge, also for the correct one.
    world.sql("UPDATE second_factor_challenges SET attempts = 9 WHERE user_id = %s", alpha.user_id)
    await ask(alpha, SEND, asked, confirmation=wrong)
    right = app.answer(refused)
    assert (await ask(alpha, SEND, asked, confirmation=right))["__typename"] == (
        "InvalidSecondFactor"
    )
    refused = await ask(alpha, SEND, asked)
    world.sql(
        "UPDATE second_factor_challenges SET expires_at = now() - interval '1 second' "
        "WHERE user_id = %s",
        alpha.user_id,
    )
    late = await ask(alpha, SEND, asked, confirmation=app.answer(refused))
    assert late["__typename"] == "InvalidSecondFactor"
    assert world.books() == before[: len(world.books())]


async def test_too_many_wrong_answers_are_limited_but_replays_are_answered(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    done = sending(beta)
    answer = app.answer(await ask(alpha, SEND, done))
    await ask(alpha, SEND, done, confirmation=answer)
    world.sql(
        "INSERT INTO second_factor_failures (user_id, id, failed_at) "
        "SELECT %s, gen_random_uuid(), now() FROM generate_series(1, 20)",
        alpha.user_id,
    )
    asked = sending(beta)
    confirmation = app.answer(await ask(alpha, SEND, asked))
    limited = await alpha.ask(SEND, input={**asked, "confirmation": confirmation})
    assert limited.code == "RATE_LIMITED"
    assert (await ask(alpha, SEND, done, confirmation=confirmation))["replayed"] is True


async def test_a_recovery_code_confirms_once_and_is_told(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    code = {"recoveryCode": app.recovery_codes[0]}
    for expected in ("MoneySent", "InvalidSecondFactor"):
        asked = sending(beta)
        refused = await ask(alpha, SEND, asked)
        confirmation = {"challenge": refused["challenge"], "secondFactor": code}
        outcome = await ask(alpha, SEND, asked, confirmation=confirmation)
        assert outcome["__typename"] == expected
    ((changes,),) = world.sql(
        "SELECT count(*) FROM notifications WHERE user_id = %s "
        "AND details ->> 'change' = 'recovery_code_used'",
        alpha.user_id,
    )
    assert changes == 1


async def test_nobody_is_asked_to_confirm_what_would_be_refused(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    challenges = "SELECT count(*) FROM second_factor_challenges"
    before = world.sql(challenges)
    for asked, refusal in (
        (sending(beta, "5000"), "InsufficientFunds"),
        (sending(beta, "10.001"), "InvalidAmount"),
        (sending(alpha), "CannotPayYourself"),
        ({**sending(beta), "recipient": {"email": "nobody@example.com"}}, "RecipientNotFound"),
        ({**sending(beta), "notAfter": "2020-01-01T00:00:00Z"}, "TooLate"),
    ):
        useless = {"challenge": "nonsense", "secondFactor": {"totpCode": "000000"}}
        for more in ({}, {"confirmation": useless}):
            assert (await ask(alpha, SEND, asked, **more))["__typename"] == refusal
    assert (await ask(alpha, SCHEDULE, scheduling(alpha)))["__typename"] == "CannotPayYourself"
    assert world.sql(challenges) == before


# ================================================================ programs


async def test_programs_are_exempt_within_their_daily_limit_and_need_one(
    world: World, alpha: Someone, beta: Someone
) -> None:
    gamma = await world.join("Gamma")
    every = [Scope.SEND_MONEY, Scope.SCHEDULE_TRANSFERS]
    old, limited = await alpha.token(*every), await alpha.token(*every, dailyLimit="50")
    await authenticator_apps.enable(alpha, confirm_above=1_000)
    created = await ask(alpha, CREATE_TOKEN, {"name": "new", "scopes": ["SEND_MONEY"]})
    assert created["fields"][0]["path"] == ["dailyLimit"]
    for scopes, limit in ((["READ_TRANSACTIONS"], {}), (["SEND_MONEY"], {"dailyLimit": "5"})):
        created = await ask(alpha, CREATE_TOKEN, {"name": "new", "scopes": scopes, **limit})
        assert created["__typename"] == "ApiTokenCreated"
    refused = (await world.ask(SEND, old, input=sending(beta, "1"))).one
    assert (refused["__typename"], refused["remaining"]["amount"]) == ("TokenLimitExceeded", "0.00")
    assert "daily limit" in refused["message"]
    assert (await world.ask(SEND, limited, input=sending(gamma, "20"))).one["replayed"] is False
    later = (await world.ask(SCHEDULE, old, input=scheduling(beta, "1"))).one
    assert (later["__typename"], "daily limit" in later["message"]) == ("InvalidAmount", True)
    later = (await world.ask(SCHEDULE, limited, input=scheduling(gamma, "20"))).one
    assert later["__typename"] == "TransferScheduled"
    preview = (await world.ask(PREVIEW, old, amount="1")).one
    assert preview["maximumSendable"]["amount"] == "0.00"
    assert preview["needsConfirmation"] is False


async def test_the_preview_says_whether_sending_needs_a_second_factor(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    gamma, token = await world.join("Gamma"), await alpha.token(Scope.SEND_MONEY, dailyLimit="50")

    async def needs(amount: str, to: Someone | None, bearer: str = alpha.bearer) -> bool:
        recipient = None if to is None else {"userId": to.id}
        answer = await world.ask(PREVIEW, bearer, amount=amount, recipient=recipient)
        return bool(answer.one["needsConfirmation"])

    asked = [("10", beta), ("10.01", beta), ("10", gamma), ("10", None), ("10.01", None)]
    assert [await needs(*each) for each in asked] == [False, True, True, False, True]
    for amount, to in asked[:3]:
        is_asked = (await ask(alpha, SEND, sending(to or beta, amount)))["__typename"]
        assert (is_asked == "ConfirmationRequired") is await needs(amount, to)
    assert not await needs("10.01", gamma, token)
    assert not await needs("0.50", gamma, beta.bearer)


# ================================================================ thieves and races


async def test_a_stolen_session_gains_a_thief_no_money_step_by_step(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    # The session was begun, and confirmed, before the app was enabled; the thief comes a day later.
    world.sql(
        "UPDATE sessions SET created_at = created_at - interval '1 day', "
        "confirmed_at = now() - interval '1 day' WHERE user_id = %s",
        alpha.user_id,
    )
    thief = await world.join("Thief")
    before = state(world)
    stolen = [
        (SEND, sending(thief, "0.01")),
        (SEND, sending(beta)),
        (PAY, await paying(thief, "0.01")),
        (PAY, await paying(beta)),
        (SCHEDULE, scheduling(thief, "0.01")),
        (SCHEDULE, scheduling(beta)),
    ]
    guess = {"totpCode": app.wrong_code()}
    before = state(world)
    for document, asked in stolen:
        refused = await ask(alpha, document, asked)
        assert refused["__typename"] == "ConfirmationRequired", document
        for second_factor in (guess, {"recoveryCode": "b3kq-72xa-m5pd-vw6t"}):
            confirmation = {"challenge": refused["challenge"], "secondFactor": second_factor}
            invalid = await ask(alpha, document, asked, confirmation=confirmation)
            assert invalid["__typename"] == "InvalidSecondFactor"
    for document, asked in (
        (CREATE_TOKEN, {"name": "mine", "scopes": ["SEND_MONEY"], "dailyLimit": "1000"}),
        (SET_CONFIRM_ABOVE, {"amount": "1000"}),
    ):
        answer = await alpha.ask(document, input=asked)
        assert (answer.code, answer.reason) == ("FORBIDDEN", "CONFIRM_SESSION")
    # Challenges of a session of the thief's own are worth nothing either.
    own = await authenticator_apps.enable(thief, confirm_above=1)
    await thief.add("20")
    theirs = await ask(thief, SEND, sending(beta))
    invalid = await ask(alpha, SEND, sending(beta), confirmation=own.answer(theirs))
    assert invalid["__typename"] == "InvalidSecondFactor"
    ((balance,),) = world.sql("SELECT balance FROM users WHERE id = %s", alpha.user_id)
    assert balance == 99_900
    assert all(row in state(world) for row in before if row[0] == alpha.user_id)


async def test_of_fifty_requests_with_one_answer_one_moves_money(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    asked = sending(beta)
    confirmation = app.answer(await ask(alpha, SEND, asked))
    outcomes = await asyncio.gather(
        *(ask(alpha, SEND, asked, confirmation=confirmation) for _ in range(50))
    )
    assert {each["__typename"] for each in outcomes} == {"MoneySent"}
    assert sorted(each["replayed"] for each in outcomes) == [False] + [True] * 49
    assert await alpha.balance() == "988.99"


async def test_of_two_devices_with_one_code_one_moves_money(
    world: World, alpha: Someone, beta: Someone, app: AuthenticatorApp
) -> None:
    for _ in range(3):
        requests = [sending(beta), sending(beta), scheduling(beta)]
        documents = [SEND, SEND, SCHEDULE]
        refused = [
            await ask(alpha, document, asked)
            for document, asked in zip(documents, requests, strict=True)
        ]
        code = app.code()
        outcomes = await asyncio.gather(
            *(
                ask(alpha, document, asked, confirmation=app_answer(each, code))
                for document, asked, each in zip(documents, requests, refused, strict=True)
            )
        )
        kinds = sorted(each["__typename"] for each in outcomes)
        assert kinds[:2] == ["InvalidSecondFactor"] * 2, kinds
        assert kinds[2] in ("MoneySent", "TransferScheduled")


def app_answer(refused: dict[str, Any], code: str) -> dict[str, Any]:
    return {"challenge": refused["challenge"], "secondFactor": {"totpCode": code}}
