"""What the table of kinds says about entries, as conditions in SQL: for constraints and the audit."""

from __future__ import annotations

from collections.abc import Iterable

from domain.ledger import kinds
from domain.ledger.kinds import Kind, Rules


def one_of(of_kinds: Iterable[Kind]) -> str:
    """True for an entry, or a key, of one of these kinds."""
    quoted = ", ".join(f"'{kind}'" for kind in of_kinds)
    return f"kind IN ({quoted})"


def condition(rules: Rules) -> str:
    """True for an entry that looks like one of the kind with these rules."""
    directions = ", ".join(f"'{direction}'" for direction in rules.directions)
    parts = [f"direction IN ({directions})"]
    if rules.has_counterparty is not None:
        parts.append(f"counterparty_id IS {'NOT ' if rules.has_counterparty else ''}NULL")
    if rules.requested_by is None:
        parts.append("idempotency_key IS NULL")
    else:
        parts.append(f"(direction = '{rules.requested_by}') = (idempotency_key IS NOT NULL)")
    return " AND ".join(parts)


def constraint(kind: Kind) -> str:
    """True for an entry that is of another kind, or looks like one of this kind."""
    return f"kind <> '{kind}' OR ({condition(kinds.RULES[kind])})"
