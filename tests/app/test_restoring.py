"""A backup is restored to an earlier point in time, as docs/operating.md describes: the ledgers are right, and
clients are told to start over.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.commands import audit, epoch, migrate
from dev.postgres import Postgres
from tests.app.conftest import Api, add_people
from tests.conftest import make_settings
from tests.waiting import block_until

VIEWER = "{ viewer { epoch sequence balance { amount } } }"
EVENTS = """
subscription ($after: Int, $epoch: ID) {
  walletEvents(afterSequence: $after, epoch: $epoch) { sequence }
}
"""
NOTIFICATIONS = """
subscription ($after: Int, $epoch: ID) {
  notifications(afterNumber: $after, epoch: $epoch) { number }
}
"""


def viewer(api: Api, token: str) -> dict[str, Any]:
    found: dict[str, Any] = api.data(VIEWER, token=token)["viewer"]
    return found


def reason(api: Api, token: str, document: str, after: int, epoch_id: str | None) -> str | None:
    """The reason for which the stream is refused; None if it begins."""
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    body = {"query": document, "variables": {"after": after, "epoch": epoch_id}}
    with api.client.stream("POST", "/graphql", json=body, headers=headers) as answer:
        for line in answer.iter_lines():
            # The first keep-alive comes once the stream has begun.
            if line.startswith(":"):
                return None
            if line.startswith("data: "):
                [error] = json.loads(line.removeprefix("data: "))["errors"]
                assert error["extensions"]["code"] == "BAD_USER_INPUT"
                found: str = error["extensions"]["reason"]
                return found
    raise AssertionError("the stream ended without a word")


def archive_everything(server: Postgres) -> None:
    """Wait until all that was written is in the archive."""
    with server.connect() as connection:
        [newest] = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
        connection.execute("SELECT pg_switch_wal()")
        found = "SELECT last_archived_wal >= %s FROM pg_stat_archiver"
        block_until(lambda: connection.execute(found, [newest]).fetchone() == (True,))


def test_a_restore_to_an_earlier_point_is_right_and_has_clients_start_over(
    start_postgres: Callable[..., Postgres],
    service_folder: Path,
    redis_url: str,
    start_api: Callable[..., Api],
) -> None:
    folder = service_folder / "archive"
    server = start_postgres(
        options={
            "archive_mode": "on",
            "archive_command": f"cp '%p' '{folder}/%f'",
            "full_page_writes": "on",
        }
    )
    archive = server.new_folder(folder)
    backup = server.new_folder(service_folder / "backup")
    before = make_settings(database_url=server.url, redis_url=redis_url)
    assert migrate.migrate(before) == 0
    asyncio.run(add_people(before))
    address = f"host=127.0.0.1 port={server.port} user=postgres"
    server.run("pg_basebackup", "-D", backup, "-d", address, "-X", "none", "-c", "fast")

    api = start_api(database_url=before.database_url)
    token = api.sign_in()
    api.add_balance(token, "10.00")
    kept = viewer(api, token)
    with server.connect() as connection:
        connection.execute("SELECT pg_create_restore_point('before the mistake')")
    api.add_balance(token, "20.00")
    seen = viewer(api, token)
    assert (kept["sequence"], seen["sequence"]) == (1, 2)
    assert kept["epoch"] == seen["epoch"]
    assert reason(api, token, EVENTS, 2, None) is None
    assert reason(api, token, EVENTS, 2, seen["epoch"]) is None
    assert reason(api, token, EVENTS, 2, "another") == "EPOCH_ENDED"
    archive_everything(server)
    api.stop()
    server.stop()

    (backup / "recovery.signal").touch()
    restored = server.another(
        backup,
        options={
            "restore_command": f"cp '{archive}/%f' '%p'",
            "recovery_target_name": "before the mistake",
            "recovery_target_action": "promote",
        },
    )
    restored.start()
    try:
        settings = before.model_copy(update={"database_url": SecretStr(restored.url)})
        assert audit.audit(settings) == 0
        assert epoch.begin(settings) == 0
        keys = api._keys
        api = start_api(database_url=settings.database_url)
        api._keys = keys
        # The session is older than the restored point: only the streams start over.
        now = viewer(api, token)
        assert {**now, "epoch": kept["epoch"]} == kept
        assert now["epoch"] != kept["epoch"]
        # The number is assigned again, to another transaction.
        api.add_balance(token, "30.00")
        assert viewer(api, token)["sequence"] == seen["sequence"]
        for document, newest in ((EVENTS, 2), (NOTIFICATIONS, 0)):
            assert reason(api, token, document, newest, seen["epoch"]) == "EPOCH_ENDED"
            assert reason(api, token, document, 0, None) is None
            assert reason(api, token, document, newest, now["epoch"]) is None
        assert reason(api, token, EVENTS, 2, None) == "EPOCH_ENDED"
        assert audit.audit(settings) == 0
        api.stop()
    finally:
        restored.stop()
