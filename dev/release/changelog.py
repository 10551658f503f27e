"""Reads CHANGELOG.md and turns its Unreleased section into a version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

#: The section of a version that announces changes of the API that can break clients.
API_CHANGES = "API changes"
_HEADING = re.compile(r"(?m)^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?[ \t]*\n")
_SECTION = re.compile(r"(?m)^### (.+?)[ \t]*\n")
_SUBJECTS = re.compile(r"^- ((?:`[^`]+`(?:, )?)+): \S")


class ChangelogError(Exception):
    """The text is a sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Changelog:
    """A changelog in the form of Keep a Changelog, newest version first."""

    text: str

    @property
    def versions(self) -> list[str]:
        """The released versions, newest first."""
        return [match[1] for match in _HEADING.finditer(self.text) if match[1] != "Unreleased"]

    @property
    def unreleased(self) -> str:
        """What is between the heading of Unreleased and the next version."""
        start, end = self._unreleased_span()
        return self.text[start:end].strip()

    @property
    def announced(self) -> list[str]:
        """What the items of "API changes" under Unreleased name: `Type.field` and the like."""
        parts = _SECTION.split(self.unreleased)
        sections = dict(zip(parts[1::2], parts[2::2], strict=True))
        named = []
        for line in sections.get(API_CHANGES, "").splitlines():
            if not line.startswith("- "):
                continue
            subjects = _SUBJECTS.match(line)
            if subjects is None:
                raise ChangelogError(
                    f'This item of "{API_CHANGES}" in CHANGELOG.md does not begin with what changes, '
                    f"such as - `Type.field`: …, or - `Union = Member`, `Enum.VALUE`: …: {line}"
                )
            named += re.findall(r"`([^`]+)`", subjects[1])
        return named

    def release(self, version: str, on: date) -> Changelog:
        """The same with the Unreleased section as that version, below an empty one."""
        start, end = self._unreleased_span()
        released = f"\n## [{version}] - {on.isoformat()}\n\n{self.unreleased}\n\n"
        return Changelog(f"{self.text[:start]}{released}{self.text[end:]}".rstrip() + "\n")

    def _unreleased_span(self) -> tuple[int, int]:
        headings = [*_HEADING.finditer(self.text)]
        if not headings or headings[0][1] != "Unreleased":
            raise ChangelogError('CHANGELOG.md does not begin with a section "## [Unreleased]".')
        end = headings[1].start() if len(headings) > 1 else len(self.text)
        return headings[0].end(), end
