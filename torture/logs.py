"""Logs of the services, read while they are written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path


class ServerLogs:
    """The logs of PostgreSQL's servers, which are read from where the last look ended."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._positions = dict.fromkeys(files, 0)

    def new_lines(self) -> list[str]:
        """Call it before and after each restart of a server."""
        found: list[str] = []
        for log, position in self._positions.items():
            with contextlib.suppress(FileNotFoundError):
                began = position
                if log.stat().st_size < position:
                    # A large log is rotated when the server is restarted.
                    found += _lines(log.with_suffix(".log.1"), position)[0]
                    began = 0
                new, self._positions[log] = _lines(log, began)
                found += new
        return found


def since(log: Path, position: int) -> bytes:
    """What was written after that position; everything if the log was rotated since."""
    with log.open("rb") as file:
        file.seek(position if position <= log.stat().st_size else 0)
        return file.read()


def _lines(log: Path, position: int) -> tuple[list[str], int]:
    """The complete lines after that position, and where they end."""
    with log.open("rb") as file:
        file.seek(position)
        text, _, _ = file.read().rpartition(b"\n")
    return text.decode(errors="replace").splitlines(), position + len(text) + bool(text)
