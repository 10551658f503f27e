"""Store payment requests."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (_REQUESTS, _LIST_INDEX, _PAID_INDEX, _EXPIRY_INDEX):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE payment_requests")


_REQUESTS = """
CREATE TABLE payment_requests (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    role varchar(9) NOT NULL,
    requester_id uuid NOT NULL,
    payer_id uuid,
    is_open boolean NOT NULL,
    amount bigint NOT NULL,
    note text,
    status varchar(9) NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at timestamptz,
    secret bytea NOT NULL,
    reference uuid,
    idempotency_key varchar(64),
    CONSTRAINT payment_requests_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT payment_requests_user_id_secret_key UNIQUE (user_id, secret),
    CONSTRAINT payment_requests_user_id_reference_key UNIQUE (user_id, reference),
    CONSTRAINT payment_requests_user_id_idempotency_key_key UNIQUE (user_id, idempotency_key),
    CONSTRAINT payment_requests_role_check CHECK (role IN ('requester', 'payer')),
    CONSTRAINT payment_requests_user_check
        CHECK ((user_id = CASE role WHEN 'requester' THEN requester_id ELSE payer_id END) IS TRUE),
    CONSTRAINT payment_requests_not_oneself_check CHECK (payer_id <> requester_id),
    CONSTRAINT payment_requests_payer_check CHECK (is_open OR payer_id IS NOT NULL),
    CONSTRAINT payment_requests_amount_positive_check CHECK (amount > 0),
    CONSTRAINT payment_requests_note_length_check CHECK (char_length(note) BETWEEN 1 AND 140),
    CONSTRAINT payment_requests_status_check
        CHECK (status IN ('pending', 'paid', 'declined', 'cancelled', 'expired')),
    CONSTRAINT payment_requests_closed_at_check CHECK ((status = 'pending') = (closed_at IS NULL)),
    CONSTRAINT payment_requests_reference_check CHECK ((status = 'paid') = (reference IS NOT NULL)),
    CONSTRAINT payment_requests_open_check
        CHECK (NOT is_open OR (status = 'paid') = (payer_id IS NOT NULL) AND status <> 'declined'),
    CONSTRAINT payment_requests_expired_check CHECK (status <> 'expired' OR closed_at = expires_at),
    CONSTRAINT payment_requests_lifetime_check CHECK (expires_at > created_at),
    CONSTRAINT payment_requests_secret_length_check CHECK (octet_length(secret) = 16),
    CONSTRAINT payment_requests_key_of_requester_check
        CHECK (idempotency_key IS NULL OR role = 'requester'),
    CONSTRAINT payment_requests_key_length_check CHECK (char_length(idempotency_key) BETWEEN 8 AND 64),
    CONSTRAINT payment_requests_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_LIST_INDEX = (
    "CREATE INDEX payment_requests_list_idx ON payment_requests (user_id, role, status, id)"
)
_PAID_INDEX = """
CREATE INDEX payment_requests_paid_idx ON payment_requests (user_id, payer_id)
WHERE role = 'requester' AND status = 'paid'
"""
_EXPIRY_INDEX = """
CREATE INDEX payment_requests_expires_at_idx ON payment_requests (expires_at)
WHERE role = 'requester' AND status = 'pending'
"""
