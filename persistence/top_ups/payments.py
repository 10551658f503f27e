"""Credited payments in ledger commits: what reversals claim and have taken of them, and what is left."""

from __future__ import annotations

from collections.abc import Sequence

from domain.ledger.reversals import Original
from domain.top_ups.reversing import Payment, PaymentOf
from persistence.engine import pipeline
from persistence.engine.pipeline import Rows, Statement
from persistence.ledger import entry_rows

_ENTRY = ", ".join(f"t.{column}" for column in entry_rows.COLUMNS.split(", "))
# A row for each entry that credited it: by the provider once, and once for each reversal that was returned.
_PAYMENTS = f"""
WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)),
sums AS (
    SELECT r.user_id, r.top_up_id,
        coalesce(sum(r.amount) FILTER (WHERE r.status IN ('POSTED', 'COVERED')), 0)::bigint AS claimed,
        sum(r.taken - r.returned)::bigint AS taken
    FROM asked JOIN top_up_reversals AS r ON r.user_id = asked.user_id AND r.top_up_id = asked.id
    GROUP BY r.user_id, r.top_up_id
),
credits AS (
    SELECT p.user_id, p.id, p.reference
    FROM asked JOIN top_ups AS p ON p.user_id = asked.user_id AND p.id = asked.id
    UNION ALL
    SELECT r.user_id, r.top_up_id, r.returned_reference
    FROM asked JOIN top_up_reversals AS r ON r.user_id = asked.user_id AND r.top_up_id = asked.id
)
SELECT p.id, p.amount, coalesce(s.claimed, 0), coalesce(s.taken, 0),
    coalesce(sum(r.amount), 0)::bigint, {_ENTRY}
FROM credits AS c
JOIN top_ups AS p ON p.user_id = c.user_id AND p.id = c.id
LEFT JOIN sums AS s ON s.user_id = c.user_id AND s.top_up_id = c.id
JOIN transactions AS t ON t.user_id = c.user_id AND t.reference = c.reference
LEFT JOIN transactions AS r ON r.user_id = t.user_id AND r.reverses = t.reference
GROUP BY p.user_id, p.id, p.amount, s.claimed, s.taken, t.user_id, t.sequence
ORDER BY t.sequence
""".encode()  # noqa: S608


def payments(asked: Sequence[PaymentOf]) -> Statement:
    """The payments of those top-ups that are credited."""
    return _PAYMENTS, (
        pipeline.array(each.user_id for each in asked),
        pipeline.array(each.top_up_id for each in asked),
    )


def read_payments(rows: Rows) -> dict[PaymentOf, Payment]:
    """By look-up, the payments that `payments` asked for."""
    found: dict[PaymentOf, Payment] = {}
    for top_up_id, amount_minor, claimed_minor, taken_minor, reversed_minor, *columns in rows:
        credit = Original(entry_rows.from_row(columns), reversed_minor)
        look_up = PaymentOf(credit.entry.user_id, top_up_id)
        earlier = found[look_up].credits if look_up in found else ()
        found[look_up] = Payment(amount_minor, claimed_minor, taken_minor, (*earlier, credit))
    return found
