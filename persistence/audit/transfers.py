"""The audit of transfers: the entries of sender and recipient agree."""

from __future__ import annotations

from persistence.audit.checks import KindAudit

AUDIT = KindAudit(
    agree="""
        entries = 2 AND senders = 1 AND same_amount AND same_people AND same_note AND same_time
    """,
    sentence="""
        CASE
        WHEN entries = 1 THEN format(
            'One side of the transfer is missing, in the account ledger of %s; the other is %s.',
            other, whose)
        WHEN entries > 2 OR senders <> 1 THEN format(
            'The transfer has %s sides that send and %s that receive: %s.',
            senders, entries - senders, whose)
        ELSE format('The two sides of the transfer, %s, disagree about %s.', whose, concat_ws(', ',
            CASE WHEN NOT same_amount THEN 'the amount' END,
            CASE WHEN NOT same_people THEN 'who took part' END,
            CASE WHEN NOT same_note THEN 'the note' END,
            CASE WHEN NOT same_time THEN 'the time' END))
        END
    """,
)
