"""Device tokens: which accounts a device has signed in to, trusted because they are signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain import ids
from domain.people import devices

NOW = datetime(2026, 11, 28, tzinfo=UTC)
SECRETS = ["new" * 16, "old" * 16]


def test_a_device_is_known_to_the_accounts_that_it_signed_in_to_the_latest_first() -> None:
    users = [ids.new_id() for _ in range(devices.MAXIMUM_ACCOUNTS + 1)]
    token = None
    for user_id in [*users, users[-2]]:
        token = devices.remember(user_id, token, jwt_secrets=SECRETS[1:], now=NOW)
    expected = [users[-2], users[-1], *users[-3:0:-1]]
    assert list(devices.accounts(token, jwt_secrets=SECRETS, now=NOW)) == expected
    assert len(expected) == devices.MAXIMUM_ACCOUNTS


def test_a_device_is_forgotten_after_a_year() -> None:
    token = devices.remember(ids.new_id(), None, jwt_secrets=SECRETS, now=NOW)
    for age, known in ((devices.DEVICE_LIFETIME, 1), (devices.DEVICE_LIFETIME + timedelta(1), 0)):
        assert len(devices.accounts(token, jwt_secrets=SECRETS, now=NOW + age)) == known


@pytest.mark.parametrize("token", [None, "", "A", "é", "A" * 54, "A" * 75, "\x00", "=" * 9])
def test_a_device_token_that_was_not_signed_by_the_service_is_ignored(token: str | None) -> None:
    assert devices.accounts(token, jwt_secrets=SECRETS, now=NOW) == []


def test_a_changed_device_token_is_ignored() -> None:
    token = devices.remember(ids.new_id(), None, jwt_secrets=SECRETS, now=NOW)
    assert devices.accounts(token, jwt_secrets=["other" * 8], now=NOW) == []
    for place in range(0, len(token) - 1, 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert devices.accounts(changed, jwt_secrets=SECRETS, now=NOW) == []
