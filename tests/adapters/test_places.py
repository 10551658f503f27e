"""Places of addresses, in databases written as MaxMind specifies them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from adapters.places import Places

CITY = {
    "city": {"names": {"en": "Berlin"}},
    "country": {"names": {"en": "Germany", "de": "Deutschland"}},
}
RECORDS: Mapping[str, Any] = {
    "203.0.113.0/24": CITY,
    "198.51.100.0/24": {"country": {"iso_code": "FR", "names": {"en": "France"}}},
    "192.0.2.0/24": {"city": "Berlin", "country": {"names": ["Germany"]}},
    "2001:db8::/32": CITY,
}


def write(path: Path) -> Path:
    """A database of these records."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for network, record in RECORDS.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    with closing(Places.open(write(tmp_path / "places.mmdb"))) as opened:
        yield opened


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.9", "Berlin, Germany"),
        ("2001:db8::9", "Berlin, Germany"),
        ("198.51.100.1", "France"),
        ("192.0.2.1", None),
        ("127.0.0.1", None),
        ("not an address", None),
        (None, None),
    ],
)
def test_the_place_of_an_address(places: Places, address: str | None, place: str | None) -> None:
    assert places.of(address) == place


def test_without_a_database_no_place_is_known() -> None:
    assert Places.open(None).of("203.0.113.9") is None


def test_a_missing_or_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing\.mmdb cannot be read"):
        Places.open(tmp_path / "nothing.mmdb")
    damaged = tmp_path / "damaged.mmdb"
    damaged.write_bytes(b"x" * 1000)
    with pytest.raises(ValueError, match="not a database in MaxMind's format"):
        Places.open(damaged)
