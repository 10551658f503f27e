"""Payment requests: creating, paying, closing and reading them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

import strawberry

import application.close_request
import application.pay_request
import application.remind_payer
import application.request_money
from application import read_requests
from application.services import ReadServices, Services
from domain import errors, ids, paging
from domain.ledger.pay_request import RequestOf
from domain.notifications.notification_kinds import OF_REQUESTS
from domain.people.sessions import Principal, Scope
from domain.requests.payment_requests import PaymentRequest, RequestClosed
from persistence.requests.reading import RequestFilter
from resolvers import step_up, transfers
from resolvers.nodes import Asked, Found
from resolvers.notifications import subject_of
from resolvers.operations import Info
from resolvers.request import RequestContext
from resolvers.viewer_fields import OfViewer
from schema import connections, people, reminders, requests
from schema.arguments import AFTER, FIRST, Description, given
from schema.money import shown_minor

_Closing = Callable[[Services, Principal, RequestOf | None], Awaitable[PaymentRequest]]


async def request_money(
    info: Info,
    input: requests.RequestMoneyInput,  # noqa: A002
) -> requests.RequestMoneyResult:
    services, caller = info.context.services, info.context.caller
    payer = given(input.payer)
    request, replayed = await application.request_money.execute(
        services,
        caller,
        payer=None if payer is None else transfers.named_user(payer),
        is_open=payer is None,
        amount=input.amount,
        note=given(input.note),
        expires_at=given(input.expires_at),
        idempotency_key=input.idempotency_key,
    )
    [shown] = await shown_requests(services, caller, [request])
    return requests.MoneyRequested(payment_request=shown, replayed=replayed)


async def pay_request(
    info: Info,
    input: requests.PayRequestInput,  # noqa: A002
) -> requests.PayRequestResult:
    context = info.context
    async with _closed_as_shown(context):
        movement = await application.pay_request.execute(
            context.services,
            context.caller.authority,
            asked=requests.read_id(input.payment_request_id),
            idempotency_key=input.idempotency_key,
            metadata=transfers.pairs(input.metadata),
            not_after=given(input.not_after),
            confirmation=step_up.confirmation(input.confirmation),
        )
    return transfers.money_sent(context, movement)


async def decline_request(
    info: Info,
    input: requests.DeclineRequestInput,  # noqa: A002
) -> requests.CloseRequestResult:
    return await _close(info, input.payment_request_id, application.close_request.decline)


async def cancel_request(
    info: Info,
    input: requests.CancelRequestInput,  # noqa: A002
) -> requests.CloseRequestResult:
    return await _close(info, input.payment_request_id, application.close_request.cancel)


async def remind_payer(
    info: Info,
    input: reminders.RemindPayerInput,  # noqa: A002
) -> reminders.RemindPayerResult:
    services, caller = info.context.services, info.context.caller
    async with _closed_as_shown(info.context):
        asked = requests.read_id(input.payment_request_id)
        request = await application.remind_payer.execute(services, caller, asked)
    [shown] = await shown_requests(services, caller, [request])
    return reminders.PayerReminded(payment_request=shown)


async def _close(info: Info, given_id: str, execute: _Closing) -> requests.PaymentRequestClosed:
    services, caller = info.context.services, info.context.caller
    async with _closed_as_shown(info.context):
        closed = await execute(services, caller, requests.read_id(given_id))
    [shown] = await shown_requests(services, caller, [closed])
    return requests.PaymentRequestClosed(payment_request=shown)


@contextlib.asynccontextmanager
async def _closed_as_shown(context: RequestContext) -> AsyncIterator[None]:
    """Where the body raises RequestClosed, its request is replaced by what the caller sees of it."""
    try:
        yield
    except RequestClosed as refusal:
        request = refusal.payment_request
        [shown] = await shown_requests(context.services, context.caller, [request])
        raise RequestClosed(shown) from None


# ================================================================ reading


async def listed(
    viewer: OfViewer,
    info: Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
    filter: Annotated[  # noqa: A002
        requests.PaymentRequestFilter | None,
        Description("Only payment requests that match this filter."),
    ] = strawberry.UNSET,
) -> requests.PaymentRequestConnection:
    services, name = info.context.services, requests.LIST_NAME
    chosen = given(filter)
    page = paging.page_request(given(first), given(after))
    found = await read_requests.page(
        services.database,
        viewer.person.user_id,
        RequestFilter()
        if chosen is None
        else RequestFilter(given(chosen.role), given(chosen.status)),
        replace(page, after=_read_cursor(page.after, name)),
    )
    nodes = await shown_requests(services, viewer.principal, found.items)
    edges = [requests.PaymentRequestEdge(cursor=requests.cursor(node), node=node) for node in nodes]
    return requests.PaymentRequestConnection(
        edges=edges,
        nodes=nodes,
        page_info=connections.page_info(found, [edge.cursor for edge in edges], name),
    )


def _read_cursor(cursor: str | None, name: str) -> str | None:
    if cursor is None:
        return None
    position = connections.read_cursor(cursor, name)
    if ids.read_uuid(position) is None:
        raise errors.BadUserInput("This cursor does not belong to this list.")
    return position


async def payment_request(
    info: Info,
    token: Annotated[
        str, Description("The last part of `PaymentRequest.link`; the whole link is accepted too.")
    ],
) -> requests.PaymentRequest | None:
    services, caller = info.context.services, info.context.principal
    found = await read_requests.by_token(services.database, token)
    if found is None:
        return None
    if caller is not None and not caller.may(Scope.REQUEST_MONEY):
        caller = None
    return (await shown_requests(services, caller, [found]))[0]


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not caller.may(Scope.REQUEST_MONEY):
        return {}
    named = {text: requests.read_id(text) for text in asked}
    services = context.services
    found = await read_requests.by_ids(
        services.database, caller.user_id, {each for each in named.values() if each is not None}
    )
    shown = await shown_requests(services, caller, [*found.values()])
    return {each.id: each for each in shown}


# ================================================================ links

#: The key of the link from notifications.
SUBJECT = subject_of(*OF_REQUESTS)


async def by_subject(
    services: ReadServices, principal: Principal, request_ids: Collection[UUID]
) -> dict[UUID, requests.PaymentRequest]:
    found = await read_requests.by_subject(services.database, principal.user_id, request_ids)
    shown = await shown_requests(services, principal, found)
    return {each.request.request_id: each for each in shown}


async def by_reference(
    services: ReadServices, principal: Principal, references: Collection[UUID]
) -> dict[UUID, requests.PaymentRequest]:
    found = await read_requests.by_references(services.database, principal.user_id, references)
    shown = await shown_requests(services, principal, found)
    return {each.request.reference: each for each in shown if each.request.reference is not None}


def reference_of(shown: requests.PaymentRequest) -> UUID | None:
    """The key of a link: the reference of the transaction that paid the request."""
    return shown.request.reference


async def shown_requests(
    services: ReadServices, viewer: Principal | None, found: Sequence[PaymentRequest]
) -> list[requests.PaymentRequest]:
    """The requests as they are now, and as that viewer sees them; one query reads all users.

    Other users than requester and payer, and clients that are signed out (None), see neither link nor
    payer nor split.
    """
    user_id = None if viewer is None else viewer.user_id
    users = await services.people.get({each for request in found for each in request.users})
    now = services.clock()
    shown: list[requests.PaymentRequest] = []
    for each in found:
        request, is_own = each.at(now), each.is_of(user_id)
        payer = users.get(request.payer_id) if is_own and request.payer_id else None
        shown.append(
            requests.PaymentRequest(
                id=requests.global_id(request),
                request=request if is_own else replace(request, split_id=None),
                requester=people.shown(users[request.requester_id], to=user_id),
                payer=None if payer is None else people.shown(payer, to=user_id),
                amount=shown_minor(request.amount_minor, services.limits.currency),
                note=request.note,
                status=request.status,
                link=f"{services.settings.app_url}/r/{request.token}" if is_own else None,
                created_at=request.created_at,
                expires_at=request.expires_at,
                closed_at=request.closed_at,
            )
        )
    return shown
