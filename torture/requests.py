"""The mutations of a run: how a command becomes a request, and what its answer says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain import ids
from torture.client import Answer
from torture.record import Closing, Command, Operation, Outcome
from torture.record_requests import Act, AskedRequest
from torture.record_schedules import AskedSchedule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWER = """
  __typename
  ... on {moved} {{
    replayed
    transaction {{ reference sequence seal balanceAfter {{ amount }} metadata {{ key value }} }}
    viewer {{ sequence balance {{ amount }} }}
  }}
  ... on UserError {{ message }}
  {refusals}
"""
_SENDING_REFUSALS = (
    "... on InsufficientFunds { balance { amount } } ... on ConfirmationRequired { challenge }"
)
DOCUMENTS = {
    Operation.SEND_MONEY: "mutation ($input: SendMoneyInput!) { sendMoney(input: $input) {"
    + _ANSWER.format(moved="MoneySent", refusals=_SENDING_REFUSALS)
    + "} }",
    Operation.ADD_BALANCE: "mutation ($input: AddBalanceInput!) { addBalance(input: $input) {"
    + _ANSWER.format(moved="BalanceAdded", refusals="")
    + "} }",
    Operation.PAY_REQUEST: "mutation ($input: PayRequestInput!) { payRequest(input: $input) {"
    + _ANSWER.format(moved="MoneySent", refusals=_SENDING_REFUSALS)
    + "} }",
}
ASK = """
mutation ($input: RequestMoneyInput!) { requestMoney(input: $input) {
  __typename
  ... on MoneyRequested { paymentRequest { id } replayed }
  ... on UserError { message }
} }
"""
SCHEDULE = """
mutation ($input: ScheduleTransferInput!) { scheduleTransfer(input: $input) {
  __typename
  ... on TransferScheduled { scheduledTransfer { id } replayed }
  ... on UserError { message }
} }
"""
END_SCHEDULE = """
mutation ($id: ID!) { endScheduledTransfer(input: { scheduledTransferId: $id }) {
  __typename ... on UserError { message }
} }
"""
CLOSE_REQUEST = {
    act: f"mutation ($id: ID!) {{ result: {name}Request(input: {{ paymentRequestId: $id }}) {{"
    " __typename ... on UserError { message } } }"
    for act, name in ((Act.DECLINE, "decline"), (Act.CANCEL, "cancel"))
}
CLOSE = """
mutation ($input: CloseIdempotencyKeyInput!) { closeIdempotencyKey(input: $input) {
  __typename
  ... on IdempotencyKeySettled { transaction { reference } }
  ... on UserError { message }
} }
"""
BY_KEY = """
query ($kind: TransactionKind!, $key: String!) { viewer {
  transactionByIdempotencyKey(kind: $kind, idempotencyKey: $key) { reference }
} }
"""
_MOVED = {"MoneySent", "BalanceAdded"}


def decimal(amount_minor: int) -> str:
    """The amount, as the API reads it."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def instant(microseconds: int) -> str:
    """A time in microseconds since 1970, as the API reads it."""
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat()


def minor(amount: str) -> int:
    """Hundredths, from what the API writes."""
    return int(Decimal(amount) * 100)


def pairs(metadata: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    """Key and value of each entry, from what the API writes."""
    return tuple((entry["key"], entry["value"]) for entry in metadata)


def variables(command: Command) -> dict[str, Any]:
    """The variables of the command's document."""
    asked: dict[str, Any] = {"idempotencyKey": command.key}
    if command.metadata:
        asked["metadata"] = [{"key": key, "value": value} for key, value in command.metadata]
    if command.not_after is not None:
        asked["notAfter"] = instant(command.not_after)
    if command.confirmation is not None:
        challenge, code = command.confirmation
        kind = "totpCode" if code.isdigit() else "recoveryCode"
        asked["confirmation"] = {"challenge": challenge, "secondFactor": {kind: code}}
    if command.request_id is not None:
        return {"input": {**asked, "paymentRequestId": command.request_id}}
    asked["amount"] = decimal(command.amount_minor)
    if command.recipient_id is not None:
        asked["recipient"] = {"userId": ids.global_id("User", command.recipient_id)}
        asked["note"] = command.note
    return {"input": asked}


def asking_variables(asked: AskedRequest, expires_at: int | None) -> dict[str, Any]:
    """The variables of `ASK`; the request expires at that time in microseconds since 1970."""
    given: dict[str, Any] = {
        "amount": decimal(asked.amount_minor),
        "idempotencyKey": asked.key,
        "note": asked.note,
    }
    if asked.payer_id is not None:
        given["payer"] = {"userId": ids.global_id("User", asked.payer_id)}
    if expires_at is not None:
        given["expiresAt"] = instant(expires_at)
    return {"input": given}


def schedule_variables(asked: AskedSchedule, day: date) -> dict[str, Any]:
    """The variables of `SCHEDULE`: once, on that day."""
    return {
        "input": {
            "recipient": {"userId": ids.global_id("User", asked.recipient_id)},
            "amount": decimal(asked.amount_minor),
            "note": asked.note,
            "startsOn": day.isoformat(),
            "idempotencyKey": asked.key,
        }
    }


def closing_variables(closing: Closing) -> dict[str, Any]:
    """The variables of `CLOSE`."""
    return {"input": {"kind": closing.operation.kind.name, "idempotencyKey": closing.key}}


def note(command: Command, answer: Answer) -> None:
    """Write into the command what it was answered."""
    result = answer.data[command.operation.value]
    if result["__typename"] not in _MOVED:
        command.outcome = Outcome.REFUSED
        command.refusal = result["__typename"]
        if "balance" in result:
            command.refused_balance_minor = minor(result["balance"]["amount"])
        command.challenge = result.get("challenge")
        return
    command.outcome = Outcome.ACKNOWLEDGED
    command.refusal = None
    command.replayed = result["replayed"]
    moved, viewer = result["transaction"], result["viewer"]
    command.reference = UUID(moved["reference"])
    command.sequence = moved["sequence"]
    command.receipt = moved["seal"]
    command.answered_metadata = pairs(moved["metadata"])
    command.balance_after_minor = minor(moved["balanceAfter"]["amount"])
    command.viewer_sequence = viewer["sequence"]
    command.viewer_balance_minor = minor(viewer["balance"]["amount"])


def note_closing(closing: Closing, answer: Answer) -> None:
    """Write into the closing what it was answered. Raises KeyError for anything but an outcome."""
    transaction = answer.data["closeIdempotencyKey"]["transaction"]
    closing.reference = UUID(transaction["reference"]) if transaction else None
    closing.is_answered = True
