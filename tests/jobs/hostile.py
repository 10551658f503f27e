"""A function that an attacker with access to Redis would have a worker call; it leaves a trace."""

from __future__ import annotations

import os
from pathlib import Path


def leave_mark(*_arguments: object) -> None:
    (Path(os.environ["MARKS"]) / "called").touch()


class Pickled:
    """Leaves a mark when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return leave_mark, ()
