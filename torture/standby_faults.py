"""Faults of a PostgreSQL with a synchronous standby."""

from __future__ import annotations

import asyncio
import signal

from dev.postgres import Postgres
from torture.database_faults import finds
from torture.fault import Fault, is_suspended, was_killed
from torture.stack import kill_all

#: A commit that waits until the standby has it.
_WAITING = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class PrimaryReplaced(Fault):
    """kill -9 of the primary; the standby is promoted, and the old primary becomes its standby."""

    name = "PostgreSQL failed over"
    stops_mails = True

    async def begin(self) -> None:
        self._primary = self.stack.postgres
        await asyncio.to_thread(self.stack.kill_postgres)

    async def end(self) -> None:
        killed = was_killed(self._primary.child)
        await asyncio.to_thread(self.stack.fail_over)
        self.had_effect = killed and self.stack.standby is self._primary


class _CommitsWait(Fault):
    """No standby confirms any commit: nothing is acknowledged, and what waits is found afterwards."""

    kills = False
    seconds = (1.0, 8.0)

    @property
    def standby(self) -> Postgres:
        assert self.stack.standby is not None
        return self.stack.standby

    async def has_waiting(self) -> bool:
        return await asyncio.to_thread(finds, self.stack.postgres.admin_url, _WAITING)


class StandbyHangs(_CommitsWait):
    """The standby is suspended, as if its disk hung."""

    name = "standby hangs"

    async def begin(self) -> None:
        await asyncio.to_thread(self.standby.signal_all, signal.SIGSTOP)
        self.had_effect = await asyncio.to_thread(is_suspended, self.standby.child)

    async def end(self) -> None:
        self.had_effect &= await self.has_waiting()
        await asyncio.to_thread(self.standby.signal_all, signal.SIGCONT)


class ReplicationInterrupted(_CommitsWait):
    """kill -9 of the standby, which catches up when it is restarted."""

    name = "replication interrupted"

    async def begin(self) -> None:
        await asyncio.to_thread(kill_all, self.standby)

    async def end(self) -> None:
        self.had_effect = was_killed(self.standby.child) and await self.has_waiting()
        await asyncio.to_thread(self.standby.start)


#: If there is a standby.
ALL: tuple[type[Fault], ...] = (PrimaryReplaced, StandbyHangs, ReplicationInterrupted)
