"""Time zones by IANA name, from the tzdata package, whatever the machine has."""

from __future__ import annotations

import functools
from importlib import resources
from zoneinfo import ZoneInfo

from domain import errors

UTC = "UTC"


def clean_time_zone(name: str, path: str = "timeZone") -> str:
    """The name as it is stored, such as "Europe/Berlin". Raises InvalidInput for an unknown one."""
    stored = known().get(name.strip().lower())
    if stored is None:
        raise errors.invalid(path, 'Choose a time zone by its IANA name, such as "Europe/Berlin".')
    return stored


@functools.lru_cache(maxsize=1_000)
def zone(name: str) -> ZoneInfo:
    """The zone of a stored name; UTC if the installed data has lost it."""
    stored = known().get(name.lower(), UTC)
    # `ZoneInfo(name)` would prefer the machine's data, and machines differ in what they know of recent changes.
    with resources.files("tzdata").joinpath("zoneinfo", *stored.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=stored)


@functools.cache
def known() -> dict[str, str]:
    """The names of all zones, by their names in lower case."""
    listed = resources.files("tzdata").joinpath("zones").read_text("ascii")
    return {name.lower(): name for name in listed.split()}
