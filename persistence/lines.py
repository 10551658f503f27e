"""A line of the book as the table has it: its columns, and back into the domain's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.transfers import Direction, Kind, Line

#: In the order of the fields of `Line`.
COLUMNS = (
    "user_id, sequence, reference, kind, direction, amount, fee, counterparty_id, note, balance_after, "
    "created_at, idempotency_key, api_token_id, seal"
)
_KINDS = {kind.value: kind for kind in Kind}
_DIRECTIONS = {direction.value: direction for direction in Direction}


def from_row(row: Sequence[Any]) -> Line:
    """The line in a row of `COLUMNS`."""
    user_id, sequence, reference, kind, direction, *rest = row
    return Line(user_id, sequence, reference, _KINDS[kind], _DIRECTIONS[direction], *rest)
