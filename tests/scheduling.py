"""The order of the tests, and their distribution among processes."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).parent
BROWSERS = "tests/client/"
#: The files with browsers, and the number of each.
_BROWSER_FILES = {
    f"{BROWSERS}{file.name}": number
    for number, file in enumerate(sorted((TESTS / "client").glob("test_*.py")))
}
#: What takes long goes first, and the longest before all, so that the run's processes end together.
LONGEST_FIRST = (
    "client/",
    "torture/test_torture.py",
    "clients/",
    "client_unit/",
    "dev/test_up.py",
    "dev/release/",
    "torture/",
    "test_examples.py",
    "test_house_rules.py",
    "jobs/test_processes.py",
    "test_walkthrough.py",
    "domain/test_settling.py",
    "persistence/test_audit.py",
    "persistence/test_audit_columns.py",
    "app/test_operations.py",
    "app/test_serving.py",
    "graphql_server/",
    "app/",
    "persistence/",
    "jobs/",
    "bench/",
)


def turn(item: pytest.Item) -> int:
    """What to sort the tests by."""
    return _turn(item.path)


@functools.cache
def _turn(file: Path) -> int:
    name = file.relative_to(TESTS).as_posix()
    turns = (turn for turn, prefix in enumerate(LONGEST_FIRST) if name.startswith(prefix))
    return next(turns, len(LONGEST_FIRST))


class Scheduling(LoadFileScheduling):
    """A file at a time for each process, and the files with browsers for two of them.

    Those share a running wallet and a Chromium, whose start costs as much as a dozen tests.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return f"{BROWSERS}{_BROWSER_FILES[file] % 2}" if file in _BROWSER_FILES else file
