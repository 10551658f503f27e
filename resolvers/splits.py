"""Splitting bills, and reading splits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from uuid import UUID

import application.split_bill
from application.services import ReadServices
from domain import ids
from domain.people.sessions import Principal, Scope
from persistence.requests.splitting import Split
from resolvers import requests, transfers
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import splits
from schema.arguments import given
from schema.requests import PaymentRequest


async def split_bill(info: Info, input: splits.SplitBillInput) -> splits.SplitBillResult:  # noqa: A002
    services, caller = info.context.services, info.context.caller
    split, replayed = await application.split_bill.execute(
        services,
        caller,
        total=input.total,
        payers=[transfers.named_user(payer) for payer in input.payers],
        includes_caller=input.includes_viewer,
        amounts=given(input.amounts),
        note=given(input.note),
        expires_at=given(input.expires_at),
        idempotency_key=input.idempotency_key,
    )
    [shown] = await _shown(services, caller, [split])
    return splits.BillWasSplit(split=shown, replayed=replayed)


def split_of(request: PaymentRequest) -> UUID | None:
    """The key of the link from a request to its split, for the requester and the payer, who see its link."""
    return None if request.link is None else request.request.split_id


async def linked(
    services: ReadServices, viewer: Principal, split_ids: Collection[UUID]
) -> dict[UUID, splits.BillSplit]:
    found = await application.split_bill.by_ids(services, viewer.user_id, split_ids)
    shown = await _shown(services, viewer, found)
    return {split.split_id: each for (split, _), each in zip(found, shown, strict=True)}


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not caller.may(Scope.REQUEST_MONEY):
        return {}
    named = {ids.read_row_id(text, "BillSplit") for text in asked} - {None}
    wanted = [split_id for split_id in named if split_id is not None]
    found = await linked(context.services, caller, wanted)
    return {shown.id: shown for shown in found.values()}


async def _shown(
    services: ReadServices, viewer: Principal, found: Sequence[Split]
) -> list[splits.BillSplit]:
    """The splits as that viewer sees them; one query reads the users of all."""
    of_all = [request for _, of_split in found for request in of_split]
    shown = iter(await requests.shown_requests(services, viewer, of_all))
    return [
        splits.shown(split, list(islice(shown, len(of_split))), services.limits.currency)
        for split, of_split in found
    ]
