"""The documentation is correct: its operations are valid against the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import parse, validate

from settings import ROOT
from tests import served

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _operations(page: Path) -> Iterator[str]:
    for language, block in re.findall(
        r"(?m)^ *```(\w+)\n(.*?)^ *```", page.read_text(encoding="utf-8"), flags=re.DOTALL
    ):
        if language == "graphql":
            yield block
        elif language == "sh":
            # A request's body stands between the quotes of curl's -d.
            for body in re.findall(r"-d '(\{.*?\n\})'", block, flags=re.DOTALL):
                yield json.loads(body)["query"]
        elif language == "js":
            yield from re.findall(r"query: '([^']+)'", block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_operations_on_a_page_are_valid(page: Path) -> None:
    for operation in _operations(page):
        problems = validate(served.schema(), parse(operation))
        assert not problems, f"{operation}\n{problems}"


def test_there_are_operations_to_look_at() -> None:
    assert sum(1 for page in PAGES for _ in _operations(page)) >= 9
