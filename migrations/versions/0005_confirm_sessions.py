"""Confirm sessions, and tell the owner of every new API token by mail."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OLD = "'verify_email', 'reset_password', 'password_changed', 'address_taken'"


def upgrade() -> None:
    for statement in (
        "ALTER TABLE sessions ADD COLUMN confirmed_at timestamptz",
        "ALTER TABLE mails ADD COLUMN details jsonb NOT NULL DEFAULT '{}'::jsonb",
        *_purposes(f"{_OLD}, 'api_token_created'"),
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "DELETE FROM mails WHERE purpose = 'api_token_created'",
        *_purposes(_OLD),
        "ALTER TABLE mails DROP COLUMN details",
        "ALTER TABLE sessions DROP COLUMN confirmed_at",
    ):
        op.get_bind().exec_driver_sql(statement)


def _purposes(purposes: str) -> tuple[str, str]:
    return (
        "ALTER TABLE mails DROP CONSTRAINT mails_purpose_check",
        f"ALTER TABLE mails ADD CONSTRAINT mails_purpose_check CHECK (purpose IN ({purposes}))",
    )
