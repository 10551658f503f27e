"""Store scheduled transfers and their runs."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (_SCHEDULES, _DUE_INDEX, _RUNS):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE scheduled_runs, scheduled_transfers")


_SCHEDULES = """
CREATE TABLE scheduled_transfers (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    recipient_id uuid NOT NULL,
    amount bigint NOT NULL,
    note text,
    recurrence_unit varchar(8),
    recurrence_interval integer,
    starts_on date NOT NULL,
    ends_on date,
    time_zone text NOT NULL,
    status varchar(8) NOT NULL DEFAULT 'ACTIVE',
    created_at timestamptz NOT NULL,
    idempotency_key varchar(64) NOT NULL,
    api_token_id uuid,
    next_number bigint NOT NULL DEFAULT 1,
    attempt_at timestamptz,
    CONSTRAINT scheduled_transfers_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT scheduled_transfers_user_id_idempotency_key_key UNIQUE (user_id, idempotency_key),
    CONSTRAINT scheduled_transfers_not_oneself_check CHECK (recipient_id <> user_id),
    CONSTRAINT scheduled_transfers_amount_positive_check CHECK (amount > 0),
    CONSTRAINT scheduled_transfers_note_length_check CHECK (char_length(note) BETWEEN 1 AND 140),
    CONSTRAINT scheduled_transfers_recurrence_unit_check
        CHECK (recurrence_unit IN ('DAY', 'WEEK', 'MONTH', 'YEAR')),
    CONSTRAINT scheduled_transfers_recurrence_check
        CHECK ((recurrence_unit IS NULL) = (recurrence_interval IS NULL)),
    CONSTRAINT scheduled_transfers_recurrence_interval_check
        CHECK (recurrence_interval BETWEEN 1 AND 1000),
    CONSTRAINT scheduled_transfers_ends_on_check CHECK (ends_on >= starts_on),
    CONSTRAINT scheduled_transfers_time_zone_length_check
        CHECK (char_length(time_zone) BETWEEN 1 AND 64),
    CONSTRAINT scheduled_transfers_status_check CHECK (status IN ('ACTIVE', 'PAUSED', 'ENDED')),
    CONSTRAINT scheduled_transfers_key_length_check
        CHECK (char_length(idempotency_key) BETWEEN 8 AND 64),
    CONSTRAINT scheduled_transfers_next_number_positive_check CHECK (next_number > 0),
    CONSTRAINT scheduled_transfers_attempt_at_check
        CHECK ((attempt_at IS NOT NULL) = (status = 'ACTIVE')),
    CONSTRAINT scheduled_transfers_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_DUE_INDEX = """
CREATE INDEX scheduled_transfers_attempt_at_idx ON scheduled_transfers (attempt_at)
    WHERE attempt_at IS NOT NULL
"""
_RUNS = """
CREATE TABLE scheduled_runs (
    user_id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    number bigint NOT NULL,
    due_at timestamptz NOT NULL,
    status varchar(8) NOT NULL DEFAULT 'WAITING',
    sequence bigint,
    refusal jsonb,
    CONSTRAINT scheduled_runs_pkey PRIMARY KEY (user_id, schedule_id, number),
    CONSTRAINT scheduled_runs_number_positive_check CHECK (number > 0),
    CONSTRAINT scheduled_runs_status_check CHECK (status IN ('WAITING', 'SENT', 'FAILED')),
    CONSTRAINT scheduled_runs_sequence_check CHECK ((sequence IS NOT NULL) = (status = 'SENT')),
    CONSTRAINT scheduled_runs_refusal_check CHECK (status <> 'SENT' OR refusal IS NULL),
    CONSTRAINT scheduled_runs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
