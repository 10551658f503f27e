"""The client's own checks: its unit tests, its types and size, its style, its documents."""

from __future__ import annotations

import pytest

from app.dev_services import node
from app.up import building


@pytest.mark.parametrize("script", ["test", "lint", "check:types", "check:documents"])
def test_the_clients_own_checks_pass(script: str) -> None:
    node.ensure_installed(building.CLIENT)
    node.run_npm(["run", script], building.CLIENT)


def test_the_pages_build_within_their_size() -> None:
    assert building.build() == []
    for folder in building.PAGES.values():
        assert node.is_built(folder)
    node.run_npm(["run", "check:size"], building.CLIENT)
