"""Where people hear of what happened."""

from __future__ import annotations

from uuid import UUID

from domain import events


def test_each_user_and_each_credential_has_a_channel() -> None:
    user_id = UUID(int=7)
    assert events.channel(user_id) == "user:00000000-0000-0000-0000-000000000007"
    assert events.pusher_channel(user_id) == "private-wallet-00000000-0000-0000-0000-000000000007"
