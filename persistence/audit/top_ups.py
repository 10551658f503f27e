"""The audit of top-ups: each is one entry, and those through a provider agree with what it reported."""

from __future__ import annotations

from domain.top_ups.provider import Source
from domain.top_ups.reversing import Status as ReversalStatus
from domain.top_ups.top_ups import Refund, Status
from persistence.audit import checks
from persistence.audit.checks import Check, KindAudit
from persistence.top_ups import reconciling

# An entry belongs to a top-up by its key, whatever the row says.
_TOP_UPS = f"""
SELECT key, sentence FROM (
    SELECT p.user_id || '/' || p.id AS key, concat_ws(' ',
        CASE WHEN u.id IS NULL THEN 'The user of this top-up does not exist.' END,
        CASE WHEN p.status NOT IN ({checks.quoted(Status)}) OR p.refund NOT IN ({checks.quoted(Refund)})
            THEN 'Its status is unknown.' END,
        CASE WHEN p.created_at > clock_timestamp() OR p.expires_at <= p.created_at
            THEN 'It was created in the future, or expired before.' END,
        CASE WHEN (p.status IN ('POSTED', 'REVERSED')) <> (p.sequence IS NOT NULL)
            OR (p.sequence IS NULL) <> (p.reference IS NULL)
            THEN 'Its status does not match its entry.' END,
        CASE WHEN (p.payment_id IS NOT NULL) <> (p.sequence IS NOT NULL OR p.refund IS NOT NULL)
            OR p.refund IS NOT NULL AND p.status <> 'FAILED'
            THEN 'Its status does not match its payment.' END,
        CASE WHEN p.checkout_url IS NOT NULL AND p.status <> 'PENDING'
            OR p.attend_at IS NULL AND (p.status = 'PENDING' OR p.refund = 'DUE')
            THEN 'Its status does not match what is left to do.' END,
        CASE WHEN t.sequence IS DISTINCT FROM p.sequence THEN format(
            'It was credited as entry %s, but its key made entry %s.',
            coalesce(p.sequence::text, 'none'), coalesce(t.sequence::text, 'none')) END,
        CASE WHEN t.amount <> p.amount OR t.reference IS DISTINCT FROM p.reference
            OR t.api_token_id IS DISTINCT FROM p.api_token_id AND t.user_id IS NOT NULL
            THEN format('Entry %s is not what was paid.', t.sequence) END,
        CASE WHEN payment.uses > 1 THEN 'Its payment was credited to several top-ups.' END,
        CASE WHEN p.status = 'PENDING' AND c.user_id IS NOT NULL
            THEN 'It is pending although its key is closed.' END,
        CASE WHEN p.status = 'REVERSED' AND coalesce(r.claimed, 0) = 0 OR p.status = 'POSTED' AND r.claimed > 0
            THEN 'Its status does not match its reversals.' END,
        -- Operators may have reversed some of it before.
        CASE WHEN r.held > least(r.claimed, p.amount)
            OR r.held < least(r.claimed, p.amount) AND others.amount IS NULL
            THEN format('Of %s that the provider took back, %s are taken.', r.claimed, r.held) END
    ) AS sentence
    FROM top_ups AS p
    LEFT JOIN users AS u ON u.id = p.user_id
    LEFT JOIN transactions AS t ON t.user_id = p.user_id AND t.kind = 'top_up'
        AND t.idempotency_key = p.idempotency_key
    LEFT JOIN closed_keys AS c ON c.user_id = p.user_id AND c.kind = 'top_up'
        AND c.idempotency_key = p.idempotency_key
    LEFT JOIN (SELECT provider, payment_id, count(*) AS uses FROM top_ups GROUP BY 1, 2) AS payment
        ON payment.provider = p.provider AND payment.payment_id = p.payment_id
    LEFT JOIN (
        SELECT user_id, top_up_id, sum(taken - returned) AS held,
            coalesce(sum(amount) FILTER (WHERE status IN ('POSTED', 'COVERED')), 0) AS claimed
        FROM top_up_reversals GROUP BY user_id, top_up_id
    ) AS r ON r.user_id = p.user_id AND r.top_up_id = p.id
    LEFT JOIN (
        SELECT c.user_id, c.top_up_id, sum(t.amount) AS amount
        FROM (
            SELECT user_id, id AS top_up_id, reference FROM top_ups
            UNION ALL
            SELECT user_id, top_up_id, returned_reference FROM top_up_reversals
        ) AS c
        JOIN transactions AS t ON t.user_id = c.user_id AND t.reverses = c.reference
        LEFT JOIN top_up_reversal_entries AS e ON e.user_id = t.user_id AND e.reference = t.reference
        WHERE e.user_id IS NULL GROUP BY c.user_id, c.top_up_id
    ) AS others ON others.user_id = p.user_id AND others.top_up_id = p.id
) AS top_up
WHERE sentence <> ''
"""  # noqa: S608

_REVERSALS = f"""
SELECT key, sentence FROM (
    SELECT r.user_id || '/' || r.id AS key, concat_ws(' ',
        CASE WHEN p.id IS NULL THEN 'The top-up that this takes back does not exist.' END,
        CASE WHEN r.status NOT IN ({checks.quoted(ReversalStatus)}) OR r.source NOT IN ({checks.quoted(Source)})
            THEN 'Its status or source is unknown.' END,
        CASE WHEN r.created_at > clock_timestamp() THEN 'It was created in the future.' END,
        CASE WHEN r.taken NOT BETWEEN 0 AND r.amount THEN 'More was taken than was to be.' END,
        CASE WHEN r.status <> 'RETURNED' AND (r.status = 'POSTED') <> (r.taken > 0)
            OR r.returned NOT BETWEEN 0 AND r.amount OR r.returned > 0 AND r.status <> 'RETURNED'
            OR (r.returned_reference IS NOT NULL) <> (r.returned > 0)
            THEN 'Its status does not match its entries.' END,
        CASE WHEN r.taken <> coalesce(e.amount, 0)
            THEN format('It took %s, but its entries %s.', r.taken, coalesce(e.amount, 0)) END,
        CASE WHEN r.returned_reference IS NOT NULL AND (back.kind = 'top_up'
            AND back.amount = r.returned AND back.idempotency_key = concat('returned:', r.id)) IS NOT TRUE
            THEN 'The entry that credited it again is missing or another one.' END
    ) AS sentence
    FROM top_up_reversals AS r
    LEFT JOIN top_ups AS p ON p.user_id = r.user_id AND p.id = r.top_up_id
    LEFT JOIN (
        SELECT e.user_id, e.reversal_id, sum(t.amount) AS amount
        FROM top_up_reversal_entries AS e
        JOIN transactions AS t ON t.user_id = e.user_id AND t.reference = e.reference
        GROUP BY e.user_id, e.reversal_id
    ) AS e ON e.user_id = r.user_id AND e.reversal_id = r.id
    LEFT JOIN transactions AS back ON back.user_id = r.user_id AND back.reference = r.returned_reference
) AS reversal
WHERE sentence <> ''
"""  # noqa: S608

_ENTRIES = """
SELECT e.user_id || '/' || e.reference AS key, CASE
    WHEN r.id IS NULL THEN 'The reversal that it belongs to does not exist.'
    ELSE 'The entry is missing, or takes back something else.'
    END AS sentence
FROM top_up_reversal_entries AS e
LEFT JOIN top_up_reversals AS r ON r.user_id = e.user_id AND r.id = e.reversal_id
LEFT JOIN top_ups AS p ON p.user_id = r.user_id AND p.id = r.top_up_id
LEFT JOIN transactions AS t ON t.user_id = e.user_id AND t.reference = e.reference
LEFT JOIN top_up_reversals AS earlier ON earlier.user_id = r.user_id
    AND earlier.top_up_id = r.top_up_id AND earlier.returned_reference = t.reverses
WHERE (
    r.id IS NOT NULL AND t.kind = 'reversal' AND t.direction = 'outgoing'
    AND (t.reverses = p.reference OR earlier.id IS NOT NULL)
) IS NOT TRUE
"""

_MISMATCHES = """
SELECT concat_ws('/', provider, source_id, reason) AS key, 'It was seen in the future.' AS sentence
FROM top_up_mismatches WHERE seen_at > clock_timestamp()
"""

_RECONCILIATIONS = f"""
SELECT provider AS key, 'It was read up to the future, or will not be read in time.' AS sentence
FROM top_up_reconciliations
WHERE through > clock_timestamp()
    OR due_at > clock_timestamp() + {checks.seconds(reconciling.EVERY)}
"""  # noqa: S608

AUDIT = KindAudit(
    agree="entries = 1",
    sentence="format('This reference is on %s top-ups.', entries)",
    checks=(
        Check("top-ups through a provider", "top_ups", _TOP_UPS),
        Check("what providers took back", "top_up_reversals", _REVERSALS),
        Check("entries of what providers took back", "top_up_reversal_entries", _ENTRIES),
        Check("payments that match no top-up", "top_up_mismatches", _MISMATCHES),
        Check("reconciliations with providers", "top_up_reconciliations", _RECONCILIATIONS),
    ),
)
