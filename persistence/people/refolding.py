"""Rewrites stored search texts after a change of `domain.text.search_text`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from domain import text

Connection = psycopg.Connection[Any]

#: Transfers of the users in a batch wait until the batch is committed.
_USERS_AT_ONCE = 100
_NOTES_AT_ONCE = 1_000
_NOBODY = UUID(int=0)

# The index's comment holds the version of the folding that its texts were made with.
MARK = f"folding {text.FOLDING}"
READ_MARK = "SELECT obj_description('users_search_text_idx'::regclass, 'pg_class')"
_SET_MARK = sql.SQL("COMMENT ON INDEX users_search_text_idx IS {}")

# All versions of the folding agree on plain ASCII.
_USERS = """
SELECT id, name, search_text FROM users
WHERE id > %s AND name COLLATE "C" !~ '^[ -~]*$' ORDER BY id LIMIT %s
"""
_LOCK = "SELECT count(*) FROM lock_accounts(%s)"
# A name that was changed in the meantime already has its new text.
_REWRITE_NAMES = """
UPDATE users SET search_text = made.search_text
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS made (id, name, search_text)
WHERE users.id = made.id AND users.name = made.name
"""
_NOTES = """
SELECT user_id, sequence, note, note_search_text FROM transactions
WHERE (user_id, sequence) > (%s, %s) AND note COLLATE "C" !~ '^[ -~]*$'
ORDER BY user_id, sequence LIMIT %s
"""
# With this setting, the trigger that guards the account ledgers allows changes of this column alone.
_REFOLDING = "SET LOCAL mini_wallet.refolding = 'on'"
_REWRITE_NOTES = """
UPDATE transactions SET note_search_text = made.search_text
FROM unnest(%s::uuid[], %s::bigint[], %s::text[]) AS made (user_id, sequence, search_text)
WHERE transactions.user_id = made.user_id AND transactions.sequence = made.sequence
"""


def refold(connection: Connection, on_rewritten: Callable[[int], None] = lambda texts: None) -> int:
    """Rewrite every search text that differs from the current folding of its name or note.

    Returns the number of rewritten texts; 0 at once if all are of this version of the folding. Each batch
    has its own transaction, so that locks are short and the work can be interrupted and repeated; the
    connection must be in autocommit mode. `on_rewritten` is called with the number of texts rewritten so
    far. Until then, searches use the old texts.
    """
    if connection.execute(READ_MARK).fetchone() == (MARK,):
        return 0
    rewritten = _refold_names(connection, on_rewritten)
    # Parts of names may differ too. REINDEX waits for older snapshots without blocking the service.
    connection.execute("SET lock_timeout = 0")
    connection.execute("SET statement_timeout = 0")
    for unfinished in ("users_search_parts_idx_ccnew", "users_search_parts_idx_ccold"):
        connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {unfinished}")
    connection.execute("REINDEX INDEX CONCURRENTLY users_search_parts_idx")
    rewritten += _refold_notes(connection, lambda notes: on_rewritten(rewritten + notes))
    connection.execute(_SET_MARK.format(sql.Literal(MARK)))
    return rewritten


def _refold_names(connection: Connection, on_rewritten: Callable[[int], None]) -> int:
    after, rewritten = _NOBODY, 0
    while rows := connection.execute(_USERS, [after, _USERS_AT_ONCE]).fetchall():
        after = rows[-1][0]
        changed = [
            (user_id, name, folded)
            for user_id, name, was in rows
            if (folded := text.search_text(name)) != was
        ]
        if not changed:
            continue
        columns = [list(column) for column in zip(*changed, strict=True)]
        with connection.transaction():
            connection.execute(_LOCK, [columns[0]])
            connection.execute(_REWRITE_NAMES, columns)
        rewritten += len(changed)
        on_rewritten(rewritten)
    return rewritten


def _refold_notes(connection: Connection, on_rewritten: Callable[[int], None]) -> int:
    after, rewritten = (_NOBODY, 0), 0
    while rows := connection.execute(_NOTES, [*after, _NOTES_AT_ONCE]).fetchall():
        after = rows[-1][:2]
        changed = [
            (user_id, sequence, folded)
            for user_id, sequence, note, was in rows
            if (folded := text.search_text(note)) != was
        ]
        if not changed:
            continue
        with connection.transaction():
            connection.execute(_REFOLDING)
            connection.execute(
                _REWRITE_NOTES, [list(column) for column in zip(*changed, strict=True)]
            )
        rewritten += len(changed)
        on_rewritten(rewritten)
    return rewritten
