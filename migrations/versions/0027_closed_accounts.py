"""Keep the names and addresses of closed accounts apart, and mail their users.

An account that was closed before has neither been erased nor can it be reopened by signing in: it keeps
its name and address apart for another 30 days.
"""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_PURPOSES = (
    "'verify_email', 'reset_password', 'password_changed', 'address_taken', 'api_token_created', "
    "'notification'"
)


def upgrade() -> None:
    for statement in (
        _CLOSED_ACCOUNTS,
        _INDEX,
        _SET_ASIDE,
        _CLOSE,
        *_allow(f"{_PURPOSES}, 'account_closed'"),
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "DELETE FROM mails WHERE purpose = 'account_closed'",
        *_allow(_PURPOSES),
        _RESTORE,
        "DROP TABLE closed_accounts",
    ):
        op.get_bind().exec_driver_sql(statement)


def _allow(purposes: str) -> tuple[str, ...]:
    return (
        "ALTER TABLE mails DROP CONSTRAINT mails_purpose_check",
        f"ALTER TABLE mails ADD CONSTRAINT mails_purpose_check CHECK (purpose IN ({purposes}))",
    )


_CLOSED_ACCOUNTS = """
CREATE TABLE closed_accounts (
    user_id uuid NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    erase_at timestamptz NOT NULL,
    CONSTRAINT closed_accounts_pkey PRIMARY KEY (user_id),
    CONSTRAINT closed_accounts_name_length_check CHECK (char_length(name) BETWEEN 1 AND 80),
    CONSTRAINT closed_accounts_email_lower_case_check CHECK (email = lower(email)),
    CONSTRAINT closed_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
"""
_INDEX = "CREATE INDEX closed_accounts_erase_at_idx ON closed_accounts (erase_at)"
_SET_ASIDE = """
INSERT INTO closed_accounts (user_id, name, email, erase_at)
SELECT id, name, email, now() + interval '30 days' FROM users WHERE closed_at IS NOT NULL
"""
_CLOSE = """
UPDATE users SET name = 'Closed account', search_text = 'closed account', email = ''
WHERE closed_at IS NOT NULL
"""
_RESTORE = """
UPDATE users SET name = c.name, search_text = lower(c.name), email = c.email
FROM closed_accounts AS c WHERE users.id = c.user_id
"""
