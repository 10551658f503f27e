"""Keep reserved handles of erased users without saying whose they were."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        "ALTER TABLE handles ALTER COLUMN user_id DROP NOT NULL",
        "ALTER TABLE handles ADD CONSTRAINT handles_owner_check "
        "CHECK (user_id IS NOT NULL OR reserved_until IS NOT NULL)",
    ):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in (
        "DELETE FROM handles WHERE user_id IS NULL",
        "ALTER TABLE handles DROP CONSTRAINT handles_owner_check",
        "ALTER TABLE handles ALTER COLUMN user_id SET NOT NULL",
    ):
        op.get_bind().exec_driver_sql(statement)
