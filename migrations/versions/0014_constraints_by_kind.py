"""Give each kind of transaction a constraint of its own, so that a new kind leaves the others as they are."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BY_KIND = {
    "transactions_transfer_check": "kind <> 'transfer' OR (direction IN ('outgoing', 'incoming') "
    "AND counterparty_id IS NOT NULL AND (direction = 'outgoing') = (idempotency_key IS NOT NULL))",
    "transactions_top_up_check": "kind <> 'top_up' OR (direction IN ('incoming') "
    "AND counterparty_id IS NULL AND (direction = 'incoming') = (idempotency_key IS NOT NULL))",
}
_FOR_ALL = {
    "transactions_counterparty_check": "(kind = 'transfer') = (counterparty_id IS NOT NULL)",
    "transactions_top_up_is_incoming_check": "kind = 'transfer' OR direction = 'incoming'",
    "transactions_key_of_who_asked_check": "(kind = 'transfer' AND direction = 'incoming') = "
    "(idempotency_key IS NULL)",
}


def upgrade() -> None:
    _replace([*_FOR_ALL], _BY_KIND)


def downgrade() -> None:
    _replace([*_BY_KIND], _FOR_ALL)


def _replace(old: Sequence[str], new: dict[str, str]) -> None:
    for name, condition in new.items():
        op.create_check_constraint(op.f(name), "transactions", condition)
    for name in old:
        op.drop_constraint(op.f(name), "transactions")
