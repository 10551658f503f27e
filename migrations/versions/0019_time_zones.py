"""Store the time zone of each user; that of existing users is UTC."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "ALTER TABLE users ADD COLUMN time_zone text DEFAULT 'UTC' NOT NULL, "
        "ADD CONSTRAINT users_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64)"
    )


def downgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE users DROP COLUMN time_zone")
