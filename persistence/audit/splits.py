"""Checks of bill splits: that their shares make the total, and that their requests are theirs."""

from __future__ import annotations

from persistence.audit.checks import Check

_SPLITS = """
SELECT key, sentence FROM (
    SELECT s.user_id || '/' || s.id AS key, concat_ws(' ',
        CASE WHEN u.id IS NULL THEN 'The user of this split does not exist.' END,
        CASE WHEN s.own_share < 0 OR s.total IS DISTINCT FROM s.own_share + r.amount
            THEN format('Shares of %s and %s do not make the total of %s.', s.own_share, r.amount, s.total)
        END,
        CASE WHEN r.disagree THEN 'Its requests have another note or time.' END,
        CASE WHEN s.created_at > clock_timestamp() THEN 'It was created in the future.' END
    ) AS sentence
    FROM bill_splits AS s
    LEFT JOIN users AS u ON u.id = s.user_id
    LEFT JOIN (
        SELECT r.user_id, r.split_id, sum(r.amount) AS amount,
            bool_or(r.note IS DISTINCT FROM o.note OR r.created_at <> o.created_at) AS disagree
        FROM payment_requests AS r
        JOIN bill_splits AS o ON o.user_id = r.user_id AND o.id = r.split_id
        WHERE r.role = 'requester' GROUP BY r.user_id, r.split_id
    ) AS r ON r.user_id = s.user_id AND r.split_id = s.id
) AS split
WHERE sentence <> ''
UNION ALL
SELECT r.user_id || '/' || r.id, 'The split of this request does not exist.'
FROM payment_requests AS r
LEFT JOIN bill_splits AS s ON s.user_id = r.user_id AND s.id = r.split_id
WHERE r.role = 'requester' AND r.split_id IS NOT NULL AND s.id IS NULL
"""

CHECKS = (Check("bill splits", "bill_splits", _SPLITS),)
