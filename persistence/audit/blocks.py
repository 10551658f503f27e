"""Checks of blocks: that the two rows of each agree."""

from __future__ import annotations

from persistence.audit.checks import Check

_BLOCKS = """
SELECT key, sentence FROM (
    SELECT concat_ws('/', b.user_id, b.other_id, b.role) AS key, concat_ws(' ',
        CASE WHEN u.id IS NULL THEN 'The user of this block does not exist.' END,
        CASE WHEN b.role NOT IN ('blocker', 'blocked') THEN 'Its role is unknown.' END,
        CASE WHEN b.user_id = b.other_id THEN 'The user has blocked themselves.' END,
        CASE WHEN b.created_at > clock_timestamp() THEN 'It was created in the future.' END,
        CASE WHEN o.user_id IS NULL THEN 'It is missing under the other user.' END,
        CASE WHEN o.created_at <> b.created_at THEN 'Its two rows have different times.' END
    ) AS sentence
    FROM blocks AS b
    LEFT JOIN users AS u ON u.id = b.user_id
    LEFT JOIN blocks AS o ON o.user_id = b.other_id AND o.other_id = b.user_id
        AND o.role = CASE b.role WHEN 'blocker' THEN 'blocked' ELSE 'blocker' END
) AS block
WHERE sentence <> ''
"""

CHECKS = (Check("blocked users", "blocks", _BLOCKS),)
