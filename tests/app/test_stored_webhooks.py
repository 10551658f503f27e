"""`doctor` names webhooks that a release cannot serve."""

from __future__ import annotations

import psycopg
import pytest
from pydantic import SecretStr

from app.commands import stored_webhooks
from domain.webhooks import WebhookStream
from persistence.webhooks import secrets, webhooks
from settings import Settings
from tests import books as making

pytestmark = pytest.mark.anyio

NEW = "another secret of the tests that is long enough"


async def test_documents_and_keys_that_this_release_lacks_are_named(settings: Settings) -> None:
    url = settings.database_url.get_secret_value()
    async with making.opened(url) as books:
        zoe = books.join()
        found = await stored_webhooks.examine(books.database, settings)
        assert found == [("ok", "0, of which 0 wait for another attempt")]
        made = []
        for document in ("subscription { walletEvents { sequence } }", "{ gone }", "{ gone }"):
            webhook, _ = await webhooks.create(
                books.database,
                secrets.keyring(settings.jwt_secrets),
                zoe.principal,
                url="https://example.com/",
                stream=WebhookStream.WALLET_EVENTS,
                document=document,
                after_number=None,
            )
            made.append(webhook.webhook_id)
        ((state, says),) = await stored_webhooks.examine(books.database, settings)
        assert state == "bad"
        assert says.endswith(f"change them: {made[1]}, {made[2]}")

        both = SecretStr(f"{NEW},{settings.jwt_secret.get_secret_value()}")
        rotating = settings.model_copy(update={"jwt_secret": both})
        rotated = settings.model_copy(update={"jwt_secret": SecretStr(NEW)})
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "UPDATE webhooks SET document = 'subscription { walletEvents { sequence } }'"
            )
        ((state, says),) = await stored_webhooks.examine(books.database, rotating)
        assert (state, says[:2]) == ("note", "3 ")
        ((state, says),) = await stored_webhooks.examine(books.database, rotated)
        assert (state, says[:2]) == ("bad", "3 ")
        await secrets.encrypt_again(books.database, secrets.keyring(rotating.jwt_secrets))
        ((state, _),) = await stored_webhooks.examine(books.database, rotated)
        assert state == "ok"
