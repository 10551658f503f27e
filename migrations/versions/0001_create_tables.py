"""Create every table, with the constraints and triggers that guard the books.

The books (`transactions`) are append-only, by grant and by trigger. Where the service can have a
role of its own, migrate as the owner and let the service be a role that has no more than this:

    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO the_service;
    REVOKE UPDATE, DELETE, TRUNCATE ON transactions FROM the_service;

A role that owns the tables can grant itself anything: for it there is the trigger.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statements in (
        _EXTENSION,
        _USERS,
        _EMAIL_ADDRESSES,
        _TRANSACTIONS,
        _SESSIONS,
        _API_TOKENS,
        _MAILS,
        _LINKS,
        _OUTBOX,
        _PUSH_CURSORS,
        _PUSH_DUE,
        _LOCK_ACCOUNTS,
        _PEOPLE_CONTAINING,
        _APPEND_ONLY,
        _BALANCE_FOLLOWS_BOOK,
    ):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    # The extension stays: it may have been there before, and others may use it.
    op.get_bind().exec_driver_sql(
        """
        DROP FUNCTION lock_accounts(uuid[]);
        DROP FUNCTION people_containing(text, text, text, uuid, integer);
        DROP TABLE push_due, push_cursors, outbox, links, mails, api_tokens, sessions,
            transactions, email_addresses, users;
        DROP FUNCTION refuse_change_of_books();
        DROP FUNCTION refuse_change_of_balance();
        """
    )


# Part of PostgreSQL's contrib, and trusted: the owner of the database may create it. IF NOT EXISTS is not
# enough: Citus refuses that statement where a superuser has created the extension.
_EXTENSION = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        CREATE EXTENSION pg_trgm;
    END IF;
END
$$
"""

_USERS = """
CREATE TABLE users (
    id uuid NOT NULL,
    name text NOT NULL,
    search_text text COLLATE "C" NOT NULL,
    email text NOT NULL,
    email_verified_at timestamptz,
    password_hash text NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    sequence bigint DEFAULT 0 NOT NULL,
    last_posted_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    closed_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_balance_not_negative_check CHECK (balance >= 0),
    CONSTRAINT users_sequence_not_negative_check CHECK (sequence >= 0),
    CONSTRAINT users_balance_from_book_check CHECK (sequence > 0 OR balance = 0),
    CONSTRAINT users_last_posted_check CHECK ((sequence = 0) = (last_posted_at IS NULL)),
    CONSTRAINT users_money_only_verified_check CHECK (sequence = 0 OR email_verified_at IS NOT NULL),
    CONSTRAINT users_name_length_check CHECK (char_length(name) BETWEEN 1 AND 80),
    CONSTRAINT users_email_lower_case_check CHECK (email = lower(email))
) WITH (fillfactor = 70);
CREATE INDEX users_search_text_idx ON users (search_text, id)
    WHERE email_verified_at IS NOT NULL AND closed_at IS NULL;
CREATE INDEX users_search_text_trigram_idx ON users USING gin (search_text gin_trgm_ops)
    WITH (fastupdate = off)
    WHERE email_verified_at IS NOT NULL AND closed_at IS NULL;
"""

_EMAIL_ADDRESSES = """
CREATE TABLE email_addresses (
    address text NOT NULL,
    user_id uuid NOT NULL,
    CONSTRAINT email_addresses_pkey PRIMARY KEY (address),
    CONSTRAINT email_addresses_lower_case_check CHECK (address = lower(address)),
    CONSTRAINT email_addresses_has_at_sign_check CHECK (position('@' in address) > 1),
    CONSTRAINT email_addresses_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX email_addresses_user_id_idx ON email_addresses (user_id);
"""

_TRANSACTIONS = """
CREATE TABLE transactions (
    user_id uuid NOT NULL,
    sequence bigint NOT NULL,
    reference uuid NOT NULL,
    kind varchar(8) NOT NULL,
    direction varchar(8) NOT NULL,
    amount bigint NOT NULL,
    fee bigint NOT NULL,
    counterparty_id uuid,
    note text,
    note_search_text text,
    balance_after bigint NOT NULL,
    created_at timestamptz NOT NULL,
    idempotency_key varchar(64),
    api_token_id uuid,
    CONSTRAINT transactions_pkey PRIMARY KEY (user_id, sequence),
    CONSTRAINT transactions_user_id_kind_idempotency_key_key UNIQUE (user_id, kind, idempotency_key),
    CONSTRAINT transactions_sequence_positive_check CHECK (sequence > 0),
    CONSTRAINT transactions_kind_check CHECK (kind IN ('transfer', 'top_up')),
    CONSTRAINT transactions_direction_check CHECK (direction IN ('incoming', 'outgoing')),
    CONSTRAINT transactions_amount_positive_check CHECK (amount > 0),
    CONSTRAINT transactions_fee_not_negative_check CHECK (fee >= 0),
    CONSTRAINT transactions_fee_is_the_senders_check CHECK (direction = 'outgoing' OR fee = 0),
    CONSTRAINT transactions_balance_after_not_negative_check CHECK (balance_after >= 0),
    CONSTRAINT transactions_incoming_adds_check CHECK (direction = 'outgoing' OR balance_after >= amount),
    CONSTRAINT transactions_first_line_check CHECK (sequence > 1 OR (direction = 'incoming' AND balance_after = amount)),
    CONSTRAINT transactions_counterparty_check CHECK ((kind = 'transfer') = (counterparty_id IS NOT NULL)),
    CONSTRAINT transactions_top_up_is_incoming_check CHECK (kind = 'transfer' OR direction = 'incoming'),
    CONSTRAINT transactions_not_oneself_check CHECK (counterparty_id <> user_id),
    CONSTRAINT transactions_key_of_who_asked_check CHECK ((kind = 'transfer' AND direction = 'incoming') = (idempotency_key IS NULL)),
    CONSTRAINT transactions_key_length_check CHECK (char_length(idempotency_key) BETWEEN 8 AND 64),
    CONSTRAINT transactions_note_length_check CHECK (char_length(note) BETWEEN 1 AND 140),
    CONSTRAINT transactions_note_search_text_check CHECK ((note IS NULL) = (note_search_text IS NULL)),
    CONSTRAINT transactions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX transactions_api_token_idx ON transactions (user_id, api_token_id, created_at)
    WHERE api_token_id IS NOT NULL;
CREATE INDEX transactions_counterparty_idx ON transactions (user_id, counterparty_id, sequence);
CREATE INDEX transactions_created_at_idx ON transactions (user_id, created_at, sequence);
"""

_SESSIONS = """
CREATE TABLE sessions (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    user_agent text,
    ip_address text,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    ended_at timestamptz,
    generation bigint NOT NULL,
    refresh_hash bytea NOT NULL,
    previous_refresh_hash bytea,
    rotated_at timestamptz NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT sessions_generation_positive_check CHECK (generation > 0),
    CONSTRAINT sessions_refresh_hash_length_check CHECK (octet_length(refresh_hash) = 32),
    CONSTRAINT sessions_previous_refresh_hash_length_check CHECK (octet_length(previous_refresh_hash) = 32),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX sessions_ended_at_idx ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_rotated_at_idx ON sessions (rotated_at) WHERE ended_at IS NULL;
"""

_API_TOKENS = """
CREATE TABLE api_tokens (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    daily_limit bigint,
    secret_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT api_tokens_daily_limit_positive_check CHECK (daily_limit > 0),
    CONSTRAINT api_tokens_secret_hash_length_check CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT api_tokens_name_length_check CHECK (char_length(name) BETWEEN 1 AND 80),
    CONSTRAINT api_tokens_scopes_not_empty_check CHECK (cardinality(scopes) > 0),
    CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
"""

_MAILS = """
CREATE TABLE mails (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    purpose varchar(32) NOT NULL,
    state varchar(16) DEFAULT 'pending' NOT NULL,
    created_at timestamptz NOT NULL,
    refusals integer DEFAULT 0 NOT NULL,
    trying_since timestamptz NOT NULL,
    next_try_at timestamptz NOT NULL,
    sent_at timestamptz,
    last_error text,
    CONSTRAINT mails_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT mails_purpose_check CHECK (purpose IN ('verify_email', 'reset_password', 'password_changed', 'address_taken')),
    CONSTRAINT mails_state_check CHECK (state IN ('pending', 'sent', 'failed', 'withdrawn')),
    CONSTRAINT mails_sent_at_check CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT mails_refusals_not_negative_check CHECK (refusals >= 0),
    CONSTRAINT mails_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX mails_done_idx ON mails (created_at) WHERE state IN ('sent', 'withdrawn');
CREATE INDEX mails_due_idx ON mails (next_try_at) WHERE state = 'pending';
CREATE INDEX mails_failed_idx ON mails (created_at) WHERE state = 'failed';
"""

_LINKS = """
CREATE TABLE links (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    purpose varchar(32) NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT links_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT links_purpose_check CHECK (purpose IN ('verify_email', 'reset_password')),
    CONSTRAINT links_token_hash_length_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT links_lifetime_check CHECK (expires_at > created_at),
    CONSTRAINT links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX links_expires_at_idx ON links (expires_at);
"""

_OUTBOX = """
CREATE TABLE outbox (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    topic varchar(32) NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    claimed_until timestamptz,
    published_at timestamptz,
    CONSTRAINT outbox_pkey PRIMARY KEY (user_id, id)
);
CREATE INDEX outbox_pending_idx ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published_idx ON outbox (published_at) WHERE published_at IS NOT NULL;
"""

_PUSH_CURSORS = """
CREATE TABLE push_cursors (
    user_id uuid NOT NULL,
    pushed_sequence bigint DEFAULT 0 NOT NULL,
    CONSTRAINT push_cursors_pkey PRIMARY KEY (user_id),
    CONSTRAINT push_cursors_pushed_sequence_not_negative_check CHECK (pushed_sequence >= 0),
    CONSTRAINT push_cursors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
"""

_PUSH_DUE = """
CREATE TABLE push_due (
    user_id uuid NOT NULL,
    sequence bigint NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT push_due_pkey PRIMARY KEY (user_id),
    CONSTRAINT push_due_sequence_positive_check CHECK (sequence > 0),
    CONSTRAINT push_due_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX push_due_since_idx ON push_due (since);
"""

# How accounts are locked, in one place: on a cluster it is this body that differs. `FOR UPDATE` would
# conflict with the locks of foreign-key checks; the order keeps deadlocks away.
_LOCK_ACCOUNTS = """
CREATE FUNCTION lock_accounts(account_ids uuid[]) RETURNS SETOF users
LANGUAGE sql VOLATILE STRICT ROWS 2 AS $$
    SELECT * FROM users WHERE id = ANY (account_ids) ORDER BY id FOR NO KEY UPDATE
$$;
"""

# With a LIMIT the planner likes to walk the table until it has met enough, which takes half a second
# per million where few are to be met: this leaves it no way but the trigram index.
_PEOPLE_CONTAINING = """
CREATE FUNCTION people_containing(
    pattern text, but_not_pattern text, after_text text, after_id uuid, most integer
) RETURNS SETOF users
LANGUAGE sql STABLE ROWS 200
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off
AS $$
    SELECT * FROM users
    WHERE search_text LIKE pattern AND search_text NOT LIKE but_not_pattern
        AND email_verified_at IS NOT NULL AND closed_at IS NULL
        AND (after_text IS NULL OR (search_text, id) > (after_text, after_id))
    LIMIT most
$$;
"""

_APPEND_ONLY = """
REVOKE UPDATE, DELETE, TRUNCATE ON transactions FROM PUBLIC;
CREATE FUNCTION refuse_change_of_books() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The books are append-only: correct a movement by another movement.'
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER transactions_append_only BEFORE UPDATE OR DELETE ON transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_books();
CREATE TRIGGER transactions_not_truncated BEFORE TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_books();
"""

# The condition is in WHEN, so that the function is called for what it refuses alone.
_BALANCE_FOLLOWS_BOOK = """
CREATE FUNCTION refuse_change_of_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A balance changes with a new line of the book alone, and never goes back.'
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER users_balance_follows_book BEFORE UPDATE OF balance, sequence, last_posted_at ON users
    FOR EACH ROW WHEN (
        NEW.sequence < OLD.sequence
        OR NEW.last_posted_at < OLD.last_posted_at
        OR (NEW.sequence = OLD.sequence AND NEW.balance <> OLD.balance)
    )
    EXECUTE FUNCTION refuse_change_of_balance();
"""
