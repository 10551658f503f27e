"""A circuit breaker: leaves an external server alone for a while after it failed."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Open for a while after each failure: longer each time, up to five seconds."""

    _FIRST_PAUSE_SECONDS = 0.25
    _LONGEST_PAUSE_SECONDS = 5.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause_seconds = 0.0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether to leave the server alone now."""
        return self._clock() < self._until

    def failed(self) -> None:
        doubled = max(self._pause_seconds * 2, self._FIRST_PAUSE_SECONDS)
        self._pause_seconds = min(doubled, self._LONGEST_PAUSE_SECONDS)
        self._until = self._clock() + self._pause_seconds

    def worked(self) -> None:
        self._pause_seconds = self._until = 0.0
