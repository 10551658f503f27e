"""Note from which network a mail was requested: each has a budget of its own."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE mails ADD COLUMN requested_from text")


def downgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE mails DROP COLUMN requested_from")
