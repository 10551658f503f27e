"""Find an entry of an account ledger by its reference."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "CREATE INDEX transactions_reference_idx ON transactions (user_id, reference)"
    )


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP INDEX transactions_reference_idx")
