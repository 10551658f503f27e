"""Builds the playground, if it must be built, while everything else starts."""

from __future__ import annotations

import threading

from app.dev_services import node
from app.dev_services.processes import ServiceError
from settings import ROOT

PLAYGROUND = ROOT / "client" / "playground"


class Building(threading.Thread):
    """The build as a thread; `problem` says afterwards, in a sentence, why there is none."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.problem = ""
        self._cancelled = threading.Event()

    def run(self) -> None:
        try:
            node.ensure_built(PLAYGROUND, cancelled=self._cancelled)
        except (ServiceError, OSError) as error:
            self.problem = str(error)

    def cancel(self) -> None:
        """End npm, if it runs."""
        self._cancelled.set()
        if self.is_alive():
            self.join(10)
