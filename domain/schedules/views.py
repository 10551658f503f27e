"""Scheduled transfers and runs, and what they name as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.ledger.metadata import Pair
from domain.ledger.transfers import Entry
from domain.people.accounts import Person
from domain.schedules.schedules import Run, ScheduledTransfer


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A scheduled transfer and its recipient."""

    schedule: ScheduledTransfer
    recipient: Person


@dataclass(frozen=True, slots=True)
class RunView:
    """A run and the entry of the user's own ledger, once it is sent."""

    run: Run
    entry: Entry | None = None
    counterparty: Person | None = None
    metadata: Sequence[Pair] = ()
