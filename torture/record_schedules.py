"""What the simulated clients of a run did with scheduled transfers."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True)
class AskedSchedule:
    """A scheduled transfer that was requested with a key, in one or many tries; the amount in minor units."""

    user_id: UUID
    recipient_id: UUID
    amount_minor: int
    note: str | None
    key: str
    began: float
    ended: float = 0.0
    #: The API's id; None if the answer was lost or a refusal.
    global_id: str | None = None
    #: The `__typename` of the answer; None without one.
    answer: str | None = None
    #: Whether its owner was told that it has ended, and when that request began.
    ended_at: float | None = None
