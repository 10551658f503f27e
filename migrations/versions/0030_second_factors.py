"""Store second factors, challenges and wrong answers, and which sessions a second factor confirmed."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        "ALTER TABLE users ADD COLUMN confirm_above bigint, "
        "ADD CONSTRAINT users_confirm_above_check CHECK (confirm_above > 0)",
        "ALTER TABLE sessions ADD COLUMN confirmed_by_factor boolean DEFAULT false NOT NULL",
        _TOTP,
        "CREATE INDEX totp_factors_key_idx ON totp_factors (key_id)",
        _PASSKEYS,
        _RECOVERY_CODES,
        _CHALLENGES,
        "CREATE INDEX second_factor_challenges_expires_at_idx ON second_factor_challenges (expires_at)",
        _FAILURES,
        "CREATE INDEX second_factor_failures_failed_at_idx ON second_factor_failures (failed_at)",
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "DROP TABLE totp_factors, passkeys, recovery_codes, second_factor_challenges, "
        "second_factor_failures",
        "ALTER TABLE sessions DROP COLUMN confirmed_by_factor",
        "ALTER TABLE users DROP COLUMN confirm_above",
    ):
        op.get_bind().exec_driver_sql(statement)


_TOTP = """
CREATE TABLE totp_factors (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    key_id bytea NOT NULL,
    encrypted bytea NOT NULL,
    last_step bigint NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT totp_factors_pkey PRIMARY KEY (user_id),
    CONSTRAINT totp_factors_key_id_length_check CHECK (octet_length(key_id) = 8),
    CONSTRAINT totp_factors_last_step_check CHECK (last_step >= 0),
    CONSTRAINT totp_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_PASSKEYS = """
CREATE TABLE passkeys (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    counter bigint NOT NULL,
    transports text[] NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT passkeys_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT passkeys_user_id_credential_id_key UNIQUE (user_id, credential_id),
    CONSTRAINT passkeys_credential_id_length_check
        CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    CONSTRAINT passkeys_counter_check CHECK (counter >= 0),
    CONSTRAINT passkeys_name_length_check CHECK (char_length(name) BETWEEN 1 AND 80),
    CONSTRAINT passkeys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_RECOVERY_CODES = """
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    code_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT recovery_codes_code_hash_length_check CHECK (octet_length(code_hash) = 32),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_CHALLENGES = """
CREATE TABLE second_factor_challenges (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    purpose varchar(16) NOT NULL,
    secret_hash bytea NOT NULL,
    binding bytea NOT NULL,
    key_id bytea,
    encrypted bytea,
    attempts integer DEFAULT 0 NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT second_factor_challenges_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT second_factor_challenges_purpose_check CHECK (purpose IN ('sign_in', 'passkey_sign_in',
        'confirm_session', 'reset_password', 'enable_totp', 'add_passkey', 'transfer')),
    CONSTRAINT second_factor_challenges_secret_hash_length_check CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT second_factor_challenges_binding_length_check CHECK (octet_length(binding) = 32),
    CONSTRAINT second_factor_challenges_encrypted_check CHECK ((key_id IS NULL) = (encrypted IS NULL)),
    CONSTRAINT second_factor_challenges_attempts_check CHECK (attempts BETWEEN 0 AND 10),
    CONSTRAINT second_factor_challenges_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_FAILURES = """
CREATE TABLE second_factor_failures (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    failed_at timestamptz NOT NULL,
    CONSTRAINT second_factor_failures_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT second_factor_failures_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
