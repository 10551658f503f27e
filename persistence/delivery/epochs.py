"""The epoch of the event streams.

A restore to an earlier point in time takes back entries and notifications, and their numbers are assigned again
to others. The operator begins a new epoch then, so that no number of an earlier one is taken for the same event.
"""

from __future__ import annotations

from uuid import UUID

from domain import ids
from domain.streams import Epoch
from persistence.engine import pinned
from persistence.engine.database import Database, plain_url
from persistence.engine.pipeline import Query

_CURRENT = Query("SELECT epoch, is_first FROM stream_epoch")
_BEGIN = "UPDATE stream_epoch SET epoch = %s, is_first = false"


async def current(db: Database) -> Epoch:
    """Raises Unavailable."""
    [(epoch_id, is_first)] = await db.rows(_CURRENT.bind())
    return Epoch(epoch_id, is_first)


def begin(url: str) -> UUID:
    """Begin a new epoch, as the owner of the tables. Raises psycopg.Error."""
    epoch_id = ids.new_id()
    with pinned.connect(plain_url(url)) as connection:
        connection.execute(_BEGIN, [epoch_id])
    return epoch_id
