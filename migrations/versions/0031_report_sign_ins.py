"""Store links with which a sign-in is reported."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_MAILS = (
    "'verify_email', 'reset_password', 'password_changed', 'address_taken', 'api_token_created', "
    "'notification', 'account_closed'"
)
_LINKS = "'verify_email', 'reset_password'"


def upgrade() -> None:
    for statement in (
        *_purposes("mails", f"{_MAILS}, 'new_sign_in'"),
        *_purposes("links", f"{_LINKS}, 'new_sign_in'"),
        "ALTER TABLE links ADD COLUMN subject_id uuid, ADD CONSTRAINT links_subject_check "
        "CHECK ((purpose = 'new_sign_in') = (subject_id IS NOT NULL))",
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "ALTER TABLE links DROP COLUMN subject_id",
        "DELETE FROM links WHERE purpose = 'new_sign_in'",
        "DELETE FROM mails WHERE purpose = 'new_sign_in'",
        *_purposes("links", _LINKS),
        *_purposes("mails", _MAILS),
    ):
        op.get_bind().exec_driver_sql(statement)


def _purposes(table: str, purposes: str) -> tuple[str, str]:
    return (
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_purpose_check",
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_purpose_check CHECK (purpose IN ({purposes}))",
    )
