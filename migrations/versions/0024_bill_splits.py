"""Store bill splits, and which payment requests belong to them."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (_SPLITS, _OF_REQUESTS, _INDEX):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "ALTER TABLE payment_requests DROP COLUMN split_id",
        "DROP TABLE bill_splits",
    ):
        op.get_bind().exec_driver_sql(statement)


_SPLITS = """
CREATE TABLE bill_splits (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    total bigint NOT NULL,
    own_share bigint NOT NULL,
    note text,
    created_at timestamptz NOT NULL,
    idempotency_key varchar(64) NOT NULL,
    CONSTRAINT bill_splits_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT bill_splits_user_id_idempotency_key_key UNIQUE (user_id, idempotency_key),
    CONSTRAINT bill_splits_total_positive_check CHECK (total > 0),
    CONSTRAINT bill_splits_own_share_check CHECK (own_share BETWEEN 0 AND total - 1),
    CONSTRAINT bill_splits_note_length_check CHECK (char_length(note) BETWEEN 1 AND 140),
    CONSTRAINT bill_splits_key_length_check CHECK (char_length(idempotency_key) BETWEEN 8 AND 64),
    CONSTRAINT bill_splits_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_OF_REQUESTS = (
    "ALTER TABLE payment_requests ADD COLUMN split_id uuid, "
    "ADD CONSTRAINT payment_requests_split_check CHECK (split_id IS NULL OR NOT is_open)"
)
_INDEX = """
CREATE INDEX payment_requests_split_idx ON payment_requests (user_id, split_id)
WHERE split_id IS NOT NULL
"""
