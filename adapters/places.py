"""Places of client addresses, from a database in MaxMind's format.

See https://maxmind.github.io/MaxMind-DB/ for the format. GeoLite2, GeoIP2 and DB-IP's databases of cities and
of countries have these fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import maxminddb
import structlog

log = structlog.get_logger()


class Places:
    """Looks up addresses. Without a database, the place of every address is unknown."""

    def __init__(self, reader: maxminddb.Reader | None = None) -> None:
        self._reader = reader

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """Raises ValueError with a sentence if the file cannot be read or is not such a database."""
        if path is None:
            return cls()
        try:
            return cls(maxminddb.open_database(path))
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        except maxminddb.InvalidDatabaseError:
            raise ValueError(f"{path} is not a database in MaxMind's format (.mmdb)") from None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def of(self, ip_address: str | None) -> str | None:
        """Such as "Berlin, Germany", or "Germany"; None if it is not known."""
        if self._reader is None or ip_address is None:
            return None
        try:
            record = self._reader.get(ip_address)
        except (ValueError, maxminddb.InvalidDatabaseError) as error:
            # A place is extra information: no sign-in fails for the lack of it.
            log.warning("the place of an address could not be looked up", reason=str(error))
            return None
        if not isinstance(record, Mapping):
            return None
        names = (_name(record, "city"), _name(record, "country"))
        return ", ".join(name for name in names if name) or None


def _name(record: Mapping[str, Any], part: str) -> str | None:
    found: Any = record
    for key in (part, "names", "en"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found if isinstance(found, str) else None
