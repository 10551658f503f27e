"""Checks of blocks: that the two rows of each agree."""

from __future__ import annotations

from persistence.audit.checks import Check

_BLOCKS = """
SELECT key, sentence FROM (
    SELECT concat_ws('/', b.user_id, b.other_id, b.role) AS key, concat_ws(' ',
        CASE WHEN u.id IS NULL THEN 'The user of this block does not exist.' END,
        CASE WHEN b.role NOT IN ('blocker', 'blocked') THEN 'Its role is unknown.' END,
        CASE WHEN b.user_id = b.other_id THEN 'The user has blocked themselves.' END,
        CASE WHEN b.created_at > clock_timestamp() THEN 'It was created in the future.' END
    ) AS sentence
    FROM blocks AS b
    LEFT JOIN users AS u ON u.id = b.user_id
) AS block
WHERE sentence <> ''
"""

# Grouped instead of joined: on a cluster, the two rows are on different nodes.
_BOTH = """
SELECT concat_ws('/', blocker_id, blocked_id) AS key, concat_ws(' ',
    CASE WHEN count(*) <> 2 THEN 'It is missing under the other user.' END,
    CASE WHEN min(created_at) <> max(created_at) THEN 'Its two rows have different times.' END
) AS sentence
FROM (
    SELECT created_at, CASE role WHEN 'blocker' THEN user_id ELSE other_id END AS blocker_id,
        CASE role WHEN 'blocker' THEN other_id ELSE user_id END AS blocked_id
    FROM blocks
) AS block
GROUP BY blocker_id, blocked_id HAVING count(*) <> 2 OR min(created_at) <> max(created_at)
"""

CHECKS = (
    Check("blocked users", "blocks", _BLOCKS),
    Check("blocks that are kept under both users", "blocks", _BOTH),
)
