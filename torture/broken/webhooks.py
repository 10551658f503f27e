"""Breaks the delivery to webhooks, without changing the product."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from adapters.webhook_endpoints import Endpoints
from domain import ids
from domain.webhooks import Outcome
from torture.broken.wallets import Connection

_ADVANCE = """
CREATE FUNCTION advance_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE delivery_cursors AS c SET accepted_number = c.accepted_number + 1
    FROM users AS u
    WHERE c.user_id = NEW.user_id AND c.receiver_id = NEW.id AND u.id = NEW.user_id
        AND c.accepted_number
            < CASE NEW.stream WHEN 'NOTIFICATIONS' THEN u.notification_number ELSE u.sequence END;
    RETURN NULL;
END
$$;
"""
_SKIPPING = """
CREATE TRIGGER advance_cursor AFTER UPDATE ON webhooks
    FOR EACH ROW WHEN (NEW.failures > OLD.failures) EXECUTE FUNCTION advance_cursor();
"""
_ADVANCING_EARLY = """
CREATE TRIGGER advance_cursor AFTER UPDATE ON webhooks
    FOR EACH ROW WHEN (NEW.lease IS NOT NULL AND OLD.lease IS NULL)
    EXECUTE FUNCTION advance_cursor();
"""
_KEEPING_SECRETS = """
CREATE FUNCTION keep_secret() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_secret BEFORE UPDATE ON webhook_secrets
    FOR EACH ROW WHEN (NEW.expires_at IS NOT NULL) EXECUTE FUNCTION keep_secret();
"""


def skip_failed_events(connection: Connection) -> None:
    """An event that was not acknowledged is not sent again: the next one is."""
    connection.execute(_ADVANCE)
    connection.execute(_SKIPPING)


def advance_cursors_early(connection: Connection) -> None:
    """The cursor is moved before the event is sent, so that one that fails is not sent again."""
    connection.execute(_ADVANCE)
    connection.execute(_ADVANCING_EARLY)


def keep_secrets(connection: Connection) -> None:
    """Secrets that were replaced sign for ever."""
    connection.execute(_KEEPING_SECRETS)


def forget_event_id(_webhook_id: UUID, number: int, _epoch_id: UUID | None = None) -> str:
    """Instead of `domain.webhooks.event_id`: another one for every attempt."""
    return f"evt_{ids.new_id().hex}_{number}"


class Impatient(Endpoints):
    """Considers every event acknowledged as soon as it is sent, so that the next one is sent beside it."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._tasks: set[asyncio.Task[Outcome]] = set()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send the request, without waiting for the response."""
        self._tasks.add(asyncio.create_task(self._endpoints.post(url, headers, body)))
        return Outcome(datetime.now(UTC), 1, 204, None, is_delivered=True)

    async def finish(self) -> None:
        """Wait for the responses."""
        await asyncio.gather(*self._tasks)
