"""Store top-ups through a payment provider."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        _TOP_UPS,
        _ATTEND_INDEX,
        _REVERSALS,
        _REVERSALS_INDEX,
        _MISMATCHES,
        _RECONCILIATIONS,
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        "DROP TABLE top_up_reconciliations, top_up_mismatches, top_up_reversals, top_ups"
    )


_TOP_UPS = """
CREATE TABLE top_ups (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    provider varchar(16) NOT NULL,
    amount bigint NOT NULL,
    status varchar(8) NOT NULL,
    idempotency_key varchar(64) NOT NULL,
    api_token_id uuid,
    created_at timestamptz NOT NULL,
    session_id varchar(255),
    checkout_url text,
    expires_at timestamptz NOT NULL,
    payment_id varchar(255),
    sequence bigint,
    reference uuid,
    refund varchar(4),
    attend_at timestamptz,
    CONSTRAINT top_ups_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT top_ups_user_id_idempotency_key_key UNIQUE (user_id, idempotency_key),
    CONSTRAINT top_ups_user_id_session_id_key UNIQUE (user_id, session_id),
    CONSTRAINT top_ups_user_id_payment_id_key UNIQUE (user_id, payment_id),
    CONSTRAINT top_ups_user_id_sequence_key UNIQUE (user_id, sequence),
    CONSTRAINT top_ups_amount_positive_check CHECK (amount > 0),
    CONSTRAINT top_ups_status_check CHECK (status IN ('PENDING', 'POSTED', 'FAILED', 'REVERSED')),
    CONSTRAINT top_ups_key_length_check CHECK (char_length(idempotency_key) BETWEEN 8 AND 64),
    CONSTRAINT top_ups_sequence_check
        CHECK ((sequence IS NOT NULL) = (status IN ('POSTED', 'REVERSED'))),
    CONSTRAINT top_ups_reference_check CHECK ((reference IS NULL) = (sequence IS NULL)),
    CONSTRAINT top_ups_refund_check CHECK (refund IN ('DUE', 'MADE')),
    CONSTRAINT top_ups_payment_check
        CHECK ((payment_id IS NOT NULL) = (sequence IS NOT NULL OR refund IS NOT NULL)),
    CONSTRAINT top_ups_refund_of_failed_check CHECK (refund IS NULL OR status = 'FAILED'),
    CONSTRAINT top_ups_checkout_url_check CHECK (checkout_url IS NULL OR status = 'PENDING'),
    CONSTRAINT top_ups_attend_at_check
        CHECK (attend_at IS NOT NULL OR status <> 'PENDING' AND refund IS DISTINCT FROM 'DUE'),
    CONSTRAINT top_ups_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_ATTEND_INDEX = """
CREATE INDEX top_ups_attend_at_idx ON top_ups (attend_at) WHERE attend_at IS NOT NULL
"""
_REVERSALS = """
CREATE TABLE top_up_reversals (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    top_up_id uuid NOT NULL,
    source varchar(7) NOT NULL,
    source_id varchar(255) NOT NULL,
    amount bigint NOT NULL,
    status varchar(8) NOT NULL,
    is_short boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    taken bigint NOT NULL DEFAULT 0,
    reference uuid,
    returned_reference uuid,
    CONSTRAINT top_up_reversals_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT top_up_reversals_user_id_source_id_key UNIQUE (user_id, source_id),
    CONSTRAINT top_up_reversals_source_check CHECK (source IN ('REFUND', 'DISPUTE')),
    CONSTRAINT top_up_reversals_amount_positive_check CHECK (amount > 0),
    CONSTRAINT top_up_reversals_status_check
        CHECK (status IN ('WAITING', 'POSTED', 'COVERED', 'RETURNED')),
    CONSTRAINT top_up_reversals_taken_check
        CHECK (taken BETWEEN 0 AND amount AND (taken > 0) = (reference IS NOT NULL)),
    CONSTRAINT top_up_reversals_reference_check
        CHECK (status = 'RETURNED' OR (status = 'POSTED') = (reference IS NOT NULL)),
    CONSTRAINT top_up_reversals_returned_check
        CHECK ((returned_reference IS NOT NULL) = (status = 'RETURNED' AND taken > 0)),
    CONSTRAINT top_up_reversals_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_REVERSALS_INDEX = """
CREATE INDEX top_up_reversals_waiting_idx ON top_up_reversals (created_at)
    WHERE status = 'WAITING'
"""
_MISMATCHES = """
CREATE TABLE top_up_mismatches (
    provider varchar(16) NOT NULL,
    source_id varchar(255) NOT NULL,
    reason varchar(32) NOT NULL,
    user_id uuid,
    top_up_id uuid,
    amount bigint,
    currency varchar(8),
    seen_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT top_up_mismatches_pkey PRIMARY KEY (provider, source_id, reason)
)
"""
_RECONCILIATIONS = """
CREATE TABLE top_up_reconciliations (
    provider varchar(16) NOT NULL,
    due_at timestamptz NOT NULL,
    through timestamptz,
    CONSTRAINT top_up_reconciliations_pkey PRIMARY KEY (provider)
)
"""
