"""Let rows of the outbox carry the trace that they belong to."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Processes that are traced set the parameter for their transactions, so that every statement that
    # writes to the outbox stays as it is. It is empty where it was set earlier in the session.
    op.get_bind().exec_driver_sql(
        "ALTER TABLE outbox ADD COLUMN traceparent text NOT NULL "
        "DEFAULT coalesce(current_setting('mini_wallet.traceparent', true), '')"
    )


def downgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE outbox DROP COLUMN traceparent")
