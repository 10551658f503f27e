"""Builds the web client and the playground, if necessary, while everything else starts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from dev import node
from dev.processes import ServiceError
from settings import ROOT

CLIENT = ROOT / "client"
PLAYGROUND = CLIENT / "playground"
#: By the names shown to users. They are independent; the one most used is first.
PAGES = {"web client": CLIENT, "playground": PLAYGROUND}


def build(
    tell: Callable[[str], None] = lambda _text: None, cancelled: threading.Event | None = None
) -> list[str]:
    """Build what is missing or out of date; returns a sentence for each that could not be built."""
    with ThreadPoolExecutor(1) as beside:
        if not any(map(node.is_built, PAGES.values())):
            # Its packages arrive while the first page is built. If they do not, its own turn says why.
            beside.submit(node.ensure_installed, PLAYGROUND, cancelled=cancelled)
        return _build_in_turn(tell, cancelled)


def _build_in_turn(tell: Callable[[str], None], cancelled: threading.Event | None) -> list[str]:
    problems: list[str] = []
    for name, folder in PAGES.items():
        if cancelled is not None and cancelled.is_set():
            break
        if node.is_built(folder):
            continue
        tell(name)
        try:
            node.ensure_built(folder, cancelled=cancelled)
        except node.RegistryUnreachable as error:
            # The other build would wait just as long for the same registry.
            return [*problems, _what_to_do(error)]
        except (ServiceError, OSError) as error:
            problems.append(f"The {name} is not available. {error}")
    return problems


def _what_to_do(error: node.RegistryUnreachable) -> str:
    missing = [name for name, folder in PAGES.items() if not node.is_built(folder)]
    return (
        f"The {' and the '.join(missing)} cannot be built because npm cannot reach its registry "
        f"({error}): start from a release archive, in which both pages are built, or name a registry "
        "that can be reached, as in npm_config_registry=https://registry.example ./wallet up."
    )


class Building(threading.Thread):
    """The build, in a thread; afterwards `problems` lists, in sentences, what is unavailable and why."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.problems: list[str] = []
        #: What is being built.
        self.current = ""
        self._cancelled = threading.Event()

    def run(self) -> None:
        self.problems = build(self._note, self._cancelled)
        self.current = ""

    def _note(self, name: str) -> None:
        self.current = name

    def cancel(self) -> None:
        """End npm, if it runs."""
        self._cancelled.set()
        if self.is_alive():
            self.join(10)
