"""What the simulated operators of a run did: data for the checker, with times of the record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID


@dataclass(slots=True)
class Decision:
    """A decision about a proposal, in one or many tries."""

    operator_id: UUID
    agrees: bool
    #: The `__typename` of the answer; None without one.
    answer: str | None = None
    #: The status of the action in it.
    status: str | None = None


@dataclass(slots=True)
class AskedReversal:
    """A reversal that an operator requested with a key, in one or many tries; the amount in minor units."""

    operator_id: UUID
    #: Of the transaction to be reversed.
    reference: UUID
    amount_minor: int
    key: str
    began: float
    ended: float = 0.0
    #: The `__typename` of the answer; None without one.
    answer: str | None = None
    #: From the answer: the API's id of the action, its status, and the reference of the reversal.
    action_id: str | None = None
    status: str | None = None
    reversal: UUID | None = None
    decisions: list[Decision] = field(default_factory=list)

    def so_far(self) -> AskedReversal:
        """A copy of what was recorded so far."""
        return replace(self, decisions=[replace(each) for each in self.decisions])
