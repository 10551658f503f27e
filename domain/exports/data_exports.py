"""Exports of all data held about a user."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain import errors

#: How long an export can be downloaded.
KEPT = timedelta(days=7)
#: The largest archive that is stored.
MAXIMUM_BYTES = 512 * 1024 * 1024
#: The size of the parts in which an archive is stored; the last one is smaller.
CHUNK_BYTES = 256 * 1024
#: How often an export is begun before it fails.
MAXIMUM_ATTEMPTS = 5
#: How long an attempt is left alone after it has last stored something.
LEASE = timedelta(minutes=2)
FILE_NAME = "mini-wallet-export.zip"


class ExportStatus(enum.StrEnum):
    """The state of an export."""

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class DataExport:
    """An export of a user's data."""

    user_id: UUID
    export_id: UUID
    status: ExportStatus
    requested_at: datetime
    #: When it was ready or failed.
    ended_at: datetime | None
    #: When it is deleted; None while it is pending.
    expires_at: datetime | None
    #: The size of the archive in bytes; None unless it is ready.
    size: int | None

    def is_downloadable(self, now: datetime) -> bool:
        """Whether the archive can be read."""
        return (
            self.status is ExportStatus.READY
            and self.expires_at is not None
            and now < self.expires_at
        )


@dataclass(eq=False)
class ExportExpired(errors.NotFound):
    message: str = "This export has been deleted. Request another one in the settings."


class TooLarge(Exception):
    """The archive would exceed its maximum size."""
