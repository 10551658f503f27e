"""Webhooks: created and managed by signed-in users, and by programs with MANAGE_WEBHOOKS."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import strawberry

import application.create_webhook
import application.delete_webhook
import application.replay_webhook
import application.rotate_webhook_secret
import application.try_webhook
import application.update_webhook
from application import read_webhooks
from application.services import ReadServices
from domain import errors, ids, paging
from domain.people.sessions import Principal, Scope
from resolvers import bound_fields
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from resolvers.viewer_fields import OfViewer
from schema import connections, inputs, results, viewers, webhook_attempts, webhooks
from schema.arguments import AFTER, FIRST, given
from schema.scalars import JSON


async def listed(viewer: OfViewer, info: Info) -> list[webhooks.Webhook]:
    found = await read_webhooks.every(info.context.services.database, viewer.principal)
    return [webhooks.shown(webhook) for webhook in found]


async def attempts(
    webhook: strawberry.Parent[webhooks.Webhook],
    info: bound_fields.Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
) -> webhook_attempts.WebhookAttemptConnection:
    page = paging.page_request(given(first), given(after))
    position = None
    if page.after is not None:
        position = ids.read_uuid(connections.read_cursor(page.after, webhook_attempts.LIST_NAME))
        if position is None:
            raise errors.BadUserInput("This cursor does not belong to this list.")
    found = await read_webhooks.attempt_page(
        info.context.services.database, webhook.user_id, webhook.webhook_id, page.size, position
    )
    return webhook_attempts.shown_page(found)


async def linked(
    services: ReadServices, principal: Principal, webhook_ids: Collection[UUID]
) -> dict[UUID, webhooks.Webhook]:
    found = await read_webhooks.by_ids(services.database, principal, webhook_ids)
    return {each.webhook_id: webhooks.shown(each) for each in found}


async def create_webhook(
    info: Info,
    input: inputs.CreateWebhookInput,  # noqa: A002
) -> results.CreateWebhookResult:
    webhook, secret = await application.create_webhook.execute(
        info.context.services,
        info.context.caller,
        url=input.url,
        stream=input.stream,
        document=given(input.document),
        after_number=given(input.after_number),
    )
    return results.WebhookCreated(webhook=webhooks.shown(webhook), secret=secret)


async def update_webhook(
    info: Info,
    input: inputs.UpdateWebhookInput,  # noqa: A002
) -> results.UpdateWebhookResult:
    webhook = await application.update_webhook.execute(
        info.context.services,
        info.context.caller,
        _webhook_id(input.webhook_id),
        url=given(input.url),
        document=given(input.document),
        status=given(input.status),
    )
    return results.WebhookUpdated(webhook=webhooks.shown(webhook))


async def delete_webhook(
    info: Info,
    input: inputs.DeleteWebhookInput,  # noqa: A002
) -> results.DeleteWebhookResult:
    services, caller = info.context.services, info.context.caller
    person = await application.delete_webhook.execute(
        services, caller, _webhook_id(input.webhook_id)
    )
    return results.WebhookDeleted(viewer=viewers.shown(person, caller, services.limits.currency))


async def rotate_webhook_secret(
    info: Info,
    input: inputs.RotateWebhookSecretInput,  # noqa: A002
) -> results.RotateWebhookSecretResult:
    webhook, secret = await application.rotate_webhook_secret.execute(
        info.context.services,
        info.context.caller,
        _webhook_id(input.webhook_id),
        overlap_seconds=input.overlap_seconds,
    )
    return results.WebhookSecretRotated(webhook=webhooks.shown(webhook), secret=secret)


async def replay_webhook(
    info: Info,
    input: inputs.ReplayWebhookInput,  # noqa: A002
) -> results.UpdateWebhookResult:
    webhook = await application.replay_webhook.execute(
        info.context.services,
        info.context.caller,
        _webhook_id(input.webhook_id),
        after_number=input.after_number,
    )
    return results.WebhookUpdated(webhook=webhooks.shown(webhook))


async def test_webhook(
    info: Info,
    input: inputs.TestWebhookInput,  # noqa: A002
) -> results.TestWebhookResult:
    tested = await application.try_webhook.execute(
        info.context.services,
        info.context.caller,
        _webhook_id(input.webhook_id),
        document=given(input.document),
        send=input.send,
    )
    attempt = tested.attempt
    return results.WebhookTested(
        headers=JSON(dict(tested.headers)),
        body=tested.body,
        attempt=None if attempt is None else webhook_attempts.shown(attempt),
    )


def _webhook_id(given_id: str) -> UUID | None:
    return ids.read_row_id(given_id, "Webhook")


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not caller.may(Scope.MANAGE_WEBHOOKS):
        return {}
    named = {ids.read_row_id(text, "Webhook") for text in asked} - {None}
    found = await read_webhooks.by_ids(
        context.services.database,
        caller,
        [webhook_id for webhook_id in named if webhook_id is not None],
    )
    return {webhooks.global_id(each.webhook_id): webhooks.shown(each) for each in found}
