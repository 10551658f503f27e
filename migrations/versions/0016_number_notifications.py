"""Store notifications, numbered per user, and which of them a user has read and wants by mail.

Transactions that were posted before have none.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_KINDS = (
    "'money_received', 'request_received', 'request_reminder', 'request_paid', 'request_declined', "
    "'request_cancelled', 'request_expired', 'scheduled_transfer_sent', 'scheduled_transfer_failed', "
    "'top_up_failed', 'transaction_reversed', 'webhook_disabled', 'new_sign_in', 'security_changed', "
    "'account_restricted'"
)
_PURPOSES = (
    "'verify_email', 'reset_password', 'password_changed', 'address_taken', 'api_token_created'"
)

_NEW = (
    """
ALTER TABLE users
    ADD COLUMN notification_number bigint DEFAULT 0 NOT NULL,
    ADD COLUMN notifications_read_through bigint DEFAULT 0 NOT NULL,
    ADD COLUMN mailed_notifications text[],
    ADD CONSTRAINT users_notifications_read_check
        CHECK (notifications_read_through BETWEEN 0 AND notification_number)
""",
    f"""
CREATE TABLE notifications (
    user_id uuid NOT NULL,
    number bigint NOT NULL,
    kind varchar(32) NOT NULL,
    created_at timestamptz NOT NULL,
    sequence bigint,
    person_id uuid,
    subject_id uuid,
    details jsonb,
    CONSTRAINT notifications_pkey PRIMARY KEY (user_id, number),
    CONSTRAINT notifications_number_positive_check CHECK (number > 0),
    CONSTRAINT notifications_kind_check CHECK (kind IN ({_KINDS})),
    CONSTRAINT notifications_entry_check CHECK (kind <> 'money_received' OR sequence IS NOT NULL),
    CONSTRAINT notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
)
""",
    "ALTER TABLE mails DROP CONSTRAINT mails_purpose_check",
    f"""
ALTER TABLE mails ADD CONSTRAINT mails_purpose_check
    CHECK (purpose IN ({_PURPOSES}, 'notification'))
""",
)
_OLD = (
    "DELETE FROM outbox WHERE topic = 'notification.created'",
    "UPDATE outbox SET payload = payload - 'notification_number' WHERE payload ? 'notification_number'",
    "DELETE FROM mails WHERE purpose = 'notification'",
    "ALTER TABLE mails DROP CONSTRAINT mails_purpose_check",
    f"ALTER TABLE mails ADD CONSTRAINT mails_purpose_check CHECK (purpose IN ({_PURPOSES}))",
    "DELETE FROM delivery_due WHERE sink = 'pusher-notifications'",
    "DELETE FROM delivery_cursors WHERE sink = 'pusher-notifications'",
    "DROP TABLE notifications",
    """
ALTER TABLE users
    DROP COLUMN notification_number,
    DROP COLUMN notifications_read_through,
    DROP COLUMN mailed_notifications
""",
)


def upgrade() -> None:
    for command in _NEW:
        op.get_bind().exec_driver_sql(command)


def downgrade() -> None:
    for command in _OLD:
        op.get_bind().exec_driver_sql(command)
