"""What counts as damage: a rule about a table, which is a query that answers with the rows at fault.

Most of it cannot happen while the constraints and triggers stand. The audit is for what came past
them: a restored backup, a disk, a superuser's hand. So a query may lean on no constraint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from persistence import retention


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about one table. The query answers with `key` and `sentence` of each row at fault."""

    name: str
    table: str
    query: str


def seconds(duration: timedelta) -> str:
    """The duration as an interval in SQL."""
    return f"make_interval(secs => {duration.total_seconds()})"


def quoted(values: Iterable[str]) -> str:
    """The values as a list of literals in SQL."""
    return ", ".join(f"'{value}'" for value in values)


#: Rows of the outbox younger than this have not been deleted yet.
KEPT = seconds(retention.KEPT - timedelta(hours=1))
