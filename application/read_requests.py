"""Read payment requests; the caller has checked permission."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from domain import paging
from domain.ledger.pay_request import RequestOf
from domain.requests.payment_requests import PaymentRequest
from persistence.engine.database import Database
from persistence.requests import reading
from persistence.requests.reading import RequestFilter


async def page(
    database: Database, user_id: UUID, chosen: RequestFilter, request: paging.PageRequest
) -> paging.Page[PaymentRequest]:
    """A page of the requests that the user made or is to pay, newest first."""
    return await reading.page(database, user_id, chosen, request)


async def by_ids(
    database: Database, user_id: UUID, asked: Collection[RequestOf]
) -> dict[RequestOf, PaymentRequest]:
    """Those of the requests that the user made or is to pay."""
    found = await reading.by_ids(database, user_id, [each.request_id for each in asked])
    requests = {RequestOf(each.requester_id, each.request_id): each for each in found.values()}
    return {each: requests[each] for each in asked if each in requests}


async def by_subject(
    database: Database, user_id: UUID, request_ids: Collection[UUID]
) -> list[PaymentRequest]:
    """Those of the requests that the user made or is to pay, by their ids alone."""
    return [*(await reading.by_ids(database, user_id, request_ids)).values()]


async def by_references(
    database: Database, user_id: UUID, references: Collection[UUID]
) -> list[PaymentRequest]:
    """The requests that those transactions of the user paid."""
    return [*(await reading.by_references(database, user_id, references)).values()]


async def by_token(database: Database, token: str) -> PaymentRequest | None:
    """The request that the token of its link names; None if there is none."""
    return await reading.by_token(database, token)
