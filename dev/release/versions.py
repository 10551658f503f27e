"""Versions (`MAJOR.MINOR.PATCH`), and the files in which the version of the project stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from dev.release.schema_gate import Severity

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
#: The service, and the client libraries. The packages of the two pages are private and have none.
_FILES = ("pyproject.toml", "clients/*/pyproject.toml", "clients/*/package*.json")
_IN_TOML = re.compile(r'(?ms)(^\[project\]\n(?:(?!^\[).)*?^version = ")[^"]*(")')
#: The first of a package.json, and the first two of a package-lock.json, are those of the package.
_IN_JSON = re.compile(r'("version": ")[^"]*(")')


class Version(NamedTuple):
    """Compares as Semantic Versioning says."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """None if the text is no version; pre-releases are none here."""
        match = _VERSION.fullmatch(text)
        return cls(*(int(part) for part in match.groups())) if match else None

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def allows(self, severity: Severity | None, since: Version) -> bool:
        """Whether changes of the schema up to that severity may be in it, if `since` was the last."""
        if severity is Severity.BREAKING:
            return self.major > since.major
        if severity is not None:
            return self[:2] > since[:2]
        return True


def files(root: Path) -> list[Path]:
    """The files in which the version stands."""
    found = (file for pattern in _FILES for file in sorted(root.glob(pattern)))
    return [file for file in found if "node_modules" not in file.parts]


def replaced(file: Path, version: Version) -> str:
    """The text of one of those files with another version."""
    text = file.read_text(encoding="utf-8")
    pattern, count = (_IN_TOML, 1) if file.suffix == ".toml" else (_IN_JSON, 1)
    if file.name == "package-lock.json":
        count = 2
    new, replacements = pattern.subn(rf"\g<1>{version}\g<2>", text, count=count)
    if replacements != count:
        raise ValueError(f"{file} has no version to replace.")
    return new
