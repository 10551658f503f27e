"""The changelog as the release reads and writes it."""

from __future__ import annotations

from datetime import date

import pytest

from dev.release import gate
from dev.release.changelog import Changelog, ChangelogError

TEXT = """# Changelog

The format.

## [Unreleased]

### Added

- A thing: `Query.thing`.

### API changes

- `Query.old`: removed; use `Query.thing`.
- `Kind.REVERSAL`, `SendResult = Later`: new; treat unknown ones as before.

## [1.0.0] - 2026-11-28

### Added

- Everything.
"""


def test_an_announcement_names_what_changes_at_the_start_of_an_item() -> None:
    changelog = Changelog(TEXT)
    assert changelog.announced == ["Query.old", "Kind.REVERSAL", "SendResult = Later"]
    assert changelog.versions == ["1.0.0"]


@pytest.mark.parametrize(
    "item", ["Removed `Query.old`.", "`Query.old` is removed.", "`Query.old`:"]
)
def test_an_item_that_does_not_begin_with_what_changes_is_refused(item: str) -> None:
    changelog = Changelog(TEXT.replace("`Query.old`: removed; use `Query.thing`.", item))
    with pytest.raises(ChangelogError, match="does not begin with what changes"):
        _ = changelog.announced


def test_a_release_takes_the_unreleased_section_and_leaves_an_empty_one() -> None:
    released = Changelog(TEXT).release("1.1.0", date(2026, 12, 24))
    assert released.versions == ["1.1.0", "1.0.0"]
    assert (released.unreleased, released.announced) == ("", [])
    assert "## [Unreleased]\n\n## [1.1.0] - 2026-12-24\n\n### Added\n\n- A thing" in released.text
    assert "as before.\n\n## [1.0.0] - 2026-11-28\n" in released.text
    first = Changelog(TEXT.partition("## [1.0.0]")[0]).release("1.0.0", date(2026, 11, 28))
    assert first.versions == ["1.0.0"]
    assert first.text.endswith("as before.\n")


def test_a_changelog_without_an_unreleased_section_is_refused() -> None:
    with pytest.raises(ChangelogError, match="Unreleased"):
        _ = Changelog(TEXT.replace("[Unreleased]", "[2.0.0]")).unreleased


def test_our_own_changelog_is_read() -> None:
    changelog = Changelog(gate.CHANGELOG.read_text())
    assert "### Added" in changelog.unreleased or changelog.versions
    assert isinstance(changelog.announced, list)
