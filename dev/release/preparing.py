"""The steps of a release: check everything, edit the files, build the pages and the archive."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from dev.release import archive, documents, gate, versions
from dev.release.changelog import Changelog, ChangelogError
from dev.release.schema_gate import Severity
from dev.release.versions import Version
from settings import ROOT

#: Where archives are written; Git ignores it.
OUTPUT = ROOT / "dist"
_WORDS = {Severity.BREAKING: "major", Severity.DANGEROUS: "minor", Severity.ADDITION: "minor"}


class Refused(Exception):
    """The text is a sentence for the person at the terminal."""


def prepare(wanted: str, tell: Callable[[str], None]) -> Path:
    """Prepare that version in this checkout, and give its archive. Raises `Refused`.

    Nothing is committed: the caller reviews, commits and tags. A failure leaves the files as they
    were.
    """
    today = datetime.now(UTC).date()
    try:
        changelog = Changelog(gate.CHANGELOG.read_text(encoding="utf-8"))
        version = _checked(wanted, changelog, today)
        edits = _edits(version, changelog, today)
    except (ChangelogError, ValueError) as error:
        raise Refused(str(error)) from None
    before = {file: file.read_bytes() if file.exists() else None for file in edits}
    try:
        for file, text in edits.items():
            file.write_text(text, encoding="utf-8")
        return _archive(version, edits, tell)
    except BaseException:
        _restore(before)
        raise


def _checked(wanted: str, changelog: Changelog, today: date) -> Version:
    version = Version.parse(wanted)
    if version is None:
        raise Refused(f"{wanted} is not a version such as 1.2.3.")
    if changed := _git("status", "--porcelain"):
        raise Refused(f"Commit or remove these changes first:\n{changed}")
    last = max(
        (Version.parse(text) or Version(0, 0, 0) for text in changelog.versions),
        default=Version(0, 0, 0),
    )
    if version <= last:
        raise Refused(f"{version} is not greater than {last}, the last release.")
    if not changelog.unreleased:
        raise Refused(
            "The section Unreleased of CHANGELOG.md is empty: there is nothing to release."
        )
    if problems := gate.problems(today):
        raise Refused("\n".join(problems))
    changes = gate.changes()
    severity = max((change.severity for change in changes), default=None)
    if severity is not None and not version.allows(severity, last):
        worst = next(change for change in changes if change.severity == severity)
        raise Refused(f"{version} must be a new {_WORDS[severity]} version: {worst.says}")
    # Last, because it takes longest.
    from app import served_schema

    if served_schema.print_sdl() != gate.PRESENT.read_text(encoding="utf-8"):
        raise Refused(
            "schema/schema.graphql is stale: run ./wallet schema > schema/schema.graphql."
        )
    return version


def _edits(version: Version, changelog: Changelog, today: date) -> dict[Path, str]:
    """The new texts of all files that a release changes."""
    sent = json.dumps(documents.of_clients(), indent=2, ensure_ascii=False)
    return {
        gate.CHANGELOG: changelog.release(str(version), today).text,
        gate.RELEASED: gate.PRESENT.read_text(encoding="utf-8"),
        gate.RELEASED_DOCUMENTS: f"{sent}\n",
        **{file: versions.replaced(file, version) for file in versions.files(ROOT)},
    }


def _archive(version: Version, edited: Mapping[Path, str], tell: Callable[[str], None]) -> Path:
    from dev.up import building

    if problems := building.build(lambda name: tell(f"Building the {name} …")):
        raise Refused("\n".join(problems))
    names = {name for name in _git("ls-files", "-z").split("\0") if name}
    names |= {file.relative_to(ROOT).as_posix() for file in edited}
    folder = f"mini-wallet-{version}"
    target = OUTPUT / f"{folder}.tar.gz"
    # Of the commit that is released: the same commit gives the same archive.
    modified_at = int(_git("log", "-1", "--format=%ct"))
    names |= set(archive.built_files(ROOT, building.PAGES.values()))
    archive.pack(ROOT, names, target, folder=folder, modified_at=modified_at)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    tell(
        f"{target.relative_to(ROOT)} is ready (sha256 {digest}). If `git diff` shows what you want:\n"
        f'  git add --all && git commit --message "Release {version}" && git tag v{version}'
    )
    return target


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        raise Refused("A release is made in a checkout of the repository, with Git.")
    done = subprocess.run(  # noqa: S603
        [git, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Refused(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")


def _restore(before: Mapping[Path, bytes | None]) -> None:
    for file, content in before.items():
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(content)
