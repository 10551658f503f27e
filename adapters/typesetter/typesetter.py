"""Makes PDFs of statements, each in a process of its own, and passes them on as they are made."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import orjson
import structlog

from domain import errors
from domain.statements import pdf_file
from domain.statements.statements import Document, Pages

log = structlog.get_logger(__name__)

#: Processes at once, each of which takes up to 100 MiB and a whole processor: for statements of more entries
#: than `_LONG` and for the others, which therefore never wait for a long one.
_LONG_AT_ONCE, _SHORT_AT_ONCE = 1, 2
_LONG = 2_000
#: PDFs that are being made, with those that wait, and how long these do.
_MADE_AT_ONCE = 16
_WAIT_SECONDS = 20
#: PDFs in all, with those that are complete and still being read.
_KEPT_AT_ONCE = 128
_MODULE = "adapters.typesetter.process"
_ROOT = Path(__file__).resolve().parents[2]
_BYTES = 64 * 1024
# For people who follow links, not for programs.
_TOO_MANY = "Too many PDFs are being made. Try again in a minute."
_FAILED = "The PDF could not be made. Try again in a minute."
#: No secrets of the service. One thread, and memory that is released when it is no longer used.
_ENVIRONMENT = {
    "RAYON_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}


class Typesetter:
    """The processes that make PDFs."""

    def __init__(self, made_at_once: int = _MADE_AT_ONCE) -> None:
        """`made_at_once` is how many are being made at most, with those that wait."""
        self._made_at_once = made_at_once
        self._long = asyncio.Semaphore(_LONG_AT_ONCE)
        self._short = asyncio.Semaphore(_SHORT_AT_ONCE)
        self._being_made = self._kept = 0

    async def render(self, document: Document, pages: Pages) -> AsyncIterator[bytes]:
        """The PDF. It is made at its own speed and kept in a file, however slowly it is read.

        Raises Unavailable if too many are being made, or if this one cannot be made.
        """
        # Slow readers of complete PDFs must not keep others from being made.
        if self._being_made >= self._made_at_once or self._kept >= _KEPT_AT_ONCE:
            raise errors.Unavailable(_TOO_MANY)
        self._kept += 1
        try:
            with tempfile.TemporaryFile() as kept:
                grown = asyncio.Event()
                self._being_made += 1
                making = asyncio.create_task(self._make(document, pages, kept, grown))
                making.add_done_callback(partial(self._is_made, grown))
                try:
                    async for part in _read(kept, grown, making):
                        yield part
                finally:
                    making.cancel()
                    await asyncio.wait([making])
        finally:
            self._kept -= 1

    def _is_made(self, grown: asyncio.Event, _making: asyncio.Task[None]) -> None:
        self._being_made -= 1
        grown.set()

    async def _make(
        self, document: Document, pages: Pages, kept: IO[bytes], grown: asyncio.Event
    ) -> None:
        is_long = document.statement.totals.count > _LONG
        async with _place(self._long if is_long else self._short):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", _MODULE),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                cwd=_ROOT,
                env=_ENVIRONMENT,
            )
            feeding = asyncio.create_task(_feed(process, document, pages))
            try:
                assert process.stdout is not None
                while data := await process.stdout.read(_BYTES):
                    kept.seek(0, os.SEEK_END)
                    kept.write(data)
                    grown.set()
                await feeding
                if await process.wait():
                    log.error("typesetting failed", status=process.returncode)
                    raise errors.Unavailable(_FAILED)
            finally:
                feeding.cancel()
                await _end(process)
                await asyncio.gather(feeding, return_exceptions=True)


@asynccontextmanager
async def _place(places: asyncio.Semaphore) -> AsyncIterator[None]:
    """Raises Unavailable if there is none for too long."""
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            await places.acquire()
    except TimeoutError:
        raise errors.Unavailable(_TOO_MANY) from None
    try:
        yield
    finally:
        places.release()


async def _end(process: Process) -> None:
    """End the process if it has not ended, and close its pipes."""
    if process.returncode is None:
        process.kill()
    # Reads what is left, without which the pipe would stay open.
    await process.communicate()
    assert process.stdin is not None
    process.stdin.close()
    # Otherwise the event loop reports that nobody asked how the pipe ended.
    with contextlib.suppress(ConnectionError):
        await process.stdin.wait_closed()


async def _feed(process: Process, document: Document, pages: Pages) -> None:
    assert process.stdin is not None
    try:
        async for part in pdf_file.parts(document, pages):
            process.stdin.write(_line(part))
            try:
                await process.stdin.drain()
            except ConnectionError:
                # The process has ended, and says so by its status.
                return
    finally:
        process.stdin.close()


def _line(part: dict[str, Any]) -> bytes:
    return orjson.dumps(part) + b"\n"


async def _read(
    kept: IO[bytes], grown: asyncio.Event, making: asyncio.Task[None]
) -> AsyncIterator[bytes]:
    """What is written to the file, from its beginning on, until it is complete."""
    position = 0
    while True:
        is_complete = making.done()
        grown.clear()
        kept.seek(position)
        if data := kept.read(_BYTES):
            position += len(data)
            yield data
        elif is_complete:
            making.result()
            return
        elif not making.done():
            await grown.wait()
