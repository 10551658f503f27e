"""Stored digests of what users can be confused by, of verified users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import text

from domain.people import skeletons
from persistence.engine.unit_of_work import Unit

Connection = psycopg.Connection[Any]

_ADD = text(
    "INSERT INTO name_skeletons (user_id, digest) "
    "SELECT :user_id, digest FROM unnest(CAST(:digests AS bytea[])) AS made (digest) "
    "ON CONFLICT DO NOTHING"
)
_REMOVE = text(
    "DELETE FROM name_skeletons WHERE user_id = :user_id "
    "AND digest <> ALL (CAST(:digests AS bytea[]))"
)


async def delete(unit: Unit, user_id: UUID) -> None:
    """The user, whose row is locked, can be confused with nobody any more."""
    await unit.connection.execute(_REMOVE, {"user_id": user_id, "digests": []})


async def store(unit: Unit, user_id: UUID, *, name: str, handle: str | None) -> None:
    """Store what a verified user, whose row is locked, can be confused by."""
    stored = {"user_id": user_id, "digests": list(skeletons.keys(name, handle))}
    await unit.connection.execute(_REMOVE, stored)
    await unit.connection.execute(_ADD, stored)


# ================================================================ after a change of the rules

_USERS_AT_ONCE = 500
_NOBODY = UUID(int=0)

# The index's comment holds the version of the rules that its digests were made with.
_MARK = f"skeletons {skeletons.VERSION}"
_READ_MARK = "SELECT obj_description('name_skeletons_digest_idx'::regclass, 'pg_class')"
_SET_MARK = sql.SQL("COMMENT ON INDEX name_skeletons_digest_idx IS {}")
_IDS = """
SELECT id FROM users WHERE id > %s AND email_verified_at IS NOT NULL AND closed_at IS NULL
ORDER BY id LIMIT %s
"""
_LOCK = "SELECT id, name, handle FROM lock_accounts(%s)"
_REMOVE_ALL = "DELETE FROM name_skeletons WHERE user_id = ANY(%s)"
_ADD_ALL = """
INSERT INTO name_skeletons (user_id, digest)
SELECT user_id, digest FROM unnest(%s::uuid[], %s::bytea[]) AS made (user_id, digest)
"""


def rewrite(
    connection: Connection, on_rewritten: Callable[[int], None] = lambda users: None
) -> int:
    """Store the digests of all users if those that are stored are of another version of the rules.

    Returns the number of users. Each batch has its own transaction, so that locks are short and the work
    can be interrupted and repeated; the connection must be in autocommit mode. `on_rewritten` is called
    with the number of users so far.
    """
    if connection.execute(_READ_MARK).fetchone() == (_MARK,):
        return 0
    after, rewritten = _NOBODY, 0
    while ids := [row[0] for row in connection.execute(_IDS, [after, _USERS_AT_ONCE])]:
        after = ids[-1]
        with connection.transaction():
            users = connection.execute(_LOCK, [ids]).fetchall()
            made = [
                (user_id, digest)
                for user_id, name, handle in users
                for digest in skeletons.keys(name, handle)
            ]
            connection.execute(_REMOVE_ALL, [ids])
            connection.execute(_ADD_ALL, [[each[0] for each in made], [each[1] for each in made]])
        rewritten += len(ids)
        on_rewritten(rewritten)
    connection.execute(_SET_MARK.format(sql.Literal(_MARK)))
    return rewritten
