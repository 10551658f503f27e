"""`./wallet cluster` says why it does nothing."""

from __future__ import annotations

import pytest

from app.commands import cluster
from persistence.cluster import distributing
from settings import Settings
from tests.conftest import make_settings


@pytest.fixture(autouse=True)
def _on_one_node(settings: Settings) -> None:
    with cluster.connect(settings) as connection:
        if distributing.has_citus(connection):
            pytest.skip("These are the refusals of a PostgreSQL without Citus.")


def test_a_database_without_citus_is_not_distributed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.distribute(settings, 32) == 1
    assert "does not have the extension citus" in capsys.readouterr().err
    assert cluster.status(settings) == 1
    assert "is not distributed" in capsys.readouterr().err


def test_a_database_that_is_not_migrated_is_not_distributed(
    empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.distribute(make_settings(database_url=empty_database_url), 32) == 1
    assert "run `./wallet migrate` first" in capsys.readouterr().err
