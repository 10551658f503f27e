"""Everything that decisions need to know, read under the locks: the rest of the first round trip."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.authority import Authority
from domain.ledger.decisions import Command, Key, KeyClosure, LookUp
from domain.ledger.transfers import Entry
from domain.values import value
from persistence.engine import pipeline
from persistence.engine.pipeline import Rows, Statement
from persistence.engine.prepared import Kept
from persistence.ledger import entry_rows, look_ups
from persistence.ledger.table import AUTHORITIES, LOOK_UPS

# Separate statements after the one that locks, so that they see what was committed while it waited. Each
# exists in a form for one command, which is planned in half the time, and in one for any number.
_CLOSED_OF_ONE = """
SELECT 1::bigint FROM closed_keys AS c
WHERE c.user_id = $1::uuid AND c.kind = $2::text AND c.idempotency_key = $3::text
"""
_CLOSED = """
SELECT asked.position
FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (user_id, kind, key, position)
JOIN closed_keys AS c
    ON c.user_id = asked.user_id AND c.kind = asked.kind AND c.idempotency_key = asked.key
"""
_ENTRY = ", ".join(f"t.{column}" for column in entry_rows.COLUMNS.split(", "))
_EARLIER_OF_ONE = Kept(
    f"""
SELECT {_ENTRY} FROM transactions AS t
WHERE t.user_id = $1::uuid AND t.kind = $2::text AND t.idempotency_key = $3::text
""".encode()  # noqa: S608
)
_EARLIER = Kept(
    f"""
SELECT {_ENTRY} FROM unnest($1::uuid[], $2::text[], $3::text[]) AS asked (user_id, kind, key)
JOIN transactions AS t
    ON t.user_id = asked.user_id AND t.kind = asked.kind AND t.idempotency_key = asked.key
""".encode()  # noqa: S608
)


# The clock, whether the key is closed and whether the authority is active.
_CLOCK_OF_ONE = {
    kind: Kept(
        f"SELECT clock_timestamp(), ARRAY({_CLOSED_OF_ONE}), ARRAY({source.of_one('$1', '$4')})".encode()
    )
    for kind, source in AUTHORITIES.items()
}


@functools.cache
def _clock(kinds: tuple[type[Authority], ...]) -> Kept:
    """The clock, which keys are closed, and for each of the kinds which authorities are active."""
    arrays = [_CLOSED] + [
        AUTHORITIES[kind].of_many(f"${number}", f"${number + 1}")
        for number, kind in zip(range(4, 4 + 2 * len(kinds), 2), kinds, strict=True)
    ]
    select = f"SELECT clock_timestamp(), {', '.join(f'ARRAY({each})' for each in arrays)}"
    return Kept(select.encode())


@value
class Known:
    """The results, see `domain.ledger.decisions.Ledger`."""

    now: datetime
    active: set[UUID]
    posted: dict[Key, Entry]
    found: dict[LookUp[object], Any]


class Questions:
    """What the commands need to know: the clock, authorities, keys, and the look-ups that they declare."""

    __slots__ = ("_by_kind", "_keys", "statements")

    def __init__(self, commands: Sequence[Command]) -> None:
        self._by_kind: dict[type[LookUp[object]], dict[LookUp[object], None]] = {}
        for command in commands:
            for look_up in command.look_ups:
                self._by_kind.setdefault(type(look_up), {})[look_up] = None
        self._keys = (
            [commands[0].key]
            if len(commands) == 1
            else list(dict.fromkeys(command.key for command in commands))
        )
        #: To be sent after the statement that takes the locks.
        self.statements: list[Statement] = [
            *(self._of_one(commands[0]) if len(commands) == 1 else self._of_many(commands)),
            *(LOOK_UPS[kind].statement([*asked]) for kind, asked in self._by_kind.items()),
        ]

    def _of_one(self, command: Command) -> list[Statement]:
        [key] = self._keys
        of_key = (
            pipeline.parameter(key.user_id),
            key.kind.value.encode(),
            key.idempotency_key.encode(),
        )
        authority = command.authority
        return [
            (_CLOCK_OF_ONE[type(authority)], (*of_key, pipeline.parameter(authority.id))),
            (_EARLIER_OF_ONE, of_key),
        ]

    def _of_many(self, commands: Sequence[Command]) -> list[Statement]:
        by_kind: dict[type[Authority], set[Authority]] = {}
        for command in commands:
            by_kind.setdefault(type(command.authority), set()).add(command.authority)
        of_keys = look_ups.keys(self._keys)
        of_authorities = [
            parameter
            for authorities in by_kind.values()
            for parameter in (
                pipeline.array(each.user_id for each in authorities),
                pipeline.array(each.id for each in authorities),
            )
        ]
        return [(_clock((*by_kind,)), (*of_keys, *of_authorities)), (_EARLIER, of_keys)]

    def read(self, results: Sequence[Rows]) -> Known:
        """Read the results of the statements, in the same order."""
        [[now, closed, *active]], earlier, *looked_up = results
        entries = [entry_rows.from_row(row) for row in earlier]
        found: dict[LookUp[object], Any] = {
            KeyClosure(self._keys[position - 1]): True for position in closed
        }
        for kind, rows in zip(self._by_kind, looked_up, strict=True):
            found.update(LOOK_UPS[kind].read(rows))
        return Known(
            now=now,
            active={authority_id for of_kind in active for authority_id in of_kind},
            posted={
                Key(entry.user_id, entry.kind, entry.idempotency_key): entry
                for entry in entries
                if entry.idempotency_key is not None
            },
            found=found,
        )
