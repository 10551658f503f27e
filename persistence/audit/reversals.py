"""The audit of reversals: their entries agree, and fit the transactions that they reverse."""

from __future__ import annotations

from persistence.audit.checks import Check, KindAudit

AUDIT = KindAudit(
    agree="""
        senders = 1 AND same_reverses AND same_note AND same_time AND returned = taken
        AND (entries = 1 AND other IS NULL OR entries = 2 AND same_people)
    """,
    sentence="""
        CASE
        WHEN entries = 1 THEN format(
            'One side of the reversal is missing, in the account ledger of %s; the other is %s.',
            other, whose)
        WHEN entries > 2 OR senders <> 1 THEN format(
            'The reversal has %s sides that send and %s that receive: %s.',
            senders, entries - senders, whose)
        ELSE format('The two sides of the reversal, %s, disagree about %s.', whose, concat_ws(', ',
            CASE WHEN returned IS DISTINCT FROM taken THEN 'the amount' END,
            CASE WHEN NOT same_people THEN 'who took part' END,
            CASE WHEN NOT same_reverses THEN 'what it reverses' END,
            CASE WHEN NOT same_note THEN 'the note' END,
            CASE WHEN NOT same_time THEN 'the time' END))
        END
    """,
    checks=(
        Check(
            "reversals and what they reverse",
            "transactions",
            """
SELECT concat(r.user_id, '/', r.sequence) AS key, CASE
    WHEN t.user_id IS NULL THEN 'What it reverses is not in this account ledger.'
    WHEN t.kind = 'reversal' THEN 'It reverses a reversal.'
    WHEN r.direction = t.direction
        OR r.counterparty_id IS DISTINCT FROM t.counterparty_id
        THEN 'It does not take back what it reverses: it is of other users, or goes the same way.'
    WHEN r.created_at < t.created_at THEN 'It is older than what it reverses.'
    WHEN r.fee <> 0 THEN 'A reversal has no fee.'
    ELSE 'It refunds a fee that it cannot refund.'
    END AS sentence
FROM transactions AS r
LEFT JOIN transactions AS t ON t.user_id = r.user_id AND t.reference = r.reverses
WHERE r.kind = 'reversal' AND (
    t.user_id IS NULL OR t.kind = 'reversal' OR r.direction = t.direction
    OR r.counterparty_id IS DISTINCT FROM t.counterparty_id OR r.created_at < t.created_at
    OR r.fee <> 0 OR r.fee_refunded IS NOT NULL AND (
        r.direction <> 'incoming' OR r.fee_refunded < 0 OR r.fee_refunded >= r.amount
    )
)
""",
        ),
        # In the form of an equation: what parts of any size have refunded is what one of their sum would.
        Check(
            "sums of reversals",
            "transactions",
            """
SELECT concat(t.user_id, '/', t.sequence) AS key, CASE
    WHEN r.reversed > t.amount THEN format(
        'Reversals of %s exceed its amount of %s.', r.reversed, t.amount)
    ELSE format('Reversals have refunded %s of its fee of %s, which is not their share.', r.refunded, t.fee)
    END AS sentence
FROM (
    SELECT user_id, reverses AS reference,
        sum(amount::numeric - coalesce(fee_refunded, 0)) AS reversed,
        coalesce(sum(amount::numeric - fee_refunded), 0) AS with_fee,
        coalesce(sum(fee_refunded::numeric), 0) AS refunded
    FROM transactions WHERE reverses IS NOT NULL GROUP BY user_id, reverses
) AS r
JOIN transactions AS t ON t.user_id = r.user_id AND t.reference = r.reference
WHERE r.reversed > t.amount OR r.refunded <> div(t.fee::numeric * r.with_fee, t.amount)
""",
        ),
    ),
)
