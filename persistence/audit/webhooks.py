"""Checks of webhooks, their signing secrets and the attempts at delivering to them."""

from __future__ import annotations

from domain.webhooks import WebhookStatus, WebhookStream
from persistence.audit import checks
from persistence.audit.checks import Check
from persistence.webhooks import rows

_SINK = " ".join(f"WHEN '{stream}' THEN '{name}'" for stream, name in rows.SINK_NAMES.items())
# What is committed is in the outbox until its delivery is due.
_FORGOTTEN = f"""w.status = 'ACTIVE' AND u.closed_at IS NULL AND {rows.exists("w", "k")}
    AND c.accepted_number < CASE w.stream
        WHEN '{WebhookStream.NOTIFICATIONS}' THEN u.notification_number ELSE u.sequence END
    AND NOT EXISTS (
        SELECT FROM delivery_due AS d
        WHERE d.user_id = w.user_id AND d.sink = c.sink AND d.receiver_id = w.id
    )
    AND NOT EXISTS (SELECT FROM outbox AS o WHERE o.user_id = w.user_id AND o.published_at IS NULL)
"""  # noqa: S608
_WEBHOOKS = f"""
SELECT key, sentence FROM (
    SELECT w.user_id || '/' || w.id AS key, concat_ws(' ',
        CASE WHEN u.id IS NULL THEN 'The user of this webhook does not exist.' END,
        CASE WHEN w.stream NOT IN ({checks.quoted(WebhookStream)}) THEN 'Its stream is unknown.' END,
        CASE WHEN w.status NOT IN ({checks.quoted(WebhookStatus)}) THEN 'Its status is unknown.' END,
        CASE WHEN w.api_token_id IS NOT NULL AND k.id IS NULL
            THEN 'It ends with an API token that this user never had.' END,
        CASE WHEN coalesce(s.current, 0) <> 1
            THEN format('It has %s signing secrets that do not expire.', coalesce(s.current, 0)) END,
        CASE WHEN c.user_id IS NULL THEN 'It has no cursor.' END,
        CASE WHEN {_FORGOTTEN} THEN 'It is behind, but no delivery to it is due.' END,
        CASE WHEN w.failures < 0 OR (w.failures > 0) <> (w.failing_since IS NOT NULL)
            OR (w.next_attempt_at IS NOT NULL) <> (w.failures > 0 AND w.status = 'ACTIVE')
            THEN 'Its failures and its next attempt do not match.' END,
        CASE WHEN (w.lease IS NULL) <> (w.leased_until IS NULL) THEN 'Its lease has no end.' END,
        CASE WHEN greatest(w.created_at, w.failing_since) > clock_timestamp()
            THEN 'It was created, or began to fail, in the future.' END
    ) AS sentence
    FROM webhooks AS w
    LEFT JOIN users AS u ON u.id = w.user_id
    LEFT JOIN api_tokens AS k ON k.user_id = w.user_id AND k.id = w.api_token_id
    LEFT JOIN (
        SELECT user_id, webhook_id, count(*) FILTER (WHERE expires_at IS NULL) AS current
        FROM webhook_secrets GROUP BY user_id, webhook_id
    ) AS s ON s.user_id = w.user_id AND s.webhook_id = w.id
    LEFT JOIN delivery_cursors AS c ON c.user_id = w.user_id AND c.receiver_id = w.id
        AND c.sink = CASE w.stream {_SINK} END
) AS webhook
WHERE sentence <> ''
"""  # noqa: S608

_SECRETS = """
SELECT s.user_id || '/' || s.id AS key, concat_ws(' ',
    CASE WHEN w.id IS NULL THEN 'The webhook of this signing secret does not exist.' END,
    CASE WHEN octet_length(s.key_id) <> 8 THEN 'It is not encrypted with a key of this service.' END
) AS sentence
FROM webhook_secrets AS s
LEFT JOIN webhooks AS w ON w.user_id = s.user_id AND w.id = s.webhook_id
WHERE w.id IS NULL OR octet_length(s.key_id) <> 8
"""

# Attempts outlive their webhook, and one whose response did not end was not accepted, whatever its status.
_ATTEMPTS = """
SELECT key, sentence FROM (
    SELECT a.user_id || '/' || a.id AS key, concat_ws(' ',
        CASE WHEN u.id IS NULL THEN 'The user of this attempt does not exist.' END,
        CASE WHEN a.number < 1 OR a.attempt < 1 THEN 'It is at no event.' END,
        CASE WHEN a.sent_at > clock_timestamp() THEN 'It was made in the future.' END,
        CASE WHEN a.duration_milliseconds < 0 THEN 'It ended before it began.' END,
        CASE WHEN a.is_delivered AND (a.status BETWEEN 200 AND 299) IS NOT TRUE
            THEN 'It was accepted, which does not match the status of the response.' END,
        CASE WHEN a.next_attempt_at < a.sent_at OR (a.is_delivered AND a.next_attempt_at IS NOT NULL)
            THEN 'Its next attempt is not after it.' END
    ) AS sentence
    FROM webhook_attempts AS a LEFT JOIN users AS u ON u.id = a.user_id
) AS attempt
WHERE sentence <> ''
"""

CHECKS = (
    Check("webhooks", "webhooks", _WEBHOOKS),
    Check("signing secrets of webhooks", "webhook_secrets", _SECRETS),
    Check("attempts at delivering to webhooks", "webhook_attempts", _ATTEMPTS),
)
