"""Store how often the payer of a request was reminded."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "ALTER TABLE payment_requests ADD COLUMN reminders integer DEFAULT 0 NOT NULL, "
        "ADD COLUMN reminded_at timestamptz, "
        "ADD CONSTRAINT payment_requests_reminders_check CHECK (reminders BETWEEN 0 AND 3), "
        "ADD CONSTRAINT payment_requests_reminded_at_check "
        "CHECK ((reminders > 0) = (reminded_at IS NOT NULL)), "
        "ADD CONSTRAINT payment_requests_reminders_of_requester_check "
        "CHECK (reminders = 0 OR role = 'requester')"
    )


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        "ALTER TABLE payment_requests DROP COLUMN reminders, DROP COLUMN reminded_at"
    )
