"""Find entries and accounts by their day, for the totals that operators see.

Entries are stored in the order in which they are posted, so that a BRIN index, which costs a transfer next to
nothing, leads to those of a day.
"""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        "CREATE INDEX transactions_days_idx ON transactions USING brin (created_at) "
        "WITH (pages_per_range = 32, autosummarize = on)",
        "CREATE INDEX users_email_verified_at_idx ON users (email_verified_at) "
        "WHERE email_verified_at IS NOT NULL",
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "DROP INDEX users_email_verified_at_idx",
        "DROP INDEX transactions_days_idx",
    ):
        op.get_bind().exec_driver_sql(statement)
