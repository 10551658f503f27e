"""Let a reversal of a payment have several entries, and credit again less than it has taken.

An entry reverses one transaction, and a part of a payment that was taken back and credited again is a
transaction of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_UP = (
    """
    CREATE TABLE top_up_reversal_entries (
        user_id uuid NOT NULL,
        reference uuid NOT NULL,
        reversal_id uuid NOT NULL,
        CONSTRAINT top_up_reversal_entries_pkey PRIMARY KEY (user_id, reference),
        CONSTRAINT top_up_reversal_entries_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
    )
    """,
    """
    INSERT INTO top_up_reversal_entries (user_id, reference, reversal_id)
    SELECT user_id, reference, id FROM top_up_reversals WHERE reference IS NOT NULL
    """,
    """
    ALTER TABLE top_up_reversals
        ADD COLUMN returned bigint NOT NULL DEFAULT 0,
        DROP CONSTRAINT top_up_reversals_taken_check,
        DROP CONSTRAINT top_up_reversals_reference_check,
        DROP CONSTRAINT top_up_reversals_returned_check
    """,
    "UPDATE top_up_reversals SET returned = taken WHERE returned_reference IS NOT NULL",
    # On a cluster, one ALTER TABLE can add only one constraint.
    "ALTER TABLE top_up_reversals DROP COLUMN reference",
    """
    ALTER TABLE top_up_reversals ADD CONSTRAINT top_up_reversals_taken_check CHECK (
        taken BETWEEN 0 AND amount AND (status = 'RETURNED' OR (status = 'POSTED') = (taken > 0))
    )
    """,
    """
    ALTER TABLE top_up_reversals ADD CONSTRAINT top_up_reversals_returned_check CHECK (
        returned BETWEEN 0 AND amount AND (returned = 0 OR status = 'RETURNED')
        AND (returned_reference IS NOT NULL) = (returned > 0)
    )
    """,
)
_DOWN = (
    """
    ALTER TABLE top_up_reversals
        ADD COLUMN reference uuid,
        DROP CONSTRAINT top_up_reversals_taken_check,
        DROP CONSTRAINT top_up_reversals_returned_check,
        DROP COLUMN returned
    """,
    """
    UPDATE top_up_reversals AS r SET reference = e.reference FROM top_up_reversal_entries AS e
    WHERE e.user_id = r.user_id AND e.reversal_id = r.id
    """,
    """
    ALTER TABLE top_up_reversals ADD CONSTRAINT top_up_reversals_taken_check
        CHECK (taken BETWEEN 0 AND amount AND (taken > 0) = (reference IS NOT NULL))
    """,
    """
    ALTER TABLE top_up_reversals ADD CONSTRAINT top_up_reversals_reference_check
        CHECK (status = 'RETURNED' OR (status = 'POSTED') = (reference IS NOT NULL))
    """,
    """
    ALTER TABLE top_up_reversals ADD CONSTRAINT top_up_reversals_returned_check
        CHECK ((returned_reference IS NOT NULL) = (status = 'RETURNED' AND taken > 0))
    """,
    "DROP TABLE top_up_reversal_entries",
)


def upgrade() -> None:
    for statement in _UP:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in _DOWN:
        op.get_bind().exec_driver_sql(statement)
