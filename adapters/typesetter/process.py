"""The process that typesets: parts of a statement on standard input, a PDF on standard output.

Each line of the input is JSON: first `{"head": …}`, then any number of `{"rows": […]}`, then `{}`. A statement
is set a few pages at a time, so that its length does not matter to the memory that it takes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import typst

from adapters.typesetter.joining import Parts

#: Rows that are set at once.
ROWS = 60
_TEMPLATE = Path(__file__).with_name("statement.typ")
_FONTS = ("manimgx_fonts", "manimgx_fonts_cjk")
_PROCESSOR_SECONDS = 900
#: Typst forgets what was not used in so many compilations.
_FORGETS_AFTER = 11

Row = dict[str, Any]


class Typesetter:
    """Compiles the template with data."""

    def __init__(self) -> None:
        folders = [str(_folder(package)) for package in _FONTS]
        fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=folders
        )
        self._compiler = typst.Compiler(
            str(_TEMPLATE), root=str(_TEMPLATE.parent), font_paths=fonts
        )

    def set(self, part: dict[str, Any], *, tagged: bool = False) -> tuple[bytes, list[int]]:
        """The PDF, and for each row the page that it is on, from 1."""
        pdf = self._compile(json.dumps(part), tagged=tagged)
        pages: list[int] = json.loads(self._compiler.query("<page>", field="value"))
        return pdf, pages

    def forget(self) -> None:
        """Release the memory of what was set before."""
        for _ in range(_FORGETS_AFTER):
            self._compile("{}", tagged=False)

    def _compile(self, part: str, *, tagged: bool) -> bytes:
        pdf = self._compiler.compile(sys_inputs={"part": part}, format="pdf", pdf_tags=tagged)
        assert isinstance(pdf, bytes)
        return pdf


def typeset(lines: Iterator[bytes], out: BinaryIO) -> None:
    """Write the PDF of a statement."""
    head = json.loads(next(lines))["head"]
    setter = Typesetter()
    waiting: list[Row] = []
    parts: Parts | None = None
    is_last = False
    while not is_last:
        while len(waiting) < ROWS and not is_last:
            received = json.loads(next(lines))
            is_last = not received
            waiting += received.get("rows", ())
        if is_last and parts is None and len(waiting) <= 2 * ROWS:
            # The whole statement, as Typst makes it: with tags, by which screen readers know its tables.
            whole = {"head": head, "rows": waiting, "first": True, "last": True, "alone": True}
            out.write(setter.set(whole, tagged=True)[0])
            return
        if parts is None:
            parts = Parts(out.write)
        waiting = _set_some(setter, parts, head, waiting, ends=is_last)
    assert parts is not None
    parts.finish("en")


def _set_some(
    setter: Typesetter, parts: Parts, head: dict[str, Any], waiting: list[Row], *, ends: bool
) -> list[Row]:
    """Set the rows on as many pages as they fill, all of them if it `ends`; returns those that are left."""
    while True:
        rows = waiting[:ROWS]
        is_end = ends and len(rows) == len(waiting)
        part = {
            "head": head,
            "rows": rows,
            "first": parts.pages == 0,
            "last": is_end,
            "page": parts.pages + 1,
        }
        pdf, pages = setter.set(part)
        if is_end:
            parts.add(pdf, sys.maxsize)
            return []
        full = max(pages[-1] - 1, 1)
        parts.add(pdf, full)
        setter.forget()
        waiting = waiting[sum(page <= full for page in pages) :]
        if not ends and len(waiting) < ROWS:
            return waiting


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
    os.nice(10)
    typeset(iter(sys.stdin.buffer), sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
