"""What was measured, and medians of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

#: What is answered in this time at first does not count.
WARM_UP_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one kind of load. Times are in milliseconds; None where they were not taken."""

    operations: int
    per_second: float
    mean_ms: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    #: Processor time for each operation, in microseconds: the load generator's, and the server's.
    load_cpu_us: float | None = None
    server_cpu_us: float | None = None
    #: How many transfers were answered, those of the warm-up too: so many the books must have.
    moved: int = 0


def median(values: Sequence[float | None]) -> float | None:
    """The median of the values that there are."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of an ascending list lies; 0.0 for an empty one."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
