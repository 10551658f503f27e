"""Conversion of rows of the table of notifications into notifications of the domain, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from domain.notifications.notices import Notification
from domain.notifications.notification_kinds import NotificationKind
from persistence.engine import pipeline
from persistence.engine.pipeline import Statement
from persistence.engine.prepared import Kept

#: In the order of the fields of `Notification`.
COLUMNS = "user_id, number, kind, created_at, sequence, person_id, subject_id, details"
#: How many they are.
WIDTH = COLUMNS.count(",") + 1
# Nearly all are about an entry alone, and most of those are single: planned in a third of the time.
_INSERT_ONE = Kept(
    b"""
INSERT INTO notifications (user_id, number, kind, created_at, sequence)
VALUES ($1::uuid, $2::bigint, $3::text, $4::timestamptz, $5::bigint)
"""
)
_INSERT_SHORT = Kept(
    b"""
INSERT INTO notifications (user_id, number, kind, created_at, sequence)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bigint[])
"""
)
_INSERT = f"""
INSERT INTO notifications ({COLUMNS})
SELECT user_id, number, kind, created_at, sequence, person_id, subject_id, details::jsonb
FROM unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bigint[], $6::uuid[], $7::uuid[],
    $8::text[]
) AS told ({COLUMNS})
""".encode()  # noqa: S608
_KINDS = {kind.value: kind for kind in NotificationKind}


class UnknownKind(Exception):
    """A notification of a kind that this release does not know: a newer one created it."""


def from_row(row: Sequence[Any]) -> Notification:
    """The notification in a row of `COLUMNS`. Raises UnknownKind."""
    user_id, number, kind, *rest = row
    try:
        return Notification(user_id, number, _KINDS[kind], *rest)
    except KeyError as error:
        raise UnknownKind(f"{kind!r}") from error


def insertion(notifications: Sequence[Notification]) -> Statement:
    """The statement that inserts all of them."""
    array, parameter = pipeline.array, pipeline.parameter
    is_short = all(
        each.person_id is None and each.subject_id is None and each.details is None
        for each in notifications
    )
    if is_short and len(notifications) == 1:
        [one] = notifications
        return _INSERT_ONE, (
            parameter(one.user_id),
            parameter(one.number),
            parameter(one.kind),
            one.created_at.isoformat().encode(),
            parameter(one.sequence),
        )
    columns = (
        array([each.user_id for each in notifications]),
        array([each.number for each in notifications]),
        array([each.kind.value for each in notifications]),
        array([each.created_at for each in notifications]),
        array([each.sequence for each in notifications]),
    )
    if is_short:
        return _INSERT_SHORT, columns
    more = (
        array([each.person_id for each in notifications]),
        array([each.subject_id for each in notifications]),
        array(
            [
                None if each.details is None else orjson.dumps(each.details).decode()
                for each in notifications
            ]
        ),
    )
    return _INSERT, (*columns, *more)
