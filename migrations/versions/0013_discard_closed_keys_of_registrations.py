"""Let the closed keys of a registration be deleted together with the registration.

Its user is not verified, so that no key of the user has ever moved money.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_REFUSE = (
    "RAISE EXCEPTION 'A closed idempotency key stays closed.' USING ERRCODE = 'restrict_violation';"
)
_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change_of_closed_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {body}
END
$$
"""
_UNLESS_UNVERIFIED = f"""IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM users WHERE id = OLD.user_id AND email_verified_at IS NULL) THEN
            RETURN OLD;
        END IF;
    END IF;
    {_REFUSE}"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_FUNCTION.format(body=_UNLESS_UNVERIFIED))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_FUNCTION.format(body=_REFUSE))
