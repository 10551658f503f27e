"""Builds the web client and the playground side by side, if necessary."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev import node
from dev.processes import ServiceError
from settings import ROOT

CLIENT = ROOT / "client"
PLAYGROUND = CLIENT / "playground"
#: By the names shown to users.
PAGES = {"web client": CLIENT, "playground": PLAYGROUND}


def missing(pages: Mapping[str, Path] = PAGES) -> list[str]:
    """The names of those that are not built, or are out of date."""
    return [name for name, folder in pages.items() if not node.is_built(folder)]


def build(
    tell: Callable[[str], None] = lambda _text: None,
    cancelled: threading.Event | None = None,
    pages: Mapping[str, Path] = PAGES,
) -> list[str]:
    """Build those that are missing; returns a sentence for each that could not be built."""

    def one(name: str) -> Exception | None:
        tell(name)
        try:
            node.ensure_built(pages[name], cancelled=cancelled)
        except (ServiceError, OSError) as error:
            return error
        return None

    with ThreadPoolExecutor(len(pages)) as side_by_side:
        names = missing(pages)
        failed = {
            name: error
            for name, error in zip(names, side_by_side.map(one, names), strict=True)
            if error
        }
    unreachable = [
        name for name, error in failed.items() if isinstance(error, node.RegistryUnreachable)
    ]
    problems = [_what_to_do(unreachable, failed[unreachable[0]])] if unreachable else []
    return problems + [
        f"The {name} is not available. {error}"
        for name, error in failed.items()
        if name not in unreachable
    ]


def _what_to_do(names: Iterable[str], error: Exception) -> str:
    return (
        f"The {' and the '.join(names)} cannot be built because npm cannot reach its registry "
        f"({error}): start from a release archive, in which both pages are built, or name a registry "
        "that can be reached, as in npm_config_registry=https://registry.example ./wallet up."
    )


class Building(threading.Thread):
    """The build, in a thread; afterwards `problems` lists, in sentences, what is unavailable and why."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        #: The names of those to build.
        self.pages = missing()
        self.problems: list[str] = []
        self._cancelled = threading.Event()

    def run(self) -> None:
        self.problems = build(cancelled=self._cancelled)

    def cancel(self) -> None:
        """End npm, if it runs."""
        self._cancelled.set()
        if self.is_alive():
            self.join(10)
