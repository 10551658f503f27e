"""Conversion of rows of the table of entries into entries of the domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import Entry

#: In the order of the fields of `Entry`.
COLUMNS = (
    "user_id, sequence, reference, kind, direction, amount, fee, counterparty_id, note, balance_after, "
    "created_at, idempotency_key, api_token_id, metadata_digest, reverses, fee_refunded, seal"
)
_KINDS = {kind.value: kind for kind in Kind}
_DIRECTIONS = {direction.value: direction for direction in Direction}


class UnknownKind(Exception):
    """An entry of a kind that this release does not know, posted by a newer one."""


def from_row(row: Sequence[Any]) -> Entry:
    """The entry in a row of `COLUMNS`. Raises UnknownKind."""
    user_id, sequence, reference, kind, direction, *rest = row
    try:
        return Entry(user_id, sequence, reference, _KINDS[kind], _DIRECTIONS[direction], *rest)
    except KeyError as error:
        raise UnknownKind(f"{kind!r}, {direction!r}") from error
