"""Standard output, where frequent lines are written several at a time."""

from __future__ import annotations

import asyncio
import threading
from typing import TextIO

#: How long a line waits for others.
_SECONDS = 0.005
#: So many characters are written at once, and sooner.
_MOST_CHARACTERS = 64 * 1024


class Lines:
    """A stream of lines, in the order in which they were given; for use by several threads."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._characters = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing = threading.Lock()

    def write(self, line: str) -> None:
        """Add a complete line, to be written by `flush`."""
        self._lines.append(line)

    def write_soon(self, line: str) -> None:
        """Add a complete line, to be written within milliseconds; only in a running event loop.

        A process that is killed loses the lines of its last milliseconds.
        """
        self._lines.append(line)
        self._characters += len(line)
        if self._characters >= _MOST_CHARACTERS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS, self._flush_later)

    def flush(self) -> None:
        """Write all lines now."""
        with self._writing:
            lines = self._lines[:]
            del self._lines[: len(lines)]
            self._characters = 0
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()

    def _flush_later(self) -> None:
        self._timer = None
        self.flush()
