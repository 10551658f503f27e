"""Which version may follow which, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.version import version
from dev.release import versions
from dev.release.schema_gate import Severity
from dev.release.versions import Version
from settings import ROOT


@pytest.mark.parametrize("text", ["1", "1.2", "v1.2.3", "1.2.3-rc1", "01.2.3", "1.2.3\n", ""])
def test_a_version_is_three_numbers(text: str) -> None:
    assert Version.parse(text) is None
    assert Version.parse("1.20.3") == (1, 20, 3)
    assert Version(1, 20, 3) > Version(1, 3, 20)


@pytest.mark.parametrize(
    ("severity", "allowed"),
    [
        (None, {"1.2.4", "1.3.0", "2.0.0"}),
        (Severity.ADDITION, {"1.3.0", "2.0.0"}),
        (Severity.DANGEROUS, {"1.3.0", "2.0.0"}),
        (Severity.BREAKING, {"2.0.0"}),
    ],
)
def test_a_breaking_change_needs_a_major_version_and_any_other_a_minor_one(
    severity: Severity | None, allowed: set[str]
) -> None:
    candidates = [Version(1, 2, 4), Version(1, 3, 0), Version(2, 0, 0)]
    assert {str(v) for v in candidates if v.allows(severity, Version(1, 2, 3))} == allowed


def test_the_version_is_replaced_where_it_stands_and_nowhere_else(tmp_path: Path) -> None:
    lock = tmp_path / "clients" / "typescript" / "package-lock.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(
        '{"name": "a", "version": "0.1.0", "packages": {"": {"name": "a", "version": "0.1.0"},'
        ' "node_modules/b": {"version": "0.1.0"}}}'
    )
    package = lock.with_name("package.json")
    package.write_text('{"name": "a", "version": "0.1.0", "dependencies": {"version": "0.1.0"}}')
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.x]\nversion = "5"\n[project]\nname = "a"\nversion = "0.1.0"\n')
    assert set(versions.files(tmp_path)) == {lock, package, project}
    new = Version(1, 2, 3)
    assert versions.replaced(lock, new).count('"version": "1.2.3"') == 2
    assert '"node_modules/b": {"version": "0.1.0"}' in versions.replaced(lock, new)
    assert versions.replaced(package, new).count("1.2.3") == 1
    assert versions.replaced(project, new).splitlines()[1::3] == [
        'version = "5"',
        'version = "1.2.3"',
    ]


def test_the_program_says_its_version() -> None:
    assert Version.parse(version())
    assert f'version = "{version()}"' in (ROOT / "pyproject.toml").read_text()
