"""Which Python `.venv` is made of: the first in PATH, or one that is clearly faster.

How an interpreter was compiled makes up to twice the difference, and only measuring tells. With
nothing but the standard library, for `app/install.py`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

#: How many times as fast another one has to be. Less may be chance, for it is measured in hundredths
#: of a second on a machine that does other things too, and whoever set up PATH expects the first.
CLEARLY_FASTER = 1.25
#: Those that `wallet` looks for, in the same order.
NAMES = ("python3.14", "python3.13", "python3.12", "python3.11", "python3", "python")

#: Several names usually lead to one interpreter.
_MOST_ASKED = 16
_MOST_MEASURED = 6
#: In five rounds the faster of two was missed one time in twenty to three, as the machine was quiet or not.
_ROUNDS = 11
_PATIENCE_SECONDS = 5.0

#: Debug and free-threaded builds are passed over, and what the locks may have no wheels for. It says
#: what a virtual environment stands on, not the environment itself.
_ASK = """
import fcntl, sys
if sys.implementation.name != "cpython" or sys.abiflags:
    sys.exit(1)
if not (3, 11) <= sys.version_info < (3, 15) or sys.version_info.releaselevel != "final":
    sys.exit(1)
print(sys._base_executable)
"""
_ASK_FOR_VENV = "import ensurepip, venv"

#: What a request is made of: objects, calls, dicts and strings.
_MEASURE = """
import time

class Line:
    def __init__(self, number, text):
        self.number = number
        self.text = text

    def shown(self, prefix):
        return f"{prefix}-{self.number}: {self.text}"

def work():
    found = {}
    for number in range(4000):
        line = Line(number, str(number % 97))
        found.setdefault(line.text, []).append(line.shown("line").upper())
    return sum(len(text) for texts in found.values() for text in sorted(texts) if "9" in text)

def seconds():
    start = time.process_time()
    work()
    return time.process_time() - start

print(min(seconds() for _ in range(4)))
"""


def choose(first: str, path: str, needs_venv: bool) -> tuple[str, float]:
    """The Python to make `.venv` of, and how many times as fast as the first it is.

    That is the first itself, at 1.0, unless another one in `path` (as in PATH) is clearly faster.
    With `needs_venv` only those count that can make a virtual environment by themselves.
    """
    return fastest(first, measure(find(first, path, needs_venv)))


def fastest(first: str, seconds: Mapping[str, Sequence[float]]) -> tuple[str, float]:
    """The choice by the seconds of each round; the first where it was not measured.

    Compared within each round, for a machine may be twice as slow in one moment as in the next.
    """
    best, best_times = first, 1.0
    for python, taken in seconds.items():
        if first in seconds and python != first:
            ratios = [ours / its for ours, its in zip(seconds[first], taken, strict=True)]
            times = statistics.median(ratios)
            if times >= CLEARLY_FASTER and times > best_times:
                best, best_times = python, times
    return best, best_times


def find(first: str, path: str, needs_venv: bool) -> list[str]:
    """The interpreters in the folders of `path` that would do, each once; the first as given.

    Empty if the first would not do itself: then there is nothing to compare with.
    """
    asked = [first, *itertools.islice(_files(path), _MOST_ASKED)]
    code = _ASK + _ASK_FOR_VENV if needs_venv else _ASK
    found: dict[str, str] = {}
    for python, said in zip(asked, _answers(asked, code), strict=True):
        base = said.strip()
        if base.isprintable() and Path(base).is_absolute():
            # Not the real path itself: an upgrade of the system may move that.
            found.setdefault(os.path.realpath(base), first if python is first else base)
        elif python is first:
            return []
    return list(found.values())[:_MOST_MEASURED]


def measure(pythons: Sequence[str]) -> dict[str, list[float]]:
    """How many seconds a small fixed work takes each in each round; without those that fail at it."""
    if len(pythons) < 2:
        return {}
    seconds: dict[str, list[float]] = {python: [] for python in pythons}
    for _ in range(_ROUNDS):
        for python in list(seconds):
            [said] = _answers([python], _MEASURE)
            if re.fullmatch(r"\d+\.\d+(e-\d+)?\n|\d+e-\d+\n", said) and float(said) > 0:
                seconds[python].append(float(said))
            else:
                del seconds[python]
    return seconds


def _files(path: str) -> Iterator[str]:
    folders = dict.fromkeys(
        os.path.realpath(folder) for folder in path.split(os.pathsep) if Path(folder).is_absolute()
    )
    if sys.platform == "darwin":
        # Apple's is too old, or a stub that opens a dialogue to install something.
        folders.pop("/usr/bin", None)
    for name in NAMES:
        for folder in folders:
            file = Path(folder, name)
            if os.access(file, os.X_OK) and file.is_file():
                yield str(file)


def _answers(pythons: Sequence[str], code: str) -> list[str]:
    """What each prints, run at once; nothing from one that fails or takes too long."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with contextlib.ExitStack() as stack:
        running = [_start(python, code, stack) for python in pythons]
        return [_answer(process, deadline) for process in running]


def _start(python: str, code: str, stack: contextlib.ExitStack) -> subprocess.Popen[str] | None:
    try:
        process = subprocess.Popen(  # noqa: S603 - what PATH calls Python.
            [python, "-I", "-S", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            # A group of its own: what is called Python may be a script that started others.
            start_new_session=True,
        )
    except OSError:
        return None
    stack.callback(_end, process)
    return process


def _answer(process: subprocess.Popen[str] | None, deadline: float) -> str:
    if process is None:
        return ""
    try:
        said, _ = process.communicate(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return ""
    return said if process.returncode == 0 else ""


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
