"""The version of this program."""

from __future__ import annotations

import functools
import tomllib

from settings import ROOT


@functools.cache
def version() -> str:
    """As pyproject.toml has it; `./wallet release` sets it."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project: dict[str, str] = tomllib.load(file)["project"]
    return project["version"]
