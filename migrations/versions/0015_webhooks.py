"""Store webhooks, their signing secrets, and the attempts of the last 30 days."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        _WEBHOOKS,
        _OF_TOKENS_INDEX,
        _FAILING_INDEX,
        _SECRETS,
        _SECRETS_INDEX,
        _KEYS_INDEX,
        _EXPIRY_INDEX,
        _ATTEMPTS,
        _ATTEMPTS_INDEX,
        _ATTEMPTS_EVENT_INDEX,
        _ATTEMPTS_AGE_INDEX,
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE webhook_attempts, webhook_secrets, webhooks")
    for table in ("delivery_due", "delivery_cursors"):
        op.get_bind().exec_driver_sql(
            f"DELETE FROM {table} WHERE sink IN ('webhooks', 'webhooks-notifications')"
        )


_WEBHOOKS = """
CREATE TABLE webhooks (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    api_token_id uuid,
    url text NOT NULL,
    stream varchar(16) NOT NULL,
    document text NOT NULL,
    status varchar(8) NOT NULL DEFAULT 'ACTIVE',
    created_at timestamptz NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    next_attempt_at timestamptz,
    lease uuid,
    leased_until timestamptz,
    CONSTRAINT webhooks_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT webhooks_stream_check CHECK (stream IN ('WALLET_EVENTS', 'NOTIFICATIONS')),
    CONSTRAINT webhooks_status_check CHECK (status IN ('ACTIVE', 'PAUSED', 'DISABLED')),
    CONSTRAINT webhooks_url_length_check CHECK (char_length(url) BETWEEN 1 AND 2000),
    CONSTRAINT webhooks_document_length_check CHECK (char_length(document) BETWEEN 1 AND 10000),
    CONSTRAINT webhooks_failures_check CHECK (failures >= 0),
    CONSTRAINT webhooks_failing_since_check CHECK ((failures > 0) = (failing_since IS NOT NULL)),
    CONSTRAINT webhooks_next_attempt_check
        CHECK ((next_attempt_at IS NOT NULL) = (failures > 0 AND status = 'ACTIVE')),
    CONSTRAINT webhooks_lease_check CHECK ((lease IS NULL) = (leased_until IS NULL)),
    CONSTRAINT webhooks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_OF_TOKENS_INDEX = """
CREATE INDEX webhooks_api_token_idx ON webhooks (user_id, api_token_id) WHERE api_token_id IS NOT NULL
"""
_FAILING_INDEX = """
CREATE INDEX webhooks_failing_idx ON webhooks (failing_since) WHERE next_attempt_at IS NOT NULL
"""
_SECRETS = """
CREATE TABLE webhook_secrets (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    key_id bytea NOT NULL,
    encrypted bytea NOT NULL,
    hint text NOT NULL,
    expires_at timestamptz,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT webhook_secrets_key_id_length_check CHECK (octet_length(key_id) = 8),
    CONSTRAINT webhook_secrets_hint_length_check CHECK (char_length(hint) = 4),
    CONSTRAINT webhook_secrets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_SECRETS_INDEX = (
    "CREATE INDEX webhook_secrets_webhook_idx ON webhook_secrets (user_id, webhook_id, id)"
)
_KEYS_INDEX = "CREATE INDEX webhook_secrets_key_idx ON webhook_secrets (key_id)"
_EXPIRY_INDEX = """
CREATE INDEX webhook_secrets_expires_at_idx ON webhook_secrets (expires_at) WHERE expires_at IS NOT NULL
"""
_ATTEMPTS = """
CREATE TABLE webhook_attempts (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    number bigint NOT NULL,
    attempt integer NOT NULL,
    sent_at timestamptz NOT NULL,
    duration_milliseconds integer NOT NULL,
    status integer,
    detail text,
    is_delivered boolean NOT NULL,
    next_attempt_at timestamptz,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT webhook_attempts_number_positive_check CHECK (number > 0),
    CONSTRAINT webhook_attempts_attempt_positive_check CHECK (attempt > 0),
    CONSTRAINT webhook_attempts_detail_length_check CHECK (char_length(detail) <= 500),
    CONSTRAINT webhook_attempts_next_attempt_check
        CHECK (NOT (is_delivered AND next_attempt_at IS NOT NULL)),
    CONSTRAINT webhook_attempts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_ATTEMPTS_INDEX = (
    "CREATE INDEX webhook_attempts_webhook_idx ON webhook_attempts (user_id, webhook_id, id)"
)
_ATTEMPTS_EVENT_INDEX = """
CREATE INDEX webhook_attempts_event_idx ON webhook_attempts (user_id, webhook_id, number, attempt)
"""
_ATTEMPTS_AGE_INDEX = "CREATE INDEX webhook_attempts_sent_at_idx ON webhook_attempts (sent_at)"
