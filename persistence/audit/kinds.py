"""The audit of transactions by their kind, and the table of the rules of each kind."""

from __future__ import annotations

from collections.abc import Mapping

from domain.ledger import kinds
from domain.ledger.kinds import Kind
from persistence.audit import reversals, top_ups, transfers
from persistence.audit.checks import Check, KindAudit
from persistence.ledger import kind_conditions

AUDITS: Mapping[Kind, KindAudit] = {
    Kind.TRANSFER: transfers.AUDIT,
    Kind.TOP_UP: top_ups.AUDIT,
    Kind.REVERSAL: reversals.AUDIT,
}


def _by_kind(of_kind: Mapping[Kind, str], otherwise: str) -> str:
    """For each row what its kind has here, in SQL."""
    cases = " ".join(f"WHEN '{kind}' THEN ({sql})" for kind, sql in of_kind.items())
    return f"CASE kind {cases} ELSE {otherwise} END"


_LOOKS_RIGHT = _by_kind(
    {kind: kind_conditions.condition(rules) for kind, rules in kinds.RULES.items()}, "false"
)
_LOOKS = f"""
SELECT concat(user_id, '/', sequence) AS key, format(
    'No %s entry of the kind %s has %s counterparty and %s idempotency key.', direction, kind,
    CASE WHEN counterparty_id IS NULL THEN 'no' ELSE 'a' END,
    CASE WHEN idempotency_key IS NULL THEN 'no' ELSE 'an' END
) AS sentence
FROM transactions WHERE ({_LOOKS_RIGHT}) IS NOT TRUE
"""  # noqa: S608

_AGREE = _by_kind({kind: audit.agree for kind, audit in AUDITS.items()}, "false")
_SENTENCE = _by_kind(
    {kind: audit.sentence for kind, audit in AUDITS.items()}, "'No transactions are of this kind.'"
)
_SIDES = f"""
SELECT reference::text AS key, CASE
    WHEN kind <> other_kind
        THEN format('This reference is on transactions of several kinds: %s.', whose)
    ELSE {_SENTENCE}
    END AS sentence
FROM (
    SELECT reference, count(*) AS entries, min(kind) AS kind, max(kind) AS other_kind,
        count(*) FILTER (WHERE direction = 'outgoing') AS senders,
        min(amount) = max(amount) AS same_amount,
        min(user_id::text) = min(counterparty_id::text)
            AND max(user_id::text) = max(counterparty_id::text) AS same_people,
        min(note) IS NOT DISTINCT FROM max(note) AND count(note) IN (0, count(*)) AS same_note,
        min(created_at) = max(created_at) AS same_time,
        min(reverses::text) = max(reverses::text) AND count(reverses) = count(*) AS same_reverses,
        max(amount) FILTER (WHERE direction = 'outgoing') AS taken,
        coalesce(
            max(amount::numeric - coalesce(fee_refunded, 0)) FILTER (WHERE direction = 'incoming'),
            max(amount) FILTER (WHERE direction = 'outgoing')
        ) AS returned,
        (array_agg(user_id || '/' || sequence ORDER BY user_id, sequence))[1:4]::text AS whose,
        min(counterparty_id::text) AS other
    FROM transactions GROUP BY reference
) AS movement
WHERE (kind = other_kind AND {_AGREE}) IS NOT TRUE
"""  # noqa: S608

CHECKS = (
    Check("entries by kind", "transactions", _LOOKS),
    Check("the entries of each transaction", "transactions", _SIDES),
    *(check for audit in AUDITS.values() for check in audit.checks),
)
