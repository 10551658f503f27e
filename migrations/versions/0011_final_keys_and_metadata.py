"""Store which idempotency keys are closed, and the metadata of transactions.

The hash that a seal covers is a column of the entry; it is null in all entries made so far, whose seals
stay as they are.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statements in (_DIGEST, _METADATA, _CLOSED_KEYS):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        DROP TABLE closed_keys, transaction_metadata;
        DROP FUNCTION refuse_change_of_closed_keys();
        ALTER TABLE transactions DROP COLUMN metadata_digest;
        """
    )


_DIGEST = """
ALTER TABLE transactions
    ADD COLUMN metadata_digest bytea,
    ADD CONSTRAINT transactions_metadata_of_who_asked_check
        CHECK (metadata_digest IS NULL OR idempotency_key IS NOT NULL),
    ADD CONSTRAINT transactions_metadata_digest_length_check CHECK (octet_length(metadata_digest) = 32);
"""

_METADATA = """
CREATE TABLE transaction_metadata (
    user_id uuid NOT NULL,
    sequence bigint NOT NULL,
    position bigint NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    salt bytea NOT NULL,
    CONSTRAINT transaction_metadata_pkey PRIMARY KEY (user_id, sequence, position),
    CONSTRAINT transaction_metadata_user_id_sequence_key_key UNIQUE (user_id, sequence, key),
    CONSTRAINT transaction_metadata_position_check CHECK (position BETWEEN 1 AND 20),
    CONSTRAINT transaction_metadata_key_length_check CHECK (char_length(key) BETWEEN 1 AND 40),
    CONSTRAINT transaction_metadata_value_length_check CHECK (char_length(value) <= 500),
    CONSTRAINT transaction_metadata_salt_length_check CHECK (octet_length(salt) = 16),
    CONSTRAINT transaction_metadata_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX transaction_metadata_entry_idx ON transaction_metadata (user_id, key, value, sequence);
"""

_CLOSED_KEYS = """
CREATE TABLE closed_keys (
    user_id uuid NOT NULL,
    kind varchar(8) NOT NULL,
    idempotency_key varchar(64) NOT NULL,
    closed_at timestamptz NOT NULL,
    CONSTRAINT closed_keys_pkey PRIMARY KEY (user_id, kind, idempotency_key),
    CONSTRAINT closed_keys_kind_check CHECK (kind IN ('transfer', 'top_up')),
    CONSTRAINT closed_keys_key_length_check CHECK (char_length(idempotency_key) BETWEEN 8 AND 64),
    CONSTRAINT closed_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
REVOKE UPDATE, DELETE, TRUNCATE ON closed_keys FROM PUBLIC;
CREATE FUNCTION refuse_change_of_closed_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A closed idempotency key stays closed.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER closed_keys_append_only BEFORE UPDATE OR DELETE ON closed_keys
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closed_keys();
CREATE TRIGGER closed_keys_not_truncated BEFORE TRUNCATE ON closed_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_closed_keys();
"""
