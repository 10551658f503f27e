"""Store exports of data, in chunks, where every process can read them."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (_EXPORTS, _DUE_INDEX, _EXPIRY_INDEX, _CHUNKS, _STORAGE):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE data_export_chunks")
    op.get_bind().exec_driver_sql("DROP TABLE data_exports")


_EXPORTS = """
CREATE TABLE data_exports (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    status varchar(8) DEFAULT 'PENDING' NOT NULL,
    requested_at timestamptz NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    attempt_at timestamptz,
    ended_at timestamptz,
    expires_at timestamptz,
    size bigint,
    CONSTRAINT data_exports_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT data_exports_status_check CHECK (status IN ('PENDING', 'READY', 'FAILED')),
    CONSTRAINT data_exports_attempts_check CHECK (attempts >= 0),
    CONSTRAINT data_exports_attempt_at_check CHECK ((attempt_at IS NOT NULL) = (status = 'PENDING')),
    CONSTRAINT data_exports_ended_check
        CHECK ((ended_at IS NULL) = (status = 'PENDING') AND (expires_at IS NULL) = (ended_at IS NULL)),
    CONSTRAINT data_exports_size_check CHECK ((size > 0) IS TRUE = (status = 'READY')),
    CONSTRAINT data_exports_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_DUE_INDEX = """
CREATE INDEX data_exports_attempt_at_idx ON data_exports (attempt_at) WHERE attempt_at IS NOT NULL
"""
_EXPIRY_INDEX = """
CREATE INDEX data_exports_expires_at_idx ON data_exports (expires_at) WHERE expires_at IS NOT NULL
"""
_CHUNKS = """
CREATE TABLE data_export_chunks (
    user_id uuid NOT NULL,
    export_id uuid NOT NULL,
    attempt integer NOT NULL,
    position integer NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT data_export_chunks_pkey PRIMARY KEY (user_id, export_id, attempt, position),
    CONSTRAINT data_export_chunks_position_check CHECK (position >= 0),
    CONSTRAINT data_export_chunks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
# They are compressed already.
_STORAGE = "ALTER TABLE data_export_chunks ALTER COLUMN content SET STORAGE EXTERNAL"
