"""Webhooks of the real service: the receivers of the documentation, and what a subscriber receives."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.commands import epoch
from app.webhook_documents import WebhookDocuments
from dev import node, processes
from jobs.sinks import webhooks as sink
from persistence.delivery.cursors import Receiver as CursorOf
from settings import ROOT, Settings
from tests.app.conftest import Api, add_people
from tests.receivers import receiving
from tests.waiting import block_until

CREATE = """
mutation ($input: CreateWebhookInput!) {
  createWebhook(input: $input) {
    ... on WebhookCreated { secret webhook { id } }
    ... on InvalidWebhook { fields { path message } }
  }
}
"""
TRY = """
mutation ($id: ID!) {
  testWebhook(input: {webhookId: $id, send: true}) {
    ... on WebhookTested { headers body attempt { responseStatus detail } }
  }
}
"""
REPLAY = """
mutation ($id: ID!) {
  replayWebhook(input: {webhookId: $id, afterNumber: 0}) { __typename }
}
"""
DEPOSIT = "subscription { walletEvents { sequence balance { amount currency } } }"
DOCUMENTS = [
    DEPOSIT,
    """subscription Named($more: Boolean = true, $unset: Boolean = false) {
      renamed: walletEvents { __typename number: sequence
        balance @include(if: $more) { amount } never: balance @skip(if: true) { amount }
        ... on TransactionPosted @skip(if: $unset) { ...Posted } }
    }
    fragment Posted on TransactionPosted { transaction { id note seal counterparty { name } metadata { key } } }
    """,
]


@pytest.fixture
def running(settings: Settings, start_api: Callable[..., Api]) -> Api:
    asyncio.run(add_people(settings))
    return start_api()


def create(api: Api, token: str, url: str, **given: object) -> Any:
    values = {"url": url, "stream": "WALLET_EVENTS", "afterNumber": 0, **given}
    made = api.data(CREATE, {"input": values}, token=token)["createWebhook"]
    assert "secret" in made, made
    return made


def deliver(api: Api) -> None:
    """Deliver everything that is due, as a worker does."""

    async def work() -> None:
        make_documents = partial(WebhookDocuments.of, api.settings)
        async with sink.opened(api.settings, make_documents) as services:
            async with services.database.reading() as connection:
                found = await connection.exec_driver_sql("SELECT user_id, id, stream FROM webhooks")
                rows = found.all()
            for row in rows:
                name = "webhooks" if row.stream == "WALLET_EVENTS" else "webhooks-notifications"
                await sink.deliver(services, CursorOf(name, row.user_id, row.id))

    asyncio.run(work())


# ================================================================ payloads


@pytest.mark.parametrize("executor", ["compiled", "interpreted"])
def test_a_payload_is_what_a_subscriber_with_the_same_document_receives(
    settings: Settings, start_api: Callable[..., Api], executor: str
) -> None:
    asyncio.run(add_people(settings))
    api = start_api(graphql_executor=executor)
    token = api.sign_in()
    for _ in range(3):
        api.add_balance(token)

    async def both() -> None:
        async with receiving() as receiver:
            for document in DOCUMENTS:
                await asyncio.to_thread(create, api, token, receiver.url, document=document)
            await asyncio.to_thread(deliver, api)
            sent = [request.content["data"] for request in receiver.requests]
        heard = [await asyncio.to_thread(listen, api, token, each) for each in DOCUMENTS]
        assert sent == [event for events in heard for event in events]

    asyncio.run(both())


def listen(api: Api, token: str, document: str) -> list[Any]:
    """What a subscriber receives for the first three events."""
    events: list[Any] = []
    headers = {
        "authorization": f"Bearer {token}",
        "accept": "text/event-stream",
        "last-event-id": "0",
    }
    with api.client.stream("POST", "/graphql", json={"query": document}, headers=headers) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                events.append(json.loads(line[6:])["data"])
            if len(events) == 3:
                return events
    raise AssertionError(f"the stream ended after {events}")


# ================================================================ receivers of the documentation


def receiver_in(language: str) -> str:
    section = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").split("### Receivers")[1]
    (code, *_) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(code)


@pytest.fixture
def start_receiver(tmp_path: Path) -> Iterator[Callable[[str, int, str], Any]]:
    """Start a receiver of docs/api.md; the function that is returned gives the lines that it printed."""
    started: list[subprocess.Popen[str]] = []

    def start(language: str, port: int, secret: str) -> Callable[[], list[str]]:
        code = receiver_in(language)
        assert "9000" in code
        file = tmp_path / ("receiver.py" if language == "python" else "receiver.mjs")
        file.write_text(code.replace("9000", str(port)))
        program = sys.executable if language == "python" else str(node.node_path())
        printed = tmp_path / "printed"
        with printed.open("w") as output:
            started.append(
                subprocess.Popen(
                    [program, file.name],
                    cwd=tmp_path,
                    env={"WEBHOOK_SECRET": secret, "PATH": ""},
                    stdout=output,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
        block_until(lambda: processes.accepts_connections("127.0.0.1", port))
        return lambda: printed.read_text().splitlines()

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_receivers_of_the_documentation_process_each_event_once_and_nothing_forged(
    running: Api, language: str, start_receiver: Callable[[str, int, str], Any]
) -> None:
    api, port = running, processes.free_port()
    token, url = api.sign_in(), f"http://127.0.0.1:{port}/"
    for _ in range(3):
        api.add_balance(token)
    made = create(api, token, url, document=DEPOSIT)
    printed = start_receiver(language, port, made["secret"])
    deliver(api)
    tried = api.data(TRY, {"id": made["webhook"]["id"]}, token=token)["testWebhook"]
    assert tried["attempt"]["responseStatus"] == 204
    assert [line.split()[0] for line in printed()] == ["1", "2", "3"]
    forged = create(api, token, url)
    refused = api.data(TRY, {"id": forged["webhook"]["id"]}, token=token)["testWebhook"]
    assert refused["attempt"]["responseStatus"] != 204
    assert len(printed()) == 3

    # After a restore, the numbers may belong to other events.
    assert epoch.begin(api.settings) == 0
    api.data(REPLAY, {"id": made["webhook"]["id"]}, token=token)
    deliver(api)
    assert [line.split()[0] for line in printed()] == ["1", "2", "3"] * 2


def test_a_hardened_service_suggests_no_names(
    settings: Settings, start_api: Callable[..., Api]
) -> None:
    asyncio.run(add_people(settings))
    for profile, is_suggested in (("open", True), ("hardened", False)):
        api = start_api(graphql_profile=profile)
        wrong = {"document": "subscription { walletEvents { sequenze } }"}
        values = {"url": "https://93.184.216.34/", "stream": "WALLET_EVENTS", **wrong}
        made = api.data(CREATE, {"input": values}, token=api.sign_in())["createWebhook"]
        ((field),) = made["fields"]
        assert field["path"] == ["document"]
        assert ("Did you mean" in field["message"]) == is_suggested
