"""What is held about a user, for exports: sections of records, read a page at a time.

Never a secret, nor the hash of one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from persistence.engine.database import Database

#: Records that are read at once.
PAGE_RECORDS = 500


@dataclass(frozen=True, slots=True)
class Section:
    """A file of an export: rows of one table that belong to the user, in the order of their key."""

    name: str
    table: str
    #: Under the names of the table.
    columns: Sequence[str]
    #: The primary key after `user_id`.
    key: Sequence[str] = ("id",)
    #: Columns with amounts in minor units.
    amounts: frozenset[str] = frozenset()
    #: Columns with ids of other users.
    people: frozenset[str] = frozenset()
    condition: str = "true"
    #: The column with the user.
    owner: str = "user_id"
    _query: Any = field(init=False, compare=False)

    def __post_init__(self) -> None:
        keys = ", ".join(self.key)
        positions = ", ".join(f":after_{name}" for name in self.key)
        query = text(
            f"SELECT {', '.join(dict.fromkeys((*self.key, *self.columns)))} FROM {self.table} "  # noqa: S608
            f"WHERE {self.owner} = :user_id AND {self.condition} "
            f"AND (CAST(:is_first AS boolean) OR ({keys}) > ({positions})) "
            f"ORDER BY {keys} LIMIT {PAGE_RECORDS}"
        )
        object.__setattr__(self, "_query", query)

    async def pages(self, db: Database, user_id: UUID) -> AsyncIterator[list[Mapping[str, Any]]]:
        """The records, a page at a time, with the columns of the key."""
        after: dict[str, Any] = dict.fromkeys((f"after_{name}" for name in self.key), None)
        is_first = True
        while True:
            given = {"user_id": user_id, "is_first": is_first, **after}
            found = await db.read(lambda c, given=given: c.execute(self._query, given))  # type: ignore[misc]
            page = [*found.mappings()]
            if page:
                yield page
            if len(page) < PAGE_RECORDS:
                return
            is_first = False
            after = {f"after_{name}": page[-1][name] for name in self.key}


SECTIONS = (
    Section("sessions", "sessions", ("id", "user_agent", "ip_address", "created_at", "last_used_at", "ended_at", "confirmed_at")),
    Section("authenticator-apps", "totp_factors", ("id", "created_at", "last_used_at")),
    Section("passkeys", "passkeys", ("id", "name", "transports", "created_at", "last_used_at")),
    Section("recovery-codes", "recovery_codes", ("id", "created_at", "used_at")),
    Section(
        "api-tokens", "api_tokens",
        ("id", "name", "scopes", "daily_limit", "created_at", "expires_at", "last_used_at", "revoked_at"),
        amounts=frozenset({"daily_limit"}),
    ),
    Section(
        "payment-requests", "payment_requests",
        ("id", "role", "requester_id", "payer_id", "is_open", "amount", "note", "status", "created_at",
         "expires_at", "closed_at", "reference", "split_id", "idempotency_key", "reminders", "reminded_at"),
        amounts=frozenset({"amount"}), people=frozenset({"requester_id", "payer_id"}),
    ),
    Section(
        "bill-splits", "bill_splits",
        ("id", "total", "own_share", "note", "created_at", "idempotency_key"),
        amounts=frozenset({"total", "own_share"}),
    ),
    Section(
        "scheduled-transfers", "scheduled_transfers",
        ("id", "recipient_id", "amount", "note", "recurrence_unit", "recurrence_interval", "starts_on", "ends_on",
         "time_zone", "status", "created_at", "idempotency_key", "api_token_id"),
        amounts=frozenset({"amount"}), people=frozenset({"recipient_id"}),
    ),
    Section(
        "scheduled-runs", "scheduled_runs",
        ("schedule_id", "number", "due_at", "status", "sequence", "refusal"),
        key=("schedule_id", "number"),
    ),
    Section(
        "notifications", "notifications",
        ("number", "kind", "created_at", "sequence", "person_id", "subject_id", "details"),
        key=("number",), people=frozenset({"person_id"}),
    ),
    Section(
        "top-ups", "top_ups",
        ("id", "provider", "amount", "status", "idempotency_key", "created_at", "expires_at", "payment_id", "reference"),
        amounts=frozenset({"amount"}),
    ),
    Section("mails", "mails", ("id", "purpose", "state", "created_at", "sent_at", "details")),
    Section("webhooks", "webhooks", ("id", "url", "stream", "document", "status", "created_at", "api_token_id")),
    Section(
        "webhook-attempts", "webhook_attempts",
        ("id", "webhook_id", "number", "attempt", "sent_at", "duration_milliseconds", "status", "detail", "is_delivered"),
    ),
    Section(
        "blocked-users", "blocks", ("other_id", "created_at"), key=("other_id",),
        people=frozenset({"other_id"}), condition="role = 'blocker'",
    ),
    Section(
        "closed-keys", "closed_keys", ("kind", "idempotency_key", "closed_at"),
        key=("kind", "idempotency_key"),
    ),
    # Without the operator, who is another user.
    Section(
        "actions-of-operators", "operator_records",
        ("position", "type", "kind", "created_at", "reason", "reference", "amount", "includes_fee",
         "posted_reference", "restrictions", "until"),
        key=("position",), amounts=frozenset({"amount"}), owner="account_id",
    ),
)  # fmt: skip

_PROFILE = text(
    "SELECT id, name, email, email_verified_at, handle, time_zone, balance, sequence, created_at, "
    "mailed_notifications, notifications_read_through, confirm_above, sending_restricted_until, "
    "receiving_restricted_until, adding_restricted_until FROM users WHERE id = :user_id"
)
_HANDLES = text("SELECT handle, reserved_until FROM handles WHERE user_id = :user_id ORDER BY 1")


async def profile(db: Database, user_id: UUID) -> dict[str, Any]:
    """The user's own row, and their handles with those that are reserved."""
    found = await db.read(lambda c: c.execute(_PROFILE, {"user_id": user_id}))
    handles = await db.read(lambda c: c.execute(_HANDLES, {"user_id": user_id}))
    return {**found.mappings().one(), "handles": [dict(each) for each in handles.mappings()]}
