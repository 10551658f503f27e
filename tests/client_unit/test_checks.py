"""The client's own checks: unit tests, types, size, style, documents, and data copied from the service."""

from __future__ import annotations

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app import webhook_documents
from dev import node
from dev.up import building
from domain.people import passwords

DEFAULT_DOCUMENTS = building.CLIENT / "src" / "features" / "webhooks" / "default-documents.ts"
COMMON_PASSWORDS = building.CLIENT / "src" / "features" / "accounts" / "common-passwords.txt"


@pytest.mark.parametrize("script", ["test", "lint", "check:types"])
def test_the_clients_own_checks_pass(script: str) -> None:
    node.ensure_installed(building.CLIENT)
    node.run_npm(["run", script], building.CLIENT)


def test_the_pages_build_within_their_size() -> None:
    assert building.build() == []
    for folder in building.PAGES.values():
        assert node.is_built(folder)
    node.run_npm(["run", "check:size"], building.CLIENT)


def test_the_clients_common_passwords_are_the_services() -> None:
    hinted = set(COMMON_PASSWORDS.read_text().split())
    long_enough = {
        word for word in FREQUENCY_LISTS["passwords"] if len(word) >= passwords.MINIMUM_CHARACTERS
    }
    assert hinted == long_enough


def test_the_clients_default_documents_of_webhooks_are_the_services() -> None:
    shown = DEFAULT_DOCUMENTS.read_text()
    for stream, rule in webhook_documents.RULES.items():
        assert f"{stream}: `{rule.default}`" in shown
