"""The example of each operation, from docs/examples."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from settings import ROOT

FOLDER = ROOT / "docs" / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """A document and its variables. docs/examples/README.md says what a value in <> stands for."""

    document: str
    #: As JSON; empty if the document has none.
    variables: str

    @property
    def values(self) -> dict[str, Any]:
        """The variables, with placeholders."""
        found: dict[str, Any] = json.loads(self.variables or "{}")
        return found


def load() -> dict[str, Example]:
    """All examples by the names of their operations."""
    return {file.stem: _read(file) for file in sorted(FOLDER.glob("*.graphql"))}


def _read(file: Path) -> Example:
    variables = file.with_suffix(".json")
    text = variables.read_text(encoding="utf-8") if variables.exists() else ""
    return Example(file.read_text(encoding="utf-8").rstrip(), text.rstrip())
