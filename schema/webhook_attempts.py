"""Attempts at delivering events to webhooks."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from domain import paging
from domain.webhooks import Attempt
from schema.connections import PageInfo, cursor_of, page_info

#: What cursors say that they belong to.
LIST_NAME = "attempts"


@strawberry.type(description="One delivery attempt.")
class WebhookAttempt:
    event_id: str = strawberry.field(
        description="Value of the webhook-id header; identical for all attempts at the same event."
    )
    number: int = strawberry.field(description="Event number in the stream.")
    attempt: int = strawberry.field(
        description="Which attempt at this event it was, beginning with 1."
    )
    sent_at: datetime = strawberry.field(description="When it began.")
    duration_milliseconds: int = strawberry.field(
        description="How long it took, until the response was complete or it was given up."
    )
    response_status: int | None = strawberry.field(description="Null if no response was received.")
    detail: str | None = strawberry.field(
        description="Error message, or the first 200 characters of the response."
    )
    next_attempt_at: datetime | None = strawberry.field(
        description="Null if delivered or if no further attempt is scheduled."
    )


@strawberry.type(description="An attempt's place in the list.")
class WebhookAttemptEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: WebhookAttempt = strawberry.field(description="The attempt.")


@strawberry.type(description="A page of delivery attempts, newest first.")
class WebhookAttemptConnection:
    edges: list[WebhookAttemptEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[WebhookAttempt] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


def shown(attempt: Attempt) -> WebhookAttempt:
    """The attempt as the webhook's owner sees it."""
    outcome = attempt.outcome
    return WebhookAttempt(
        event_id=attempt.event_id,
        number=attempt.number,
        attempt=attempt.attempt,
        sent_at=outcome.sent_at,
        duration_milliseconds=outcome.duration_milliseconds,
        response_status=outcome.status,
        detail=outcome.detail,
        next_attempt_at=attempt.next_attempt_at,
    )


def shown_page(found: paging.Page[Attempt]) -> WebhookAttemptConnection:
    """A page of attempts as the webhook's owner sees it."""
    nodes = [shown(attempt) for attempt in found.items]
    cursors = _cursors(found.items)
    return WebhookAttemptConnection(
        edges=[
            WebhookAttemptEdge(cursor=cursor, node=node)
            for cursor, node in zip(cursors, nodes, strict=True)
        ],
        nodes=nodes,
        page_info=page_info(found, cursors, LIST_NAME),
    )


def _cursors(attempts: Sequence[Attempt]) -> list[str]:
    return [cursor_of(LIST_NAME, str(attempt.attempt_id)) for attempt in attempts]
