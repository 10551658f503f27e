"""Conversion of rows of the table of payment requests into requests of the domain, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.requests.payment_requests import PaymentRequest, Role, Status
from persistence.engine.unit_of_work import Unit

#: In the order of the fields of `PaymentRequest`.
COLUMNS = (
    "id, requester_id, payer_id, is_open, amount, note, status, created_at, expires_at, closed_at, "
    "secret, reference, split_id"
)
_STATUS = COLUMNS.split(", ").index("status")

_OF_REQUESTER = text(
    f"SELECT {COLUMNS} FROM payment_requests "  # noqa: S608
    "WHERE user_id = :requester_id AND id = :request_id AND role = 'requester'"
)
_INSERT = text(
    "INSERT INTO payment_requests (user_id, id, role, requester_id, payer_id, is_open, amount, note, "
    "status, created_at, expires_at, secret, split_id, idempotency_key) VALUES (:user_id, :id, :role, "
    ":requester_id, :payer_id, :is_open, :amount, :note, 'pending', :created_at, :expires_at, :secret, "
    ":split_id, :idempotency_key)"
)
# The same in all rows of the request.
_CLOSE = text(
    "UPDATE payment_requests SET status = :status, closed_at = :closed_at "
    "WHERE user_id = ANY(CAST(:user_ids AS uuid[])) AND id = :id"
)

_CLOSE_ALL = text(
    "UPDATE payment_requests AS r SET status = c.status, closed_at = c.closed_at "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:closed_at AS timestamptz[])) "
    "AS c (id, status, closed_at) "
    "WHERE r.user_id = ANY(CAST(:user_ids AS uuid[])) AND r.id = c.id"
)


def from_row(row: Sequence[Any]) -> PaymentRequest:
    """The request in a row of `COLUMNS`."""
    values = [*row]
    values[_STATUS] = Status(values[_STATUS])
    return PaymentRequest(*values)


async def of_requester(unit: Unit, requester_id: UUID, request_id: UUID) -> PaymentRequest | None:
    """The request, as it is stored under its requester; None if it does not exist."""
    found = await unit.connection.execute(
        _OF_REQUESTER, {"requester_id": requester_id, "request_id": request_id}
    )
    row = found.one_or_none()
    return None if row is None else from_row(row)


async def insert(unit: Unit, requests: Sequence[PaymentRequest], key: str | None = None) -> None:
    """Store new requests under their users, who are locked; `key` is the requester's, for a single one."""
    rows = [
        {
            "user_id": user_id,
            "id": request.request_id,
            "role": Role.REQUESTER if user_id == request.requester_id else Role.PAYER,
            "requester_id": request.requester_id,
            "payer_id": request.payer_id,
            "is_open": request.is_open,
            "amount": request.amount_minor,
            "note": request.note,
            "created_at": request.created_at,
            "expires_at": request.expires_at,
            "secret": request.secret,
            "split_id": request.split_id,
            "idempotency_key": key if user_id == request.requester_id else None,
        }
        for request in requests
        for user_id in request.users
    ]
    await unit.connection.execute(_INSERT, rows)


async def close_all(unit: Unit, closed: Sequence[PaymentRequest]) -> None:
    """Store the statuses of requests, as `close` does."""
    await unit.connection.execute(
        _CLOSE_ALL,
        {
            "user_ids": list({user_id for request in closed for user_id in request.users}),
            "ids": [request.request_id for request in closed],
            "statuses": [request.status.value for request in closed],
            "closed_at": [request.closed_at for request in closed],
        },
    )


async def close(unit: Unit, closed: PaymentRequest) -> None:
    """Store the status of a request, under all of its users, who are locked."""
    await unit.connection.execute(
        _CLOSE,
        {
            "user_ids": list(closed.users),
            "id": closed.request_id,
            "status": closed.status.value,
            "closed_at": closed.closed_at,
        },
    )
