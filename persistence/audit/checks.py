"""The form of a check: a rule about a table, as a query that returns the rows that violate it.

Constraints and triggers prevent most violations. The audit finds those that bypassed them: in a restored
backup, on a faulty disk, or by a superuser. A query must therefore not rely on any constraint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from persistence import retention


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about one table. The query returns `key` and `sentence` of each row that violates it."""

    name: str
    table: str
    query: str


@dataclass(frozen=True, slots=True)
class KindAudit:
    """The rules of one kind of transaction.

    Two of them are expressions in SQL about all entries with one reference, on the columns that
    `persistence.audit.kinds` computes.
    """

    #: True where they make up one transaction.
    agree: str
    #: What is wrong where they do not.
    sentence: str
    #: Further checks of this kind.
    checks: Sequence[Check] = ()


#: The ids of closed accounts whose personal data is erased, or is being erased.
ERASED = """
SELECT u.id FROM users AS u LEFT JOIN closed_accounts AS c ON c.user_id = u.id
WHERE u.closed_at IS NOT NULL AND (c.user_id IS NULL OR c.erase_at <= clock_timestamp())
"""


def seconds(duration: timedelta) -> str:
    """The duration as an interval in SQL."""
    return f"make_interval(secs => {duration.total_seconds()})"


def quoted(values: Iterable[str]) -> str:
    """The values as a list of literals in SQL."""
    return ", ".join(f"'{value}'" for value in values)


#: Rows of the outbox younger than this have not been deleted yet.
KEPT = seconds(retention.KEPT - timedelta(hours=1))
