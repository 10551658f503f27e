"""Let any number of registrations wait for one address.

An address belongs to whoever verifies it: until then each registration is an account of its own that
expires with its link. Accounts that are unverified now have a day, and may ask for a new link.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWNGRADE)


_UPGRADE = """
ALTER TABLE users ADD COLUMN registration_expires_at timestamptz;
UPDATE users SET registration_expires_at = clock_timestamp() + interval '24 hours'
    WHERE email_verified_at IS NULL;
DELETE FROM email_addresses AS e USING users AS u
    WHERE u.id = e.user_id AND u.email_verified_at IS NULL;
ALTER TABLE users ADD CONSTRAINT users_registration_expires_check
    CHECK ((email_verified_at IS NULL) = (registration_expires_at IS NOT NULL));
CREATE INDEX users_email_idx ON users (email);
CREATE INDEX users_registration_expires_at_idx ON users (registration_expires_at)
    WHERE registration_expires_at IS NOT NULL;
"""

# The newest registration of an address keeps it, where nobody has verified it.
_DOWNGRADE = """
INSERT INTO email_addresses (address, user_id)
    SELECT DISTINCT ON (email) email, id FROM users WHERE email_verified_at IS NULL
    ORDER BY email, id DESC
    ON CONFLICT DO NOTHING;
CREATE TEMPORARY TABLE superseded ON COMMIT DROP AS
    SELECT u.id FROM users AS u WHERE u.email_verified_at IS NULL
    AND NOT EXISTS (SELECT FROM email_addresses AS e WHERE e.user_id = u.id);
DELETE FROM links WHERE user_id IN (SELECT id FROM superseded);
DELETE FROM mails WHERE user_id IN (SELECT id FROM superseded);
DELETE FROM sessions WHERE user_id IN (SELECT id FROM superseded);
DELETE FROM api_tokens WHERE user_id IN (SELECT id FROM superseded);
DELETE FROM push_cursors WHERE user_id IN (SELECT id FROM superseded);
DELETE FROM outbox WHERE user_id IN (SELECT id FROM superseded);
DELETE FROM users WHERE id IN (SELECT id FROM superseded);
DROP INDEX users_registration_expires_at_idx;
DROP INDEX users_email_idx;
ALTER TABLE users DROP CONSTRAINT users_registration_expires_check;
ALTER TABLE users DROP COLUMN registration_expires_at;
"""
