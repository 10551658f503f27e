"""Checks of handles, and of what names are confused by."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.people import handles, skeletons
from persistence.audit import checks
from persistence.audit.checks import Check

_HANDLES_OF_USERS = """
SELECT u.id::text AS key, CASE
    WHEN h.user_id IS NULL THEN 'The handle of this user is not among the handles.'
    WHEN h.user_id <> u.id THEN format('The handle of this user is recorded as that of %s.', h.user_id)
    ELSE 'The handle of this user is recorded as given up.'
    END AS sentence
FROM users AS u LEFT JOIN handles AS h ON h.handle = u.handle
WHERE u.handle IS NOT NULL AND (h.user_id IS DISTINCT FROM u.id OR h.reserved_until IS NOT NULL)
"""
_RESERVED_FOR = checks.seconds(handles.RESERVED_FOR)
_TOO_LONG = f"h.reserved_until > clock_timestamp() + {_RESERVED_FOR}"
_USERS_OF_HANDLES = f"""
SELECT h.handle AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL AND h.user_id IS NOT NULL THEN format('This handle is of %s, who does not exist.', h.user_id) END,
    CASE WHEN h.reserved_until IS NULL AND u.handle IS DISTINCT FROM h.handle
        THEN format('This handle is of %s, who does not have it.', h.user_id) END,
    CASE WHEN {_TOO_LONG} THEN 'It is reserved for too long.' END
) AS sentence
FROM handles AS h LEFT JOIN users AS u ON u.id = h.user_id
WHERE (u.id IS NULL AND h.user_id IS NOT NULL) OR (h.reserved_until IS NULL AND u.handle IS DISTINCT FROM h.handle) OR {_TOO_LONG}
"""  # noqa: S608
_USERS_OF_SKELETONS = """
SELECT DISTINCT s.user_id::text AS key, 'The user of this skeleton does not exist.' AS sentence
FROM name_skeletons AS s LEFT JOIN users AS u ON u.id = s.user_id WHERE u.id IS NULL
"""

CHECKS = (
    Check("handles of users", "users", _HANDLES_OF_USERS),
    Check("users of handles", "handles", _USERS_OF_HANDLES),
    Check("users of skeletons", "name_skeletons", _USERS_OF_SKELETONS),
)

_SKELETONS = text(
    """
    SELECT u.id, u.name, u.handle, s.digests
    FROM (
        SELECT user_id, array_agg(digest) AS digests FROM name_skeletons GROUP BY user_id
    ) AS s
    JOIN users AS u ON u.id = s.user_id
    """
)
_AT_ONCE = 1_000


async def skeleton_faults(connection: AsyncConnection) -> AsyncIterator[tuple[str, str]]:
    """The users with skeletons that do not follow from their names and handles, each with a sentence."""
    async for rows in (await connection.stream(_SKELETONS)).partitions(_AT_ONCE):
        for user_id, name, handle, digests in rows:
            if set(map(bytes, digests)) != skeletons.keys(name, handle):
                yield (
                    str(user_id),
                    "The skeletons of this user are not those of the name and the handle.",
                )
