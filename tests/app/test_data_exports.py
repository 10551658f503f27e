"""Exports, downloaded from the running service by links."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from application import export_data
from domain.exports import links
from domain.ledger import money
from persistence.engine.database import Database
from persistence.leaving import exports
from tests.app.conftest import GAMMA, Api

EXPORT = "mutation { exportData { email } }"
EXPORTS = "{ viewer { dataExports { id status size download } } }"


@dataclass(frozen=True)
class Worker:
    database: Database
    app_url: str
    currency: money.Currency


async def work(api: Api) -> None:
    database = await Database.open(api.settings.database_url.get_secret_value())
    for due in await exports.due(database, 10):
        await export_data.execute(
            Worker(database, api.settings.app_url, money.currency("USD")), *due
        )
    await database.close()


def read(api: Api, token: str) -> Any:
    [export] = api.data(EXPORTS, token=token)["viewer"]["dataExports"]
    return export


def test_an_archive_is_downloaded_by_a_link_while_its_session_is_active(api: Api) -> None:
    token = api.sign_in(GAMMA)
    assert api.data(EXPORT, token=token)["exportData"] == {"email": GAMMA}
    asyncio.run(work(api))
    ready = read(api, token)
    path = ready["download"][ready["download"].index(links.PATH) :]
    answer = api.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="mini-wallet-export.zip"'
    assert int(answer.headers["content-length"]) == ready["size"] == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert GAMMA in archive.read("profile.jsonl").decode()
    head = api.client.head(path)
    assert (head.status_code, head.content) == (200, b"")

    keys = links.keyring(api.settings.jwt_secrets)
    link = links.read(path.removeprefix(links.PATH), keys, datetime.now(UTC))

    def get(made: links.Link) -> int:
        return api.client.get(f"{links.PATH}{links.render(made, keys)}").status_code

    other = api.sign_in()
    foreign = {"authorization": f"Bearer {other}"}
    assert api.client.get(f"{links.PATH}{ready['id']}", headers=foreign).status_code == 404
    assert get(replace(link, created_at=link.created_at - links.LIFETIME)) == 410
    assert api.client.get(path[:-4] + "AAAA").status_code == 404
    api.data("mutation { logout(input: {}) { __typename } }", token=token)
    assert get(link) == 403
