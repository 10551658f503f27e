"""Libraries whose private parts we use have an upper bound, because any release may change those parts."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.metadata
import inspect
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from settings import ROOT

#: Where private parts are used, or ones that the documentation of the library does not mention.
USED = {
    "pusher": {"adapters/pusher.py"},
    "pytest-xdist": {"tests/scheduling.py"},
    "rq": {"jobs/untrusted.py", "jobs/worker.py"},
    "strawberry-graphql": {"graphql_server/execution.py"},
    "uvicorn": {"app/http/connections.py", "app/http/short_path.py", "app/http/sockets.py"},
    # The parser of a connection.
    "websockets": {"app/http/sockets.py"},
    # Its executor's inner modules.
    "graphql-core": {"graphql_server/execution.py", "graphql_server/compiled"},
}
ROOMS = (
    "app",
    "schema",
    "resolvers",
    "domain",
    "persistence",
    "adapters",
    "jobs",
    "bench",
    "torture",
)


def _modules() -> list[Path]:
    found = [*ROOT.glob("*.py"), *(ROOT / "tests").glob("*.py")]
    return found + [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _private_names(tree: ast.AST) -> set[str]:
    """The private names that some code defines, or uses of itself."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls"):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return {name for name in found if _is_private(name)}


@functools.cache
def _our_names() -> frozenset[str]:
    return frozenset().union(*(_private_names(_tree(path)) for path in _modules()))


def _reached_into(path: Path) -> Iterator[str]:
    """Private attributes and modules that are not ours."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            if node.attr not in _our_names():
                yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            yield from filter(_is_private, names)


def _overridden(path: Path) -> Iterator[str]:
    """Private members of libraries' classes that subclasses of ours share a name with."""
    classes = [node for node in _tree(path).body if isinstance(node, ast.ClassDef) and node.bases]
    for node in classes:
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for base in getattr(module, node.name).__mro__[1:]:
            package = base.__module__.partition(".")[0]
            if package in sys.stdlib_module_names or (ROOT / package).exists():
                continue
            try:
                theirs = ast.parse(textwrap.dedent(inspect.getsource(base)))
            except (OSError, TypeError):
                continue
            for name in _private_names(theirs) & _private_names(node):
                yield f"{node.name}.{name} of {base.__module__}"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_who_uses_private_parts_of_a_library_is_listed(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    found = [*_reached_into(path), *_overridden(path)]
    listed = any(name in files for files in USED.values())
    assert listed or not found, f"{name} uses {found}: list it in USED, or do without."


def test_what_is_listed_is_there() -> None:
    for files in USED.values():
        for name in files:
            assert (ROOT / name).exists(), f"{name} is gone: take it out of USED."


@pytest.mark.parametrize("library", USED)
def test_such_a_library_is_bound_to_the_minor_version_that_it_was_tested_with(library: str) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    (requirement,) = (found for found in map(Requirement, wanted) if found.name == library)
    installed = Version(importlib.metadata.version(library))
    assert requirement.specifier.contains(installed)
    following = f"{installed.major}.{installed.minor + 1}"
    assert not requirement.specifier.contains(following), f"{requirement} takes {following} too."
