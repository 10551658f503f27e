"""Seal the books: every line by a chain of HMACs, whose newest stands on the person's row.

The lines that are there are sealed with the AUDIT_KEY of this moment. Until it is done nobody else
reads or writes the books.
"""

from __future__ import annotations

from alembic import context, op

from persistence.ledger import sealing

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(_COLUMNS)
    connection.exec_driver_sql(_APPEND_ONLY_BUT_FOR_SEALS)
    connection.exec_driver_sql(_HEAD_FOLLOWS_BOOK)
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None
    sealing.seal_unsealed(driver_connection, context.config.attributes["audit_key"])
    connection.exec_driver_sql(_CONSTRAINTS)


def downgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(_AS_BEFORE)


_COLUMNS = """
ALTER TABLE users ADD COLUMN book_seal bytea DEFAULT decode(repeat('00', 32), 'hex') NOT NULL;
ALTER TABLE transactions ADD COLUMN seal bytea;
"""

_CONSTRAINTS = """
ALTER TABLE users
    ADD CONSTRAINT users_book_seal_length_check CHECK (octet_length(book_seal) = 32),
    ADD CONSTRAINT users_book_seal_from_book_check
        CHECK ((sequence = 0) = (book_seal = decode(repeat('00', 32), 'hex')));
ALTER TABLE transactions
    ALTER COLUMN seal SET NOT NULL,
    ADD CONSTRAINT transactions_seal_length_check CHECK (octet_length(seal) = 32);
"""

# A seal follows from the line and from the key. So where the key is replaced, and somebody says that this
# is what he is about, a seal may be made anew; the line that it is on may not be touched even then.
_APPEND_ONLY_BUT_FOR_SEALS = """
CREATE OR REPLACE FUNCTION refuse_change_of_books() RETURNS trigger LANGUAGE plpgsql AS $$
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
    RAISE EXCEPTION 'The books are append-only: correct a movement by another movement.'
        USING ERRCODE = 'restrict_violation';
END
$$;
"""

_HEAD_FOLLOWS_BOOK = """
DROP TRIGGER users_balance_follows_book ON users;
CREATE TRIGGER users_balance_follows_book
    BEFORE UPDATE OF balance, sequence, last_posted_at, book_seal ON users
    FOR EACH ROW WHEN (
        NEW.sequence < OLD.sequence
        OR NEW.last_posted_at < OLD.last_posted_at
        OR (NEW.sequence = OLD.sequence AND NEW.balance <> OLD.balance)
        OR (
            NEW.sequence = OLD.sequence AND NEW.book_seal <> OLD.book_seal
            AND current_setting('mini_wallet.resealing', true) IS DISTINCT FROM 'on'
        )
    )
    EXECUTE FUNCTION refuse_change_of_balance();
"""

_AS_BEFORE = """
DROP TRIGGER users_balance_follows_book ON users;
CREATE TRIGGER users_balance_follows_book BEFORE UPDATE OF balance, sequence, last_posted_at ON users
    FOR EACH ROW WHEN (
        NEW.sequence < OLD.sequence
        OR NEW.last_posted_at < OLD.last_posted_at
        OR (NEW.sequence = OLD.sequence AND NEW.balance <> OLD.balance)
    )
    EXECUTE FUNCTION refuse_change_of_balance();
CREATE OR REPLACE FUNCTION refuse_change_of_books() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The books are append-only: correct a movement by another movement.'
        USING ERRCODE = 'restrict_violation';
END
$$;
ALTER TABLE transactions DROP COLUMN seal;
ALTER TABLE users DROP COLUMN book_seal;
"""
