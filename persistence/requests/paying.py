"""What a ledger commit reads and writes of payment requests: one statement of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.ledger.pay_request import ClosePaidRequest, RequestOf, StoreForPayer
from domain.requests.payment_requests import PaymentRequest
from persistence.engine import pipeline
from persistence.engine.pipeline import Rows, Statement
from persistence.ledger.look_ups import Query
from persistence.requests import request_rows

_OF_REQUEST = ", ".join(f"r.{column}" for column in request_rows.COLUMNS.split(", "))
_READ = f"""
SELECT {_OF_REQUEST} FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
JOIN payment_requests AS r ON r.user_id = asked.user_id AND r.id = asked.id AND r.role = 'requester'
""".encode()  # noqa: S608
_CLOSE = b"""
UPDATE payment_requests
SET status = 'paid', payer_id = paid.payer_id, closed_at = paid.closed_at, reference = paid.reference
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[])
    AS paid (user_id, id, payer_id, closed_at, reference)
WHERE payment_requests.user_id = paid.user_id AND payment_requests.id = paid.id
    AND payment_requests.user_id = ANY ($1::uuid[])
"""
_STORE = b"""
INSERT INTO payment_requests (user_id, id, role, requester_id, payer_id, is_open, amount, note, status,
    created_at, expires_at, closed_at, secret, reference)
SELECT payer_id, id, 'payer', requester_id, payer_id, true, amount, note, 'paid', created_at, expires_at,
    closed_at, secret, reference
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::timestamptz[],
    $7::timestamptz[], $8::timestamptz[], $9::bytea[], $10::uuid[])
    AS paid (id, requester_id, payer_id, amount, note, created_at, expires_at, closed_at, secret, reference)
"""


def _requests(asked: Sequence[RequestOf]) -> Statement:
    array = pipeline.array
    return _READ, (
        array(each.requester_id for each in asked),
        array(each.request_id for each in asked),
    )


def _read_requests(rows: Rows) -> Mapping[RequestOf, PaymentRequest]:
    return {
        RequestOf(request.requester_id, request.request_id): request
        for request in map(request_rows.from_row, rows)
    }


REQUESTS = Query(_requests, _read_requests)


def close_paid_requests(effects: Sequence[ClosePaidRequest]) -> Statement:
    """Record the payments in rows of requests that exist already."""
    array = pipeline.array
    return _CLOSE, (
        array(each.user_id for each in effects),
        array(each.request.request_id for each in effects),
        array(each.request.payer_id for each in effects),
        array(each.request.closed_at for each in effects),
        array(each.request.reference for each in effects),
    )


def store_for_payers(effects: Sequence[StoreForPayer]) -> Statement:
    """Store open requests, which were paid, under their payers."""
    array = pipeline.array
    paid = [each.request for each in effects]
    return _STORE, (
        array(each.request_id for each in paid),
        array(each.requester_id for each in paid),
        array(each.payer_id for each in paid),
        array(each.amount_minor for each in paid),
        array(each.note for each in paid),
        array(each.created_at for each in paid),
        array(each.expires_at for each in paid),
        array(each.closed_at for each in paid),
        array(each.secret for each in paid),
        array(each.reference for each in paid),
    )
