"""What this process knows of the epoch of the streams."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from domain.streams import Epoch
from persistence.delivery import epochs
from persistence.engine.database import Database

log = structlog.get_logger()


class Epochs:
    """The current epoch, read once and then at every poll."""

    def __init__(self, database: Database, ended: Callable[[], None]) -> None:
        """`ended` is called when another epoch has begun."""
        self._database = database
        self._ended = ended
        self._known: Epoch | None = None

    async def current(self) -> Epoch:
        """As of the last poll. Raises Unavailable if none has succeeded yet."""
        if self._known is None:
            self._known = await epochs.current(self._database)
        return self._known

    async def poll(self) -> None:
        """Read it. Raises Unavailable."""
        found = await epochs.current(self._database)
        if self._known is not None and found != self._known:
            log.warning("a new epoch has begun: subscribers start over", epoch=str(found.epoch_id))
            self._known = found
            self._ended()
        self._known = found
