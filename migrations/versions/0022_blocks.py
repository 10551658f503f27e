"""Store which users have blocked which others."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_BLOCKS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE blocks")


_BLOCKS = """
CREATE TABLE blocks (
    user_id uuid NOT NULL,
    other_id uuid NOT NULL,
    role varchar(7) NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT blocks_pkey PRIMARY KEY (user_id, other_id, role),
    CONSTRAINT blocks_role_check CHECK (role IN ('blocker', 'blocked')),
    CONSTRAINT blocks_not_oneself_check CHECK (other_id <> user_id),
    CONSTRAINT blocks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
