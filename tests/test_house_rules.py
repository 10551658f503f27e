"""The project's rules that a machine can check."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from settings import ROOT, Settings
from tests import scheduling, terms

ROOMS = (
    "app",
    "graphql_server",
    "resolvers",
    "jobs",
    "schema",
    "application",
    "realtime",
    "persistence",
    "adapters",
    "domain",
    "dev",
    "bench",
    "torture",
    "clients",
    "examples",
)
BIN = Path(sys.executable).parent

#: About 300 is the aim; past this it takes a reason.
MAXIMUM_LINES = 400
MAXIMUM_FUNCTION_LINES = 70
#: What reads better in one piece, and why.
LONGER_WITH_REASON = {
    "persistence/tables.py": "every table with its constraints on one page",
    "clients/python/src/mini_wallet_client/models.py": "generated",
    "clients/python/src/mini_wallet_client/documents.py": "generated",
}


def _modules() -> list[Path]:
    found = [ROOT / "settings.py"]
    for room in (*ROOMS, "migrations"):
        found += sorted((ROOT / room).rglob("*.py"))
    return [path for path in found if "node_modules" not in path.parts]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _run(*command: str | Path) -> None:
    """Run a checker at the root; what it found is the test's failure."""
    finished = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, f"{finished.stdout[-8000:]}\n{finished.stderr[-2000:]}"


# ================================================================ the checkers


def test_ruff_finds_nothing() -> None:
    _run(BIN / "ruff", "check", "--quiet", ".")


def test_everything_is_formatted() -> None:
    _run(BIN / "ruff", "format", "--check", "--quiet", ".")


def test_the_types_hold() -> None:
    _run(sys.executable, "-m", "mypy", "--no-error-summary")


def test_imports_go_one_way() -> None:
    _run(BIN / "lint-imports", "--no-cache")


# ================================================================ how we write


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_a_module_opens_with_what_it_is_and_fits_a_few_screens(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    docstring = ast.get_docstring(tree)
    assert docstring, f"{_name(path)} opens without a sentence that says what it is."
    assert docstring.splitlines()[0].endswith("."), f"{_name(path)} opens without a whole sentence."
    lines = len(source.splitlines())
    assert lines <= MAXIMUM_LINES or _name(path) in LONGER_WITH_REASON, (
        f"{_name(path)} has {lines} lines: split it, or say in LONGER_WITH_REASON why not."
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAXIMUM_FUNCTION_LINES or path.parent.name == "versions", (
                f"{_name(path)}: {node.name} has {length} lines. Split it."
            )


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_nothing_is_left_to_do_later(path: Path) -> None:
    left = re.findall(r"(?i)\b(?:todo|fixme|xxx|hack)\b.*", path.read_text(encoding="utf-8"))
    assert not left, f"{_name(path)}: {left}"


def test_tests_are_neither_skipped_nor_asleep() -> None:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"pytest\.mark\.(skip|xfail)\b", text), f"{_name(path)} skips a test."
        # Half a second at most, between two looks at a condition with a deadline.
        for seconds in re.findall(r"\bsleep\(([0-9.]+)\)", text):
            assert float(seconds) <= 0.5, f"{_name(path)} sleeps {seconds} s: poll with a deadline."


def test_texts_use_the_terms_of_the_project() -> None:
    found: list[str] = []
    for name in _texts():
        found += terms.misused(name, (ROOT / name).read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


def _texts() -> list[str]:
    found: list[str] = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(set(folders) - {"node_modules", "dist", "__pycache__"})
        folders[:] = [name for name in folders if not name.startswith(".")]
        names = [_name(Path(folder, file)) for file in sorted(files)]
        found += filter(terms.read_by_this_check, names)
    return found


# ================================================================ files that must agree


def test_the_locks_name_packages_with_hashes_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text), name
    for folder in (
        "bench/rivals",
        "client",
        "client/playground",
        "clients/typescript",
        "tests/judges",
    ):
        lock = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf-8"))
        for package in lock["packages"].values():
            # npm adds where it downloaded a package, and where to donate: delete both.
            assert not {"resolved", "funding"} & package.keys(), folder


def test_what_goes_first_names_tests_that_there_are() -> None:
    for prefix in scheduling.LONGEST_FIRST:
        assert [*(ROOT / "tests").glob(f"{prefix}*")], f"there is no {prefix} any more"


def test_env_example_lists_every_variable_with_a_comment() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    listed = [match[1] for line in lines if (match := re.match(r"#? ?([A-Z][A-Z0-9_]+)=", line))]
    known = {name.upper() for name in Settings.model_fields}
    assert set(listed) == known
    assert len(listed) == len(set(listed))
    commented = 0
    for line in lines:
        is_variable = re.match(r"#? ?[A-Z][A-Z0-9_]+=", line)
        commented = commented + 1 if line.startswith("#") and not is_variable else commented
        if not line.strip():
            commented = 0
        assert not is_variable or commented, f"{line} has no comment above it."


def test_the_readme_lists_every_variable() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`{name.upper()}`" in readme, f"README.md does not mention {name.upper()}."


def _pages() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for folder in ("clients", "examples"):
        found += [ROOT / folder / "README.md", *sorted((ROOT / folder).glob("*/README.md"))]
    return [page for page in found if page.exists()]


@pytest.mark.parametrize("page", _pages(), ids=_name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, heading = target.partition("#")
        found = page.parent / file if file else page
        assert found.exists(), f"{_name(page)} leads to {target}, which is not there."
        if heading:
            headings = re.findall(r"(?m)^#+ (.+)$", found.read_text(encoding="utf-8"))
            assert heading in map(_anchor, headings), f"{_name(page)}: no heading {target}."


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_decisions_are_numbered_without_a_gap() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for heading in ("## Decision", "## Alternatives considered", "## Consequences"):
            assert heading in text, f"{_name(page)} lacks {heading!r}."


def test_only_units_of_work_commit() -> None:
    for path in sorted((ROOT / "persistence").rglob("*.py")):
        if path.name in ("unit_of_work.py", "ledger.py"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in ("commit", "begin")
        ]
        assert not calls, f"{_name(path)} commits: that is the unit of work's to do."
