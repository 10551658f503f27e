"""Hashes and verifies passwords in a few threads, so that the event loop is never blocked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from adapters.rate_limiter import all_taken
from domain import errors
from domain.people import passwords

_CONCURRENCY = max(2, os.cpu_count() or 2)
_WAITING_MAXIMUM = 200
_RETRY_SECONDS = 10

Result = TypeVar("Result")


class Hashing:
    """bcrypt with that many rounds. Raises RateLimited if too many calls are already waiting."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._turns = asyncio.Semaphore(_CONCURRENCY)
        self._waiting = 0

    async def check(self, password: str) -> None:
        """Raise WeakPassword for a weak password (the first call loads the list of common ones)."""
        await asyncio.to_thread(passwords.check, password)

    async def hash(self, password: str, *, salt_seed: bytes | None = None) -> str:
        """The hash to store. `matching` checks all hashes with the same salt seed at the cost of one."""
        return await self._in_turn(
            lambda: passwords.hash_password(password, self._rounds, salt_seed=salt_seed)
        )

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password matches; takes equally long without a hash."""
        return await self._in_turn(lambda: passwords.verify(password, password_hash, self._rounds))

    async def matching(self, password: str, password_hashes: Sequence[str]) -> str | None:
        """The first hash that the password matches; takes equally long without a match."""
        return await self._in_turn(
            lambda: passwords.matching(password, password_hashes, self._rounds)
        )

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= _WAITING_MAXIMUM:
            limit = all_taken("passwords", _WAITING_MAXIMUM, _RETRY_SECONDS)
            raise errors.RateLimited(_RETRY_SECONDS, limit)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
