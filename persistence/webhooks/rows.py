"""Rows of webhooks, as objects of the domain: the one place that says which webhooks there are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain.people import sessions
from domain.people.sessions import Principal
from domain.webhooks import Webhook, WebhookStatus, WebhookStream
from persistence.delivery.cursors import Receiver
from persistence.engine.unit_of_work import Unit
from persistence.people import credentials

#: The names of the sinks of `jobs.sinks.table` that deliver each stream, as in `delivery_cursors.sink`.
SINK_NAMES = {
    WebhookStream.WALLET_EVENTS: "webhooks",
    WebhookStream.NOTIFICATIONS: "webhooks-notifications",
}
_NAMES = ", ".join(f"'{name}'" for name in SINK_NAMES.values())


def exists(row: str, token: str) -> str:
    """The SQL condition that a row of `webhooks`, left-joined with its API token, has not ended."""
    is_active = f"({token}.id IS NOT NULL AND {credentials.api_token_is_active(token)})"
    return f"({row}.api_token_id IS NULL OR {is_active})"


TOKEN_JOIN = "LEFT JOIN api_tokens AS k ON k.user_id = w.user_id AND k.id = w.api_token_id"  # noqa: S105
#: Complete with a condition on `w`, the webhooks of `:user_id`. A cluster finds the node of a subquery by that
#: parameter, not by a column of the query around it.
SELECT = f"""
SELECT w.*, coalesce(c.accepted_number, 0) AS accepted_number, k.scopes, ARRAY(
        SELECT s.hint FROM webhook_secrets AS s
        WHERE s.user_id = :user_id AND s.webhook_id = w.id
            AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
        ORDER BY s.id DESC
    ) AS hints
FROM webhooks AS w
{TOKEN_JOIN}
LEFT JOIN delivery_cursors AS c ON c.user_id = w.user_id AND c.receiver_id = w.id
    AND c.sink IN ({_NAMES})
WHERE {exists("w", "k")}
"""  # noqa: S608
#: Of the webhooks of a user that a credential may manage.
OWN = "w.user_id = :user_id AND (CAST(:token_id AS uuid) IS NULL OR w.api_token_id = :token_id)"
_ONE = text(f"{SELECT} AND {OWN} AND w.id = :webhook_id")


def own(caller: Principal) -> dict[str, UUID | None]:
    """The parameters of `OWN`: a session manages all webhooks of its user, an API token its own."""
    return {"user_id": caller.user_id, "token_id": caller.api_token_id}


async def find(unit: Unit, caller: Principal, webhook_id: UUID) -> Webhook | None:
    """A webhook that the caller may manage, as of the current unit of work."""
    parameters = {**own(caller), "webhook_id": webhook_id}
    row = (await unit.connection.execute(_ONE, parameters)).one_or_none()
    return None if row is None else from_row(row)


def from_row(row: Row[Any]) -> Webhook:
    """The webhook in a row of `SELECT`."""
    return Webhook(
        user_id=row.user_id,
        webhook_id=row.id,
        api_token_id=row.api_token_id,
        scopes=None if row.api_token_id is None else frozenset(sessions.known_scopes(row.scopes)),
        url=row.url,
        stream=WebhookStream(row.stream),
        document=row.document,
        status=WebhookStatus(row.status),
        delivered_through=row.accepted_number,
        created_at=row.created_at,
        secret_hints=tuple(row.hints),
    )


def receiver(webhook: Webhook) -> Receiver:
    """The webhook as the receiver of its sink."""
    return Receiver(SINK_NAMES[webhook.stream], webhook.user_id, webhook.webhook_id)
