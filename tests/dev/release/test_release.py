"""`./wallet release` in a repository of its own, and `up` from the archive on a machine without Node."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import settings
from dev import processes
from dev.release import gate
from dev.up import building
from tests.waiting import PATIENCE_SECONDS, block_until

#: Bytecode is copied: each command of the copy would be compiled first.
NOT_COPIED = shutil.ignore_patterns(
    *("node_modules", ".git", ".venv", ".wallet", ".*_cache", ".hypothesis"),
    *("bench", "torture", "tests"),
)
NOTHING = "http://127.0.0.1:9/"


class Repository:
    """A copy of this project with the pages built, and a history of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(settings.ROOT, root, symlinks=True, ignore=NOT_COPIED)
        shutil.rmtree(root / "dist", ignore_errors=True)
        # As before the first release, whatever was released since.
        for file in (gate.RELEASED, gate.RELEASED_DOCUMENTS):
            (root / file.relative_to(settings.ROOT)).unlink(missing_ok=True)
        self.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- All of it.\n")
        self.git("init", "--quiet")
        self.commit()

    def git(self, *arguments: str) -> str:
        user = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        command = ["git", *user, *arguments]
        return subprocess.run(
            command, cwd=self.root, check=True, capture_output=True, text=True
        ).stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change something")

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def release(self, version: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "app.cli", "release", version],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(self.root), "npm_config_registry": NOTHING},
            check=False,
            capture_output=True,
            text=True,
        )

    def refused(self, version: str) -> str:
        """What a release says that is refused, and changes nothing."""
        before = self.git("status", "--porcelain")
        done = self.release(version)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert self.git("status", "--porcelain") == before
        return done.stderr


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Passable for the user that PostgreSQL runs as under root.
    made = Path(tempfile.mkdtemp(prefix="mini wallet release "))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def repository(folder: Path) -> Repository:
    assert building.build() == []
    return Repository(folder / "repository")


def test_a_release_is_checked_prepared_and_starts_without_node_and_npm(
    repository: Repository, folder: Path
) -> None:
    _what_is_refused_before_the_first_release(repository)
    archive = _the_first_release(repository)
    _up_from_the_archive(archive, folder)
    _what_is_refused_after_the_first_release(repository)


def _what_is_refused_before_the_first_release(repository: Repository) -> None:
    assert "is not a version" in repository.refused("1.0")
    repository.write("stray.txt", "")
    assert "?? stray.txt" in repository.refused("1.0.0")
    (repository.root / "stray.txt").unlink()
    changelog = repository.read("CHANGELOG.md")
    repository.write("CHANGELOG.md", changelog.replace("### Added\n\n- All of it.\n", ""))
    repository.commit()
    assert "is empty" in repository.refused("1.0.0")
    repository.write("CHANGELOG.md", changelog)
    served = repository.read("schema/schema.graphql")
    repository.write("schema/schema.graphql", served.replace('"""Reads."""', '"""Reads!"""'))
    repository.commit()
    assert "is stale" in repository.refused("1.0.0")
    repository.write("schema/schema.graphql", served)
    repository.commit()


def _the_first_release(repository: Repository) -> Path:
    done = repository.release("1.0.0")
    assert done.returncode == 0, done
    assert "git tag v1.0.0" in done.stdout
    assert "Building" not in done.stdout
    archive = repository.root / "dist" / "mini-wallet-1.0.0.tar.gz"

    changelog = repository.read("CHANGELOG.md")
    assert re.search(
        r"## \[Unreleased\]\n\n## \[1\.0\.0\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- All of it\.\n",
        changelog,
    )
    assert repository.read("schema/released.graphql") == repository.read("schema/schema.graphql")
    documents = json.loads(repository.read("schema/released-documents.json"))
    assert any("sendMoney" in text for texts in documents.values() for text in texts)
    assert '\nversion = "1.0.0"\n' in repository.read("pyproject.toml")

    repository.commit()
    return archive


def _up_from_the_archive(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        entries = tar.getmembers()
    subprocess.run(["tar", "--extract", "--gzip", "--file", archive], cwd=folder, check=True)
    assert {(entry.uid, entry.uname, entry.mode) for entry in entries} <= {
        (0, "", 0o644), (0, "", 0o755),
    }  # fmt: skip
    assert len({entry.mtime for entry in entries}) == 1
    root = folder / "mini-wallet-1.0.0"
    assert os.access(root / "wallet", os.X_OK)
    assert not (root / ".git").exists()

    port = processes.free_port()
    tools = folder / "tools"
    tools.mkdir()
    for name in ("sh", "ps"):
        (tools / name).symlink_to(shutil.which(name) or name)
    output = folder / "output"
    with output.open("w") as file:
        running = subprocess.Popen(
            [*(sys.executable, "-P", "-m", "app.cli", "up", "--port", str(port)), "--no-demo"],
            cwd="/",
            env={
                **{"PATH": str(tools), "HOME": str(folder), "PYTHONPATH": str(root)},
                "npm_config_registry": NOTHING,
            },
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        block_until(lambda: "Ready" in output.read_text() or running.poll() is not None)
        assert "Ready" in output.read_text(), output.read_text()
        assert not re.search(r"built once|is not there|npm", output.read_text())
        assert '<script type="module"' in get(port, "/")
        assert "playground" in get(port, "/graphql")
        assert not (root / "client" / "node_modules").exists()
        refused = subprocess.run(
            [sys.executable, "-P", "-m", "app.cli", "release", "9.0.0"],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(root)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert (refused.returncode, "in a checkout" in refused.stderr) == (1, True)
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE_SECONDS) == 0, output.read_text()


def _what_is_refused_after_the_first_release(repository: Repository) -> None:
    changelog = repository.read("CHANGELOG.md")
    repository.write(
        "CHANGELOG.md",
        changelog.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- One.\n"),
    )
    repository.commit()
    assert "1.0.0 is not greater than 1.0.0" in repository.refused("1.0.0")
    # As if the release had had one field more, which its web client used.
    released = repository.read("schema/released.graphql")
    repository.write(
        "schema/released.graphql",
        released.replace("type Query {", "type Query {\n  rate: Decimal\n"),
    )
    repository.commit()
    assert "- `Query.rate`: what clients do now" in repository.refused("1.0.1")
    announced = "### API changes\n\n- `Query.rate`: removed.\n\n### Fixed"
    repository.write(
        "CHANGELOG.md", repository.read("CHANGELOG.md").replace("### Fixed", announced, 1)
    )
    repository.commit()
    assert "1.1.0 must be a new major version" in repository.refused("1.1.0")
    repository.write("schema/released-documents.json", json.dumps({"a.ts": ["{ rate }"]}))
    repository.commit()
    assert "A released document of a.ts is not valid any more" in repository.refused("2.0.0")


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("localhost", port, timeout=10)
    connection.request("GET", path, headers={"accept": "text/html"})
    answer = connection.getresponse()
    assert answer.status == 200, path
    text = answer.read().decode()
    connection.close()
    return text
