"""The embedded Valkey: protected by a password, without persistence, on a constant port."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from dev import processes, valkey


def test_it_forgets_everything_and_keeps_its_address(
    start_valkey: Callable[[], valkey.Valkey],
) -> None:
    server = start_valkey()
    url = server.url
    with redis.Redis.from_url(url) as connection:
        connection.set("name", "value")
    server.kill()
    server.start()
    assert server.url == url
    with redis.Redis.from_url(url) as connection:
        assert connection.get("name") is None


def test_no_client_connects_without_the_password(start_valkey: Callable[[], valkey.Valkey]) -> None:
    server = start_valkey()
    with (
        redis.Redis(port=server.port, retry=None) as connection,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        connection.ping()
    assert server.url.split("@")[0].split(":")[-1] not in processes.command_line(server.child.pid)


def test_without_any_server_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "_candidates", lambda: [])
    with pytest.raises(processes.ServiceError, match="install one, or set REDIS_URL"):
        valkey.find_binary()
