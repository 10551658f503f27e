"""What the payment provider has recorded: what was paid, and what was taken back or returned."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

#: Disputes in these states have taken nothing.
_INQUIRIES = frozenset({"warning_needs_response", "warning_under_review", "warning_closed"})


@dataclass(frozen=True, slots=True)
class Taken:
    """A refund or a dispute; the amount in minor units."""

    source_id: str
    amount_minor: int
    #: Whether the provider has given the money back to the wallet: a failed refund, a dispute that was won.
    is_returned: bool


@dataclass(frozen=True, slots=True)
class Payment:
    """A session that was paid; the amount in minor units."""

    session: str
    payment_id: str
    user_id: UUID
    top_up_id: UUID
    amount_minor: int
    taken: tuple[Taken, ...] = ()

    @property
    def left_minor(self) -> int:
        """What the provider holds of it."""
        return self.amount_minor - sum(t.amount_minor for t in self.taken if not t.is_returned)


@dataclass(slots=True)
class ProviderRecords:
    """All payments, and how many sessions, calls with an error and deliveries there were."""

    payments: list[Payment] = field(default_factory=list)
    sessions: int = 0
    events: int = 0
    deliveries: int = 0
    #: Events that were not delivered by any attempt.
    undelivered: int = 0


def read(file: Path) -> ProviderRecords:
    """Read them from the emulator's file. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        objects: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for kind, body in connection.execute("SELECT kind, body FROM objects ORDER BY number"):
            objects[kind].append(json.loads(body))
        [(deliveries,)] = connection.execute("SELECT coalesce(sum(attempts), 0) FROM deliveries")
        [(delivered,)] = connection.execute(
            "SELECT count(DISTINCT event) FROM deliveries WHERE state = 'delivered'"
        )
    taken = _taken(objects)
    payments = [
        Payment(
            each["id"],
            each["payment_intent"],
            UUID(each["metadata"]["user_id"]),
            UUID(each["metadata"]["top_up_id"]),
            each["amount_total"],
            tuple(taken[each["payment_intent"]]),
        )
        for each in objects["checkout.session"]
        if each["payment_status"] == "paid"
    ]
    events = len(objects["event"])
    return ProviderRecords(
        payments, len(objects["checkout.session"]), events, deliveries, events - delivered
    )


def _taken(objects: dict[str, list[dict[str, Any]]]) -> defaultdict[str, list[Taken]]:
    """By payment."""
    taken: defaultdict[str, list[Taken]] = defaultdict(list)
    for each in objects["refund"]:
        is_returned = each["status"] in ("failed", "canceled")
        taken[each["payment_intent"]].append(Taken(each["id"], each["amount"], is_returned))
    for each in objects["dispute"]:
        if each["status"] not in _INQUIRIES:
            is_returned = each["status"] == "won"
            taken[each["payment_intent"]].append(Taken(each["id"], each["amount"], is_returned))
    return taken
