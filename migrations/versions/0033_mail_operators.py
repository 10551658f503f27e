"""Mail operators about balances that do not cover what a payment provider took back."""

from __future__ import annotations

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_PURPOSES = (
    "'verify_email', 'reset_password', 'password_changed', 'address_taken', 'api_token_created', "
    "'notification', 'account_closed', 'new_sign_in'"
)


def upgrade() -> None:
    for statement in _allow(f"{_PURPOSES}, 'balance_short'"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "DELETE FROM mails WHERE purpose = 'balance_short'",
        *_allow(_PURPOSES),
    ):
        op.get_bind().exec_driver_sql(statement)


def _allow(purposes: str) -> tuple[str, ...]:
    return (
        "ALTER TABLE mails DROP CONSTRAINT mails_purpose_check",
        f"ALTER TABLE mails ADD CONSTRAINT mails_purpose_check CHECK (purpose IN ({purposes}))",
    )
