"""Reading payment requests: a user's own, and the one of a link."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from domain.paging import Page, PageRequest
from domain.requests import payment_requests
from domain.requests.payment_requests import PaymentRequest, Role, Status
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.requests import request_rows

_NEWEST = UUID(int=2**128 - 1)
_BY_IDS = Query(
    f"SELECT {request_rows.COLUMNS} FROM payment_requests "  # noqa: S608
    "WHERE user_id = :user_id AND id = ANY(CAST(:request_ids AS uuid[]))"
)
_BY_REFERENCES = Query(
    f"SELECT {request_rows.COLUMNS} FROM payment_requests "  # noqa: S608
    "WHERE user_id = :user_id AND reference = ANY(CAST(:references AS uuid[]))"
)
# The secret is compared in hexadecimal, as parameters are text.
_BY_SECRET = Query(
    f"SELECT {request_rows.COLUMNS} FROM payment_requests "  # noqa: S608
    "WHERE user_id = :requester_id AND secret = decode(:secret, 'hex') AND role = 'requester'"
)
_PAGE = (
    f"SELECT {request_rows.COLUMNS} FROM payment_requests WHERE user_id = :user_id AND id < :before "  # noqa: S608
    "AND {condition} ORDER BY id DESC LIMIT :limit"
)
# A request whose time is over counts as expired before a job has recorded that.
_STORED_AS = {
    Status.PENDING: ["status = 'pending' AND expires_at > clock_timestamp()"],
    Status.EXPIRED: [
        "status = 'expired'",
        "status = 'pending' AND expires_at <= clock_timestamp()",
    ],
}


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests of a user to list; None is all."""

    role: Role | None = None
    status: Status | None = None


async def by_ids(
    db: Database, user_id: UUID, request_ids: Collection[UUID]
) -> dict[UUID, PaymentRequest]:
    """Those of the requests that the user made or is to pay, in one query."""
    if not request_ids:
        return {}
    rows = await db.rows(_BY_IDS.bind(user_id=user_id, request_ids=request_ids))
    return {request.request_id: request for request in map(request_rows.from_row, rows)}


async def by_references(
    db: Database, user_id: UUID, references: Collection[UUID]
) -> dict[UUID, PaymentRequest]:
    """The user's requests that those transactions paid, by the transactions' references, in one query."""
    if not references:
        return {}
    rows = await db.rows(_BY_REFERENCES.bind(user_id=user_id, references=references))
    found = map(request_rows.from_row, rows)
    return {request.reference: request for request in found if request.reference is not None}


async def by_token(db: Database, token: str) -> PaymentRequest | None:
    """The request with that token of a link; None if there is none."""
    named = payment_requests.read_token(token)
    if named is None:
        return None
    requester_id, secret = named
    rows = await db.rows(_BY_SECRET.bind(requester_id=requester_id, secret=secret.hex()))
    return request_rows.from_row(rows[0]) if rows else None


async def page(
    db: Database, user_id: UUID, chosen: RequestFilter, request: PageRequest
) -> Page[PaymentRequest]:
    """A page of the user's requests, newest first. Cursors are ids; there is no `before`."""
    before = _NEWEST if request.after is None else UUID(request.after)
    query = _QUERIES[chosen]
    rows = await db.rows(query.bind(user_id=user_id, before=before, limit=request.size + 1))
    found = [request_rows.from_row(row) for row in rows]
    return Page(
        found[: request.size],
        has_next=len(found) > request.size,
        has_previous=request.after is not None,
    )


def _query(chosen: RequestFilter) -> Query:
    """Each role and status is a range of an index, and so is a user's whole list."""
    if chosen.role is None and chosen.status is None:
        return Query(_PAGE.format(condition="true"))
    roles = list(Role) if chosen.role is None else [chosen.role]
    statuses = list(Status) if chosen.status is None else [chosen.status]
    stored = {
        condition
        for status in statuses
        for condition in (
            [f"status = '{status}'"]
            if chosen.status is None
            else _STORED_AS.get(status, [f"status = '{status}'"])
        )
    }
    ranges = " UNION ALL ".join(
        "(" + _PAGE.format(condition=f"role = '{role}' AND {condition}") + ")"
        for role in roles
        for condition in sorted(stored)
    )
    return Query(f"SELECT * FROM ({ranges}) AS r ORDER BY id DESC LIMIT :limit")  # noqa: S608


_QUERIES = {
    chosen: _query(chosen)
    for chosen in (
        RequestFilter(role, status) for role in (None, *Role) for status in (None, *Status)
    )
}
