"""Positions in a numbered stream of events, and the epoch in which the numbers were assigned."""

from __future__ import annotations

from uuid import UUID

from domain import errors
from domain.values import value


@value
class Epoch:
    """The current epoch; `is_first` as long as nothing was restored to an earlier point in time."""

    epoch_id: UUID
    is_first: bool

    @property
    def restored_id(self) -> UUID | None:
        """None in the first epoch, whose events need not be told from earlier ones."""
        return None if self.is_first else self.epoch_id

    def require(self, given: str | None, after: int | None) -> None:
        """Raises EpochEnded if a client that continues after that number may have seen other events.

        `given` is the epoch of the number; a client that does not know epochs gives none.
        """
        if given is None and (self.is_first or not after):
            return
        if given != str(self.epoch_id):
            raise errors.EpochEnded
