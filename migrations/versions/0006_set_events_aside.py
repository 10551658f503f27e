"""Set events aside that a relay cannot read, so that they do not stop the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PENDING = "outbox_pending_idx"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("set_aside_at", sa.DateTime(timezone=True)))
    op.drop_index(_PENDING, "outbox")
    op.create_index(
        _PENDING,
        "outbox",
        ["id"],
        postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
    )
    op.create_index(
        "outbox_set_aside_idx",
        "outbox",
        ["id"],
        postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("outbox_set_aside_idx", "outbox")
    op.drop_index(_PENDING, "outbox")
    op.drop_column("outbox", "set_aside_at")
    op.create_index(_PENDING, "outbox", ["id"], postgresql_where=sa.text("published_at IS NULL"))
