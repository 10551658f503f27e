"""Tracing: one connected trace from the request to the delivery, and nothing at all without it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

import settings as settings_module
from app.telemetry import tracing
from dev import processes
from graphql_server.execution import Engine
from persistence.ledger.ledger import Ledger
from persistence.ledger.shared_commits import SharedCommits
from settings import Settings, SettingsError
from tests import databases
from tests.app.conftest import ADD, ALPHA, BETA, LOGIN, PASSWORD, Api, add_people
from tests.collector import Collector, Span, collecting
from tests.conftest import (
    make_settings,
    private_channels,
    private_valkey,
)
from tests.jobs.running import environment
from tests.waiting import block_until

SEND = """
mutation Zanzibar($input: SendMoneyInput!) {
  sendMoney(input: $input) { __typename ... on UserError { message } }
}
"""
WEBHOOK = "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { __typename } }"
REGISTER = "mutation ($input: RegisterInput!) { register(input: $input) { __typename } }"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CLIENT = "00f067aa0ba902b7"
NOTE = "Quetzalcoatl"


class Service:
    """The API, a relay and a worker as processes of their own, which are traced."""

    def __init__(self, chosen: Settings, folder: Path) -> None:
        self._database_url = chosen.database_url.get_secret_value()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        variables = {**environment(chosen), "OTEL_BSP_SCHEDULE_DELAY": "50"}
        self.children = [
            processes.spawn_python(
                arguments[0],
                ["-m", "app.cli", *arguments],
                log=folder / f"{arguments[0]}.log",
                env=variables,
            )
            for arguments in (("serve", "--port", str(self.port)), ("relay",), ("worker",))
        ]
        self.client = httpx.Client(base_url=self.url, timeout=20, verify=False)
        block_until(self._is_ready)
        self.token = self.post(LOGIN, {"input": {"email": ALPHA, "password": PASSWORD}})["data"][
            "login"
        ]["credentials"]["accessToken"]

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.client.get("/readyz").status_code == 200
        return False

    def post(self, query: str, variables: Any, **headers: str) -> Any:
        body = {"query": query, "variables": variables}
        return self.client.post("/graphql", json=body, headers=headers).json()

    def change(self, query: str, **input_: Any) -> Any:
        authorization = f"Bearer {self.token}"
        context = f"00-{TRACE}-{CLIENT}-01"
        return self.post(query, {"input": input_}, authorization=authorization, traceparent=context)

    def send(self, key: str) -> None:
        sent = self.change(
            SEND, recipient={"email": BETA}, amount="13.37", note=NOTE, idempotencyKey=key
        )
        assert sent["data"]["sendMoney"]["__typename"] == "MoneySent", sent

    def send_together(self, count: int) -> None:
        async def send(client: httpx.AsyncClient, number: int) -> None:
            input_ = {"amount": "1.00", "idempotencyKey": f"together-{number}"}
            body = {"query": ADD, "variables": {"input": input_}}
            headers = {"authorization": f"Bearer {self.token}"}
            await client.post("/graphql", json=body, headers=headers)

        async def all_of_them() -> None:
            async with httpx.AsyncClient(base_url=self.url, timeout=20, verify=False) as client:
                await asyncio.gather(*(send(client, number) for number in range(count)))

        asyncio.run(all_of_them())

    def has_published(self) -> bool:
        """Whether the relay has passed on everything."""
        with psycopg.connect(self._database_url) as connection:
            [[waiting]] = connection.execute(
                "SELECT count(*) FROM outbox WHERE published_at IS NULL"
            ).fetchall()
        return bool(waiting == 0)

    def end(self) -> list[int | None]:
        """The exit statuses, once all of them have ended by themselves."""
        for child in self.children:
            child.signal(signal.SIGTERM)
        assert all(child.wait(60) for child in self.children)
        return [child.exit_status for child in self.children]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def service(
    template_database: str,
    worker_number: int,
    collector: Collector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """Started once for all tests, of which the last one ends it."""
    folder = tmp_path_factory.mktemp("traced")
    memory, server = private_valkey(folder), private_channels(folder / "channels.log")
    with contextlib.ExitStack() as closing:
        url = closing.enter_context(databases.reused(worker_number, template_database))
        for each in (memory, server):
            each.start()
            closing.callback(each.stop)
        pushing: dict[str, Any] = {
            name.lower(): value for name, value in server.environment.items()
        }
        chosen = make_settings(
            database_url=url,
            redis_url=memory.url,
            otel_exporter_otlp_endpoint=collector.url,
            settlement_batches=1,
            **pushing,
        )
        asyncio.run(add_people(chosen))
        service = Service(chosen, folder)
        closing.callback(service.client.close)
        closing.callback(processes.stop_all, service.children)
        service.change(ADD, amount="1000.00", idempotencyKey="trace-add-1")
        block_until(lambda: bool(named("deliver pusher", collector)))
        yield service


def named(name: str, collector: Collector) -> list[Span]:
    return [each for each in collector.spans if each.name == name]


def chain_of(span: Span, spans: list[Span]) -> list[tuple[str, str]]:
    """The span and those above it, each with its process; those that have not arrived yet are missing."""
    by_id = {each.span_id: each for each in spans}
    chain = [(span.process, span.name)]
    while span.parent_id in by_id:
        span = by_id[span.parent_id]
        chain.append((span.process, span.name))
    return [*chain, ("client", span.parent_id)]


def test_a_transfer_is_one_trace_from_the_request_to_the_delivery(
    service: Service, collector: Collector
) -> None:
    before = len(named("deliver pusher", collector))
    service.send("trace-send-1")
    whole = [
        ("worker", "deliver pusher"),
        ("worker", "job deliver.pusher"),
        ("relay", "relay TransactionPosted"),
        ("serve", "settlement"),
        ("serve", "mutation sendMoney"),
        ("serve", "POST /graphql"),
        ("client", CLIENT),
    ]

    def delivered() -> list[Span]:
        return named("deliver pusher", collector)[before:]

    # A span is exported when it has ended, which those above do later.
    block_until(lambda: [chain_of(each, collector.spans) for each in delivered()] == [whole, whole])
    for span in delivered():
        assert span.trace_id == TRACE
        assert span.attributes["wallet.events"] == 1
    request = named("POST /graphql", collector)[-1]
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == "/graphql"
    assert not any(each.is_error for each in collector.spans)


def test_a_settlement_is_linked_to_every_operation_that_shares_it(
    service: Service, collector: Collector
) -> None:
    def settled() -> int:
        return sum(each.attributes["wallet.commands"] for each in named("settlement", collector))

    commands, operations = settled(), len(named("mutation addBalance", collector))
    service.send_together(40)
    block_until(lambda: settled() == commands + 40)
    block_until(lambda: len(named("mutation addBalance", collector)) == operations + 40)
    known = {each.span_id for each in collector.spans if each.name.startswith("mutation ")}
    settlements = named("settlement", collector)
    assert max(each.attributes["wallet.commands"] for each in settlements) > 1
    for settlement in settlements:
        assert len(set(settlement.links)) == settlement.attributes["wallet.commands"]
        assert set(settlement.links) <= known


def test_a_webhook_is_delivered_in_the_trace_of_its_event(
    service: Service, collector: Collector
) -> None:
    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nothing is logged."""

    whole = [
        ("worker", "deliver webhooks"),
        ("worker", "job deliver.webhooks"),
        ("relay", "relay TransactionPosted"),
        ("serve", "settlement"),
        ("serve", "mutation addBalance"),
        ("serve", "POST /graphql"),
        ("client", CLIENT),
    ]
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as endpoint:
        threading.Thread(target=endpoint.serve_forever, args=[0.01], daemon=True).start()
        url = f"http://127.0.0.1:{endpoint.server_address[1]}/hooks"
        made = service.change(WEBHOOK, url=url, stream="WALLET_EVENTS")
        assert made["data"]["createWebhook"]["__typename"] == "WebhookCreated", made
        service.change(ADD, amount="2.00", idempotencyKey="trace-add-2")
        block_until(
            lambda: any(
                chain_of(each, collector.spans) == whole and not each.is_error
                for each in named("deliver webhooks", collector)
            )
        )
        endpoint.shutdown()


def test_operations_over_a_websocket_begin_traces_of_their_own(
    service: Service, collector: Collector
) -> None:
    address = f"ws://127.0.0.1:{service.port}/graphql"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as websocket:
        payload = {"Authorization": f"Bearer {service.token}"}
        websocket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(websocket.recv(10))["type"] == "connection_ack"
        events = {"query": "subscription { walletEvents { sequence } }"}
        websocket.send(json.dumps({"type": "subscribe", "id": "1", "payload": events}))
        # Its span ends once it has begun, not with the socket.
        block_until(lambda: bool(named("subscription walletEvents", collector)))
        viewer = {"query": "{ viewer { id } }"}
        websocket.send(json.dumps({"type": "subscribe", "id": "2", "payload": viewer}))
        block_until(lambda: bool(named("query viewer", collector)))
    roots = [*named("subscription walletEvents", collector), *named("query viewer", collector)]
    assert [each.parent_id for each in roots] == ["", ""]
    assert roots[0].trace_id != roots[1].trace_id


def test_a_refusal_is_told_by_its_code_and_a_failed_delivery_as_an_error(
    service: Service, collector: Collector
) -> None:
    service.post("mutation { logout(input: {}) { __typename } }", {})
    block_until(lambda: bool(named("mutation logout", collector)))
    [refused] = named("mutation logout", collector)
    assert refused.attributes["wallet.codes"] == ["UNAUTHENTICATED"]
    assert not refused.is_error

    # Nobody answers at SMTP_URL.
    def failed() -> list[Span]:
        return [each for each in named("deliver mail", collector) if each.trace_id == TRACE]

    for number in range(10):
        wanted = {
            "name": "Nahuatl Speaker",
            "email": f"nahuatl.{number}@example.org",
            "password": PASSWORD,
        }
        answer = service.post(REGISTER, {"input": wanted}, traceparent=f"00-{TRACE}-{CLIENT}-01")
        assert answer["data"]["register"]["__typename"] == "RegistrationReceived", answer
        block_until(lambda tries=number: len(named("deliver mail", collector)) > tries)
        # Once a second the relay looks for due mails: one that it finds so is sent in a trace of its own.
        if failed():
            break
    whole = [
        ("worker", "deliver mail"),
        ("worker", "job jobs.mail.send_mail"),
        ("relay", "relay MailRequested"),
        ("serve", "mutation register"),
        ("serve", "POST /graphql"),
        ("client", CLIENT),
    ]
    delivery = failed()[-1]
    block_until(lambda: chain_of(delivery, collector.spans) == whole)
    assert delivery.is_error
    assert delivery.attributes["error.type"] == "Unreachable"


def test_a_dead_or_silent_collector_delays_nothing_and_spans_have_no_data_of_users(
    service: Service, collector: Collector
) -> None:
    collector.stop()
    for number in range(10):
        service.send(f"dead-key-{number}")
    block_until(service.has_published)
    # One that accepts connections and never answers must not keep the processes from ending.
    with socket.create_server(("127.0.0.1", collector.port)) as silent:
        silent.listen()
        service.send("silent-key-1")
        block_until(service.has_published)
        assert service.end() == [0, 0, 0]
    sent = b"".join(collector.bodies)
    assert b"settlement" in sent
    for secret in (
        *("User Alpha", "User Beta", ALPHA, BETA, PASSWORD, NOTE, "Zanzibar", "127.0.0.1"),
        *("nahuatl", "Nahuatl", "refused", "/hooks"),
        *("13.37", "1337", "1000.00", "trace-send-1", service.token, "/readyz"),
    ):
        assert secret.encode() not in sent, secret


def test_processes_start_without_what_few_of_them_need_and_without_the_variables_also_without_tracing(
    tmp_path: Path,
) -> None:
    unneeded = "opentelemetry google typst stripe webauthn OpenSSL pusher requests markdown_it"
    code = (
        "import sys, settings; from app.telemetry import tracing; "
        "import app.server, app.processes, jobs.relay, jobs.worker; "
        "assert tracing.start('serve', settings.load()) is None; "
        "loaded = {name.partition('.')[0] for name, module in sys.modules.items() if module}; "
        f"print(sorted(loaded & {set(unneeded.split())}))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(settings_module.ROOT),
            **environment(make_settings(database_url="postgresql://a/b", redis_url="redis://a")),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_without_tracing_the_ordinary_classes_do_the_work(api: Api) -> None:
    opened = api.app._opened
    assert opened is not None
    commits = opened.services.ledger
    assert type(commits) is SharedCommits
    assert type(commits._ledger) is Ledger
    assert commits._ledger._traceparent is None
    assert type(api.app._graphql._engine) is Engine  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("variables", "is_traced"),
    [
        ({}, True),
        ({"OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
    ],
)
def test_the_standard_variables_decide(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    is_traced: bool | None,
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"):
        # Whatever is set during the test is unset after it.
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    chosen = settings.model_copy(update={"otel_exporter_otlp_endpoint": "http://127.0.0.1:1"})
    if is_traced is None:
        with pytest.raises(SettingsError, match=r"OTEL_EXPORTER_OTLP_PROTOCOL takes http/protobuf"):
            tracing.start("serve", chosen)
        return
    started = tracing.start("serve", chosen)
    assert (started is not None) is is_traced
    if started is not None:
        assert started.traceparent() is None
        started.close()
