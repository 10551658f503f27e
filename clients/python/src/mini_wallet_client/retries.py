"""When to repeat a request, and when to give up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from mini_wallet_client.errors import ConnectionFailed, TemporaryError, Unavailable

#: After so long without a failure, the next pause is the first again.
_QUIET_SECONDS = 60.0


@dataclass(frozen=True)
class Retries:
    """Pauses that double from the first to the longest, with jitter, until the time is up."""

    first_pause_seconds: float = 0.3
    longest_pause_seconds: float = 15.0
    give_up_after_seconds: float = 60.0
    #: Replaced by tests.
    clock: Callable[[], float] = time.monotonic

    def start(self, give_up_after_seconds: float | None = None) -> Attempts:
        """Begin to count the attempts of one request."""
        limit = (
            self.give_up_after_seconds if give_up_after_seconds is None else give_up_after_seconds
        )
        return Attempts(self, self.clock() + limit)


class Attempts:
    """The attempts of one request so far."""

    def __init__(self, retries: Retries, deadline: float) -> None:
        self._retries = retries
        self._deadline = deadline
        self._count = 0
        self._failed_at = retries.clock()
        #: Whether one of them may have had an effect although no answer said so.
        self.are_ambiguous = False
        #: Whether one of them may still arrive.
        self.may_be_in_transit = False

    def note(self, error: TemporaryError) -> float | None:
        """Note a failed attempt. Returns the pause before the next one, or None to give up."""
        if isinstance(error, ConnectionFailed):
            self.may_be_in_transit |= error.was_sent
        self.are_ambiguous |= self.may_be_in_transit or isinstance(error, Unavailable)
        pause = self.pause(error)
        return None if self._retries.clock() + pause > self._deadline else pause

    def pause(self, error: TemporaryError | None = None) -> float:
        """The next pause, for what is repeated without end."""
        now = self._retries.clock()
        if now - self._failed_at > _QUIET_SECONDS:
            self.start_over()
        self._failed_at = now
        longest = self._retries.longest_pause_seconds
        doubled = self._retries.first_pause_seconds * 2.0 ** min(self._count, 30)
        self._count += 1
        pause = min(longest, doubled) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
        asked = None if error is None else error.retry_after_seconds
        return max(pause, asked or 0.0)

    def start_over(self) -> None:
        """Something succeeded: the next pause is the first again."""
        self._count = 0
