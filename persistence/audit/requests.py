"""Checks of payment requests: that their two rows agree, and what closed them."""

from __future__ import annotations

from domain.requests.payment_requests import Role, Status
from persistence.audit import checks
from persistence.audit.checks import Check

# What the two rows of a request have in common, in a form that has a smallest and a largest value.
_FACTS = (
    "requester_id::text", "payer_id::text", "is_open::text", "amount", "note", "status", "created_at",
    "expires_at", "closed_at", "encode(secret, 'hex')", "reference::text", "split_id::text",
)  # fmt: skip
_DISAGREE = " OR ".join(
    f"min({fact}) <> max({fact}) OR count({fact}) NOT IN (0, count(*))" for fact in _FACTS
)
# `t` is the entry of the row's own user.
_PAYS = """
    t.kind = 'transfer' AND t.direction = CASE r.role WHEN 'payer' THEN 'outgoing' ELSE 'incoming' END
    AND t.amount = r.amount AND t.note IS NOT DISTINCT FROM r.note AND t.created_at = r.closed_at
    AND t.counterparty_id = CASE r.role WHEN 'payer' THEN r.requester_id ELSE r.payer_id END
"""
_REQUESTS = f"""
SELECT key, sentence FROM (
    SELECT r.user_id || '/' || r.id AS key, concat_ws(' ',
        CASE WHEN u.id IS NULL THEN 'The user of this request does not exist.' END,
        CASE WHEN r.role NOT IN ({checks.quoted(Role)}) THEN 'Its role is unknown.' END,
        CASE WHEN r.status NOT IN ({checks.quoted(Status)}) THEN 'Its status is unknown.' END,
        CASE WHEN r.user_id IS DISTINCT FROM
            CASE r.role WHEN 'requester' THEN r.requester_id ELSE r.payer_id END
            OR r.requester_id = r.payer_id
            THEN 'It is not under the user of its role.' END,
        CASE WHEN (r.status = 'pending') <> (r.closed_at IS NULL)
            OR (r.status = 'paid') <> (r.reference IS NOT NULL)
            OR (r.status = 'expired' AND r.closed_at <> r.expires_at)
            THEN 'Its status does not match how it was closed.' END,
        CASE WHEN NOT r.is_open AND r.payer_id IS NULL OR r.is_open AND (
                (r.status = 'paid') <> (r.payer_id IS NOT NULL) OR r.status = 'declined')
            THEN 'Its status does not match who may pay it.' END,
        CASE WHEN r.expires_at <= r.created_at OR r.closed_at < r.created_at
            THEN 'It ended before it was created.' END,
        CASE WHEN r.status <> 'expired' AND r.closed_at >= r.expires_at
            THEN 'It was closed when it had expired.' END,
        CASE WHEN greatest(r.created_at, r.closed_at) > clock_timestamp()
            THEN 'It was created or closed in the future.' END,
        CASE WHEN octet_length(r.secret) <> 16 THEN 'Its link is not one of this service.' END,
        CASE WHEN (r.reminders > 0) <> (r.reminded_at IS NOT NULL) OR r.reminders NOT BETWEEN 0 AND 3
            OR r.reminders > 0 AND r.role <> 'requester' OR r.reminded_at < r.created_at
            THEN 'Its reminders are not ones of this service.' END,
        CASE WHEN r.idempotency_key IS NOT NULL AND r.role <> 'requester'
            THEN 'It has a key under its payer.' END,
        CASE WHEN r.reference IS NOT NULL AND t.user_id IS NULL
            THEN 'The transaction that paid it does not exist.' END,
        CASE WHEN t.user_id IS NOT NULL AND ({_PAYS}) IS NOT TRUE
            THEN 'The transaction is not one that pays it.' END
    ) AS sentence
    FROM payment_requests AS r
    LEFT JOIN users AS u ON u.id = r.user_id
    LEFT JOIN transactions AS t ON t.user_id = r.user_id AND t.reference = r.reference
) AS request
WHERE sentence <> ''
"""  # noqa: S608

# Grouped instead of joined: on a cluster, the two rows are on different nodes.
_BOTH = f"""
SELECT id::text AS key, concat_ws(' ',
    CASE WHEN count(*) = 1 AND count(payer_id) = 1 THEN 'It is missing under the other user.' END,
    CASE WHEN {_DISAGREE} THEN 'The rows under its two users disagree.' END
) AS sentence
FROM payment_requests GROUP BY id
HAVING count(*) = 1 AND count(payer_id) = 1 OR {_DISAGREE}
"""  # noqa: S608

_ONCE = """
SELECT id::text AS key, format(
    'It is under %s requesters and %s payers.', count(*) FILTER (WHERE role = 'requester'),
    count(*) FILTER (WHERE role = 'payer')) AS sentence
FROM payment_requests GROUP BY id
HAVING count(*) FILTER (WHERE role = 'requester') <> 1 OR count(*) FILTER (WHERE role = 'payer') > 1
UNION ALL
SELECT user_id || '/' || reference, format('This transaction paid %s requests.', count(*))
FROM payment_requests WHERE reference IS NOT NULL GROUP BY user_id, reference HAVING count(*) > 1
UNION ALL
SELECT requester_id::text, format('%s of the requests of this user have the same link.', count(*))
FROM payment_requests WHERE role = 'requester' GROUP BY requester_id, secret HAVING count(*) > 1
"""

# A request that had two outcomes would have told its users of both.
_OUTCOMES = """
SELECT user_id || '/' || id AS key, format(
    'It is %s, and its user was told: %s.', status, string_agg(kind, ', ' ORDER BY kind)) AS sentence
FROM (
    SELECT r.user_id, r.id, r.status, n.kind FROM payment_requests AS r
    JOIN notifications AS n ON n.user_id = r.user_id AND n.subject_id = r.id
        AND n.kind IN ('request_paid', 'request_declined', 'request_cancelled', 'request_expired')
) AS told
GROUP BY user_id, id, status
HAVING count(*) > 1 OR min(kind) <> 'request_' || status
"""

CHECKS = (
    Check("payment requests", "payment_requests", _REQUESTS),
    Check("payment requests that are kept under both users", "payment_requests", _BOTH),
    Check("payment requests that are kept once under each user", "payment_requests", _ONCE),
    Check("outcomes of payment requests", "payment_requests", _OUTCOMES),
)
