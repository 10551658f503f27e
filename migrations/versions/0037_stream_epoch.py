"""Give the event streams an epoch, which a restore to an earlier point in time replaces."""

from uuid import uuid4

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        "CREATE TABLE stream_epoch ("
        "only_row boolean NOT NULL DEFAULT true, "
        "epoch uuid NOT NULL, "
        "is_first boolean NOT NULL DEFAULT true, "
        "CONSTRAINT stream_epoch_pkey PRIMARY KEY (only_row), "
        "CONSTRAINT stream_epoch_only_row_check CHECK (only_row))",
        f"INSERT INTO stream_epoch (epoch) VALUES ('{uuid4()}')",
        "ALTER TABLE webhook_attempts ADD COLUMN epoch uuid",
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "ALTER TABLE webhook_attempts DROP COLUMN epoch",
        "DROP TABLE stream_epoch",
    ):
        op.get_bind().exec_driver_sql(statement)
