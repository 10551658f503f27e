"""Where the rows of each table are on a Citus cluster."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from persistence import tables

ALEMBIC_VERSION = "alembic_version"


class Placement(Enum):
    """How the rows of a table are placed."""

    #: In shards, by user: all rows of a user are on one node, in shards that move together.
    BY_USER = "by user"
    #: A copy on every node: tables that are looked up without knowing the user, and seldom change.
    EVERYWHERE = "on every node"
    #: On the coordinator, accessible from every node: tables with one order for all users.
    COORDINATOR = "on the coordinator"


#: Placements by table; `tests/persistence/test_placement.py` fails for a table without one.
PLACEMENTS: Mapping[str, Placement] = {
    **dict.fromkeys(
        [
            "users",
            "api_tokens",
            "bill_splits",
            "blocks",
            "closed_accounts",
            "closed_keys",
            "data_export_chunks",
            "data_exports",
            "delivery_cursors",
            "delivery_due",
            "links",
            "mails",
            "name_skeletons",
            "notifications",
            "operators",
            "outbox",
            "passkeys",
            "payment_requests",
            "recovery_codes",
            "scheduled_runs",
            "scheduled_transfers",
            "second_factor_challenges",
            "second_factor_failures",
            "sessions",
            "top_up_reversal_entries",
            "top_up_reversals",
            "top_ups",
            "totp_factors",
            "transaction_metadata",
            "transactions",
            "webhook_attempts",
            "webhook_secrets",
            "webhooks",
        ],
        Placement.BY_USER,
    ),
    **dict.fromkeys(["email_addresses", "handles", "stream_epoch"], Placement.EVERYWHERE),
    **dict.fromkeys(
        [
            ALEMBIC_VERSION,
            "operator_log",
            "operator_records",
            "top_up_mismatches",
            "top_up_reconciliations",
        ],
        Placement.COORDINATOR,
    ),
}


def distribution_column(table: str) -> str:
    """The column by which a table with the placement BY_USER is distributed."""
    return "id" if table == tables.users.name else "user_id"
