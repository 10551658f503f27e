"""The demo users: seeding twice changes nothing, and wallets of earlier releases get their handles."""

from __future__ import annotations

import psycopg
import pytest

from app.commands import demo
from settings import Settings

HANDLES = [("user.alpha",), ("user.beta",), ("user.gamma",)]


def test_seeding_twice_changes_nothing_and_gives_users_without_handles_theirs(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:

        def seeded() -> list[tuple[object, ...]]:
            assert demo.demo(settings) == 0
            users = "SELECT id, name, handle, balance, xmin::text FROM users ORDER BY name"
            return connection.execute(users).fetchall()

        first = seeded()
        assert "were added" in capsys.readouterr().out
        assert [user[2:3] for user in first] == HANDLES
        assert seeded() == first
        assert "already exist: nothing to do" in capsys.readouterr().out
        # As an earlier release left them.
        connection.execute("UPDATE users SET handle = NULL")
        connection.execute("DELETE FROM handles")
        assert [user[2:3] for user in seeded()] == HANDLES
        assert "have handles now" in capsys.readouterr().out
        # Not if they chose to have none, or another one.
        connection.execute("UPDATE users SET handle = NULL")
        connection.execute("UPDATE handles SET reserved_until = now() + interval '1 day'")
        assert [user[2:3] for user in seeded()] == [(None,)] * 3
