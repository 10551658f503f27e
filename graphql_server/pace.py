"""A limit on what one socket sends without starting an operation, such as pings."""

from __future__ import annotations

import time

_WINDOW_SECONDS = 60.0


class Pace:
    """A token bucket: full at first, and refilled evenly over a minute."""

    __slots__ = ("_counted_at", "_left", "_per_minute")

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left = float(per_minute)
        self._counted_at = time.monotonic()

    def take(self) -> bool:
        """Count one; whether it is within the limit."""
        now = time.monotonic()
        refilled = (now - self._counted_at) * self._per_minute / _WINDOW_SECONDS
        self._left = min(self._left + refilled, float(self._per_minute)) - 1
        self._counted_at = now
        return self._left >= 0
