"""Measurements and their medians."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

#: What is answered in this time at the start is not counted.
WARM_UP_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one kind of load. Times are in milliseconds; None if they were not measured."""

    operations: int
    per_second: float
    mean_ms: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    #: Processor time per operation, in microseconds: of the load generator and of the server.
    load_cpu_us: float | None = None
    server_cpu_us: float | None = None
    #: Transfers that were answered, including the warm-up: the ledgers must contain as many.
    moved: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of a figure, and the lowest and highest of its rounds."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of the values, of which there is at least one."""
        return cls(statistics.median(values), min(values), max(values))


def median(values: Sequence[float | None]) -> float | None:
    """The median of the values that are known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of an ascending list lies; 0.0 for an empty one."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
