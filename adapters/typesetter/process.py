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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import typst

from adapters.typesetter.joining import Parts

#: Rows that are set at once.
ROWS = 60
#: A statement of at most so many rows is set as a whole.
WHOLE_ROWS = 100
#: The pages of one with at most so many rows are counted before, so that each says how many there are.
COUNTED_ROWS = 500
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
    rows = _Rows(lines)
    setter = Typesetter()
    if rows.are_at_most(WHOLE_ROWS):
        # As Typst makes it: with tags, by which screen readers know its tables.
        whole = {"head": head, "rows": rows.waiting, "first": True, "last": True, "alone": True}
        out.write(setter.set(whole, tagged=True)[0])
        return
    total = None
    if rows.are_at_most(COUNTED_ROWS):
        counted = Parts(lambda _: None)
        _set_all(setter, counted, head, _Rows(iter(()), rows.waiting), None)
        total = counted.pages
    parts = Parts(out.write)
    _set_all(setter, parts, head, rows, total)
    parts.finish("en")


class _Rows:
    """The rows of the input."""

    def __init__(self, lines: Iterator[bytes], waiting: Sequence[Row] | None = None) -> None:
        """All rows are `waiting`, if any are given."""
        self._lines = lines
        self._is_whole = waiting is not None
        #: Those that were read and are not set yet.
        self.waiting = list(waiting or ())

    def are_at_most(self, number: int) -> bool:
        """Whether there are no more rows; reads some more than that at most."""
        while len(self.waiting) <= number and not self._is_whole:
            received = json.loads(next(self._lines))
            self._is_whole = not received
            self.waiting += received.get("rows", ())
        return len(self.waiting) <= number


def _set_all(
    setter: Typesetter, parts: Parts, head: dict[str, Any], rows: _Rows, total: int | None
) -> None:
    """Set the rows a few pages at a time; `total` is the number of pages, if it is known."""
    is_last = False
    while not is_last:
        is_last = rows.are_at_most(ROWS)
        part = {
            "head": head,
            "rows": rows.waiting[:ROWS],
            "first": parts.pages == 0,
            "last": is_last,
            "page": parts.pages + 1,
            "total": total,
        }
        pdf, pages = setter.set(part)
        # Those on the last page, which is not full, are set again with the next.
        full = sys.maxsize if is_last else max(pages[-1] - 1, 1)
        parts.add(pdf, full)
        rows.waiting = rows.waiting[sum(page <= full for page in pages) :]
        setter.forget()


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
