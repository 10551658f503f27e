"""Joins PDFs as Typst writes them, one after the other, without keeping them in memory.

Typst writes PDF 1.7 with a table of objects and without compressed objects, which is the form that this
module reads; it raises ValueError for any other.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence

_CATALOG, _PAGES, _INFORMATION = 1, 2, 3
_HEADER = b"%PDF-1.7\n%\x80\x80\x80\x80\n"
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
_TABLE = re.compile(rb"xref\s+0 (\d+)\s+")
_ROW_BYTES = 20
_ROOT = re.compile(rb"/Root (\d+) 0 R")
_INFO = re.compile(rb"/Info (\d+) 0 R")
_TREE = re.compile(rb"/Pages (\d+) 0 R")
_KIDS = re.compile(rb"/Kids\s*\[([^\]]*)\]")
_PARENT = re.compile(rb"/Parent (\d+) 0 R")
_CONTENTS = re.compile(rb"/Contents (\d+) 0 R")
_STREAM = re.compile(rb"\bstream\r?\n")
# A string, a string in hexadecimal digits, or a reference to an object.
_TOKEN = re.compile(rb"\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f\s]*>(?!>)|\b(\d+) 0 R\b", re.DOTALL)


class Parts:
    """Writes a PDF whose pages are those of several others."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._position = 0
        #: Where each object begins, by its number; 0 for those that do not exist.
        self._offsets = array("Q", [0] * 4)
        self._pages: list[int] = []
        self._information = b"<<>>"
        self._put(_HEADER)

    @property
    def pages(self) -> int:
        """How many pages have been written."""
        return len(self._pages)

    def add(self, pdf: bytes, pages: int) -> None:
        """Append the first pages of a PDF. Raises ValueError for one of another form."""
        source = _Source(pdf)
        kept = source.pages[:pages]
        skipped = {source.root, source.tree, source.information}
        for page in source.pages[pages:]:
            skipped |= {page, *map(int, _CONTENTS.findall(source.objects[page]))}
        self._information = source.objects[source.information]
        base = len(self._offsets)
        numbers = {number: base + index for index, number in enumerate(sorted(source.objects))}
        self._offsets.extend([0] * len(numbers))
        for number, content in source.objects.items():
            if number in skipped:
                continue
            head, rest = _split(content)
            if number in kept:
                head = _PARENT.sub(b"", head)
                head = head.replace(b"/Type/Page", b"/Type/Page/Parent 2 0 R", 1)
            self._object(numbers[number], _renumbered(head, numbers) + rest)
        self._pages += [numbers[page] for page in kept]

    def finish(self, language: str) -> None:
        """Write what is left: the PDF is complete then."""
        kids = b" ".join(b"%d 0 R" % page for page in self._pages)
        self._object(_PAGES, b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(self._pages), kids))
        self._object(_INFORMATION, self._information)
        self._object(
            _CATALOG,
            b"<</Type/Catalog/Pages 2 0 R/Lang(%b)/ViewerPreferences<</DisplayDocTitle true>>>>"
            % language.encode("ascii"),
        )
        start, count = self._position, len(self._offsets)
        self._put(b"xref\n0 %d\n0000000000 65535 f\r\n" % count)
        for offset in self._offsets[1:]:
            self._put(b"%010d 00000 %b\r\n" % (offset, b"n" if offset else b"f"))
        self._put(
            b"trailer\n<</Size %d/Root 1 0 R/Info 3 0 R>>\nstartxref\n%d\n%%%%EOF\n"
            % (count, start)
        )

    def _object(self, number: int, content: bytes) -> None:
        self._offsets[number] = self._position
        self._put(b"%d 0 obj\n%b\nendobj\n" % (number, content))

    def _put(self, data: bytes) -> None:
        self._write(data)
        self._position += len(data)


class _Source:
    """The objects of a PDF by their numbers. Raises ValueError."""

    def __init__(self, pdf: bytes) -> None:
        start = _START.search(pdf, max(0, len(pdf) - 64))
        table = _TABLE.match(pdf, int(start[1])) if start else None
        if table is None:
            raise ValueError("the PDF has no table of objects")
        count = int(table[1])
        rows = [pdf[table.end() + index * _ROW_BYTES :][:_ROW_BYTES] for index in range(count)]
        trailer = pdf[table.end() + count * _ROW_BYTES :]
        used = [(int(row[:10]), number) for number, row in enumerate(rows) if row[17:18] == b"n"]
        self.objects = dict(_objects(pdf, sorted(used), int(table.start())))
        self.root = _number(_ROOT, trailer)
        self.information = _number(_INFO, trailer)
        self.tree = _number(_TREE, self.objects[self.root])
        kids = _KIDS.search(self.objects[self.tree])
        if kids is None:
            raise ValueError("the PDF has no pages")
        self.pages = [int(kid) for kid in re.findall(rb"(\d+) 0 R", kids[1])]
        if not all(b"/Type/Page" in self.objects[page] for page in self.pages):
            raise ValueError("the pages of the PDF are nested")


def _objects(
    pdf: bytes, places: Sequence[tuple[int, int]], end: int
) -> Iterator[tuple[int, bytes]]:
    ends = [offset for offset, _ in places[1:]] + [end]
    for (offset, number), stop in zip(places, ends, strict=True):
        head = b"%d 0 obj" % number
        content = pdf[offset:stop].rstrip()
        if not (content.startswith(head) and content.endswith(b"endobj")):
            raise ValueError(f"object {number} of the PDF is not where its table says")
        yield number, content[len(head) : -len(b"endobj")].strip(b"\r\n ")


def _number(pattern: re.Pattern[bytes], text: bytes) -> int:
    found = pattern.search(text)
    if found is None:
        raise ValueError(f"the PDF lacks {pattern.pattern!r}")
    return int(found[1])


def _split(content: bytes) -> tuple[bytes, bytes]:
    """What references can be in, and the bytes of a stream."""
    stream = _STREAM.search(content)
    return (
        (content, b"") if stream is None else (content[: stream.start()], content[stream.start() :])
    )


def _renumbered(head: bytes, numbers: dict[int, int]) -> bytes:
    def replace(match: re.Match[bytes]) -> bytes:
        return match[0] if match[1] is None else b"%d 0 R" % numbers[int(match[1])]

    return _TOKEN.sub(replace, head)
