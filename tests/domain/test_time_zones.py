"""Time zones by IANA name."""

import zoneinfo
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain import errors, time_zones


@pytest.mark.parametrize("name", ["Europe/Berlin", " europe/berlin ", "EUROPE/BERLIN"])
def test_a_name_is_stored_as_iana_spells_it(name: str) -> None:
    assert time_zones.clean_time_zone(name) == "Europe/Berlin"


@pytest.mark.parametrize(
    "name", ["", "Berlin", "UTC+2", "../../etc/passwd", "Europe/Berlin\0", "x" * 300]
)
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        time_zones.clean_time_zone(name)
    assert [field.path for field in refused.value.fields] == [("timeZone",)]


def test_every_zone_of_the_package_can_be_chosen() -> None:
    known = set(time_zones.known().values())
    assert {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"} <= known
    assert all(time_zones.zone(name).key == name for name in known)
    assert max(map(len, known)) <= 64
    assert zoneinfo.available_timezones() >= known - {"Factory"}


def test_zones_are_those_of_the_package_whatever_the_machine_has(tmp_path: Path) -> None:
    tokyo = resources.files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes(tokyo)
    day = datetime(2026, 1, 1, tzinfo=UTC)
    time_zones.zone.cache_clear()
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    try:
        assert day.astimezone(ZoneInfo.no_cache("Europe/Berlin")).hour == 9
        assert day.astimezone(time_zones.zone("Europe/Berlin")).hour == 1
    finally:
        zoneinfo.reset_tzpath()


def test_a_zone_that_the_data_has_lost_is_utc() -> None:
    assert time_zones.zone("Europe/Atlantis").key == "UTC"
