"""Post reversals: entries that refer to the transaction that they reverse.

The two new columns are null in all entries made so far, whose seals stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_UP = (
    "ALTER TABLE transactions ADD COLUMN reverses uuid, ADD COLUMN fee_refunded bigint",
    """
    ALTER TABLE transactions
        ADD CONSTRAINT transactions_reversal_check CHECK (
            kind <> 'reversal' OR (direction IN ('outgoing', 'incoming') AND idempotency_key IS NULL)
        ),
        ADD CONSTRAINT transactions_reverses_check CHECK (
            CASE WHEN kind = 'reversal' THEN reverses IS NOT NULL AND reverses <> reference AND fee = 0
                AND (direction = 'outgoing' OR counterparty_id IS NOT NULL)
            ELSE reverses IS NULL END
        ),
        ADD CONSTRAINT transactions_fee_refunded_check CHECK (
            fee_refunded IS NULL OR (reverses IS NOT NULL AND direction = 'incoming'
                AND fee_refunded BETWEEN 0 AND amount - 1)
        ),
        DROP CONSTRAINT transactions_kind_check,
        ADD CONSTRAINT transactions_kind_check CHECK (kind IN ('transfer', 'top_up', 'reversal'))
    """,
    """
    CREATE INDEX transactions_reverses_idx ON transactions (user_id, reverses)
    WHERE reverses IS NOT NULL
    """,
    # The reference comes first, so that operators find the two sides by it. References are made in order:
    # new ones are all at the end of the index.
    "DROP INDEX transactions_reference_idx",
    "CREATE INDEX transactions_reference_idx ON transactions (reference, user_id)",
)
_DOWN = (
    """
    ALTER TABLE transactions
        DROP CONSTRAINT transactions_kind_check,
        ADD CONSTRAINT transactions_kind_check CHECK (kind IN ('transfer', 'top_up')),
        DROP CONSTRAINT transactions_reversal_check,
        DROP COLUMN reverses,
        DROP COLUMN fee_refunded
    """,
    "DROP INDEX transactions_reference_idx",
    "CREATE INDEX transactions_reference_idx ON transactions (user_id, reference)",
)


def upgrade() -> None:
    _run(_UP)


def downgrade() -> None:
    _run(_DOWN)


def _run(statements: Sequence[str]) -> None:
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)
