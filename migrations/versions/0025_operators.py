"""Store who is an operator, and the sealed log of what operators did."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statements in (_OPERATORS, _RECORDS, _HEAD):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        """
        DROP TABLE operator_records, operator_log, operators;
        DROP FUNCTION refuse_change_of_operator_records();
        """
    )


_OPERATORS = """
CREATE TABLE operators (
    user_id uuid NOT NULL,
    added_at timestamptz NOT NULL,
    CONSTRAINT operators_pkey PRIMARY KEY (user_id),
    CONSTRAINT operators_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""

_RECORDS = """
CREATE TABLE operator_records (
    position bigint NOT NULL,
    type varchar(16) NOT NULL,
    number bigint,
    decides bigint,
    action_id uuid,
    operator_id uuid,
    account_id uuid NOT NULL,
    other_account_id uuid,
    kind varchar(16),
    created_at timestamptz NOT NULL,
    reason text,
    reference uuid,
    amount bigint,
    requested_amount bigint,
    includes_fee boolean,
    posted_reference uuid,
    restrictions text NOT NULL DEFAULT '',
    until timestamptz,
    idempotency_key varchar(64),
    seal bytea NOT NULL,
    CONSTRAINT operator_records_pkey PRIMARY KEY (position),
    CONSTRAINT operator_records_number_key UNIQUE (number),
    CONSTRAINT operator_records_decides_key UNIQUE (decides),
    CONSTRAINT operator_records_action_id_key UNIQUE (action_id),
    CONSTRAINT operator_records_operator_id_idempotency_key_key UNIQUE (operator_id, idempotency_key),
    CONSTRAINT operator_records_position_positive_check CHECK (position > 0),
    CONSTRAINT operator_records_type_check CHECK (
        type IN ('action', 'proposal', 'approval', 'rejection', 'addition', 'removal')
    ),
    CONSTRAINT operator_records_kind_check CHECK (
        kind IN ('RESTRICT', 'LIFT', 'REVERSE', 'END_SESSIONS', 'CLOSE')
    ),
    CONSTRAINT operator_records_of_actions_check CHECK (
        (type IN ('action', 'proposal')) = (number IS NOT NULL)
        AND (number IS NULL) = (action_id IS NULL)
        AND (number IS NULL) = (kind IS NULL)
        AND (number IS NULL) = (reason IS NULL)
    ),
    CONSTRAINT operator_records_of_decisions_check CHECK (
        (type IN ('approval', 'rejection')) = (decides IS NOT NULL)
    ),
    CONSTRAINT operator_records_operator_check CHECK (
        (type IN ('addition', 'removal')) = (operator_id IS NULL)
    ),
    CONSTRAINT operator_records_not_oneself_check CHECK (
        operator_id NOT IN (account_id, coalesce(other_account_id, account_id))
    ),
    CONSTRAINT operator_records_proposal_check CHECK (type <> 'proposal' OR kind = 'REVERSE'),
    CONSTRAINT operator_records_reversal_check CHECK (
        (kind IS NOT DISTINCT FROM 'REVERSE') = (reference IS NOT NULL)
        AND (reference IS NULL) = (amount IS NULL)
        AND (reference IS NULL) = (includes_fee IS NULL)
        AND (reference IS NULL) = (idempotency_key IS NULL)
    ),
    CONSTRAINT operator_records_posted_check CHECK (
        (posted_reference IS NOT NULL)
        = (type = 'approval' OR (type = 'action' AND kind IS NOT DISTINCT FROM 'REVERSE'))
    ),
    CONSTRAINT operator_records_restrictions_check CHECK (
        (restrictions <> '') = (kind IS NOT DISTINCT FROM 'RESTRICT')
    ),
    CONSTRAINT operator_records_amount_positive_check CHECK (amount > 0),
    CONSTRAINT operator_records_reason_length_check CHECK (char_length(reason) BETWEEN 10 AND 500),
    CONSTRAINT operator_records_seal_length_check CHECK (octet_length(seal) = 32)
);
CREATE INDEX operator_records_account_idx ON operator_records (account_id, number)
    WHERE number IS NOT NULL;
CREATE INDEX operator_records_other_account_idx ON operator_records (other_account_id, number)
    WHERE other_account_id IS NOT NULL;
CREATE INDEX operator_records_proposals_idx ON operator_records (number) WHERE type = 'proposal';
REVOKE UPDATE, DELETE, TRUNCATE ON operator_records FROM PUBLIC;
CREATE FUNCTION refuse_change_of_operator_records() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    resealed record;
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('mini_wallet.resealing', true) = 'on' THEN
        resealed := OLD;
        resealed.seal := NEW.seal;
        IF resealed IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'The log of operators is append-only.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER operator_records_append_only BEFORE UPDATE OR DELETE ON operator_records
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_operator_records();
CREATE TRIGGER operator_records_not_truncated BEFORE TRUNCATE ON operator_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_operator_records();
"""

_HEAD = """
CREATE TABLE operator_log (
    id smallint NOT NULL,
    position bigint NOT NULL,
    number bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT operator_log_pkey PRIMARY KEY (id),
    CONSTRAINT operator_log_one_row_check CHECK (id = 1),
    CONSTRAINT operator_log_number_check CHECK (number BETWEEN 0 AND position),
    CONSTRAINT operator_log_seal_length_check CHECK (octet_length(seal) = 32)
);
INSERT INTO operator_log VALUES (1, 0, 0, decode(repeat('00', 32), 'hex'));
"""
