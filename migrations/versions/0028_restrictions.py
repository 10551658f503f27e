"""Store what accounts are barred from, and until when."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_COLUMNS = ("sending_restricted_until", "receiving_restricted_until", "adding_restricted_until")


def upgrade() -> None:
    added = ", ".join(f"ADD COLUMN {column} timestamptz" for column in _COLUMNS)
    op.get_bind().exec_driver_sql(f"ALTER TABLE users {added}")


def downgrade() -> None:
    dropped = ", ".join(f"DROP COLUMN {column}" for column in _COLUMNS)
    op.get_bind().exec_driver_sql(f"ALTER TABLE users {dropped}")
