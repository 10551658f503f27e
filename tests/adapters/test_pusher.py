"""Pusher through the official library, against the embedded Channels server."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.client import ClientConnection, connect

from adapters import pusher
from dev import channels
from tests.conftest import make_settings, private_channels

CHANNEL = "private-wallet-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[channels.Channels]:
    """Shared by the tests that leave it as it was."""
    server = private_channels(tmp_path_factory.mktemp("channels") / "channels.log")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def open_gateway() -> Iterator[Callable[..., pusher.PusherGateway]]:
    opened = []

    def make(server: channels.Channels, **changes: str) -> pusher.PusherGateway:
        environment = {name.lower(): value for name, value in server.environment.items()}
        gateway = pusher.PusherGateway.from_settings(make_settings(**{**environment, **changes}))
        assert gateway is not None
        opened.append(gateway)
        return gateway

    yield make
    for gateway in opened:
        gateway.close()


Open = Callable[..., pusher.PusherGateway]


def event(number: int) -> pusher.Event:
    return pusher.Event("transaction.posted", json.dumps({"sequence": number}))


def receive(listener: ClientConnection) -> dict:
    message = json.loads(listener.recv(timeout=10))
    return {**message, "data": json.loads(message["data"])}


def test_a_batch_arrives_in_order_where_the_signature_lets_in(
    server: channels.Channels, open_gateway: Open
) -> None:
    gateway = open_gateway(server)
    with connect(f"ws://127.0.0.1:{server.port}/app/{server.key}?protocol=7") as listener:
        socket_id = receive(listener)["data"]["socket_id"]
        signed = gateway.authenticate(socket_id, CHANNEL)
        data = {"channel": CHANNEL, **signed}
        listener.send(json.dumps({"event": "pusher:subscribe", "data": data}))
        assert receive(listener)["event"] == "pusher_internal:subscription_succeeded"
        gateway.trigger([event(number) for number in range(10)], [CHANNEL])
        heard = [receive(listener) for _ in range(10)]
    assert [message["data"]["sequence"] for message in heard] == list(range(10))
    assert {message["event"] for message in heard} == {"transaction.posted"}


@pytest.mark.parametrize("count", [1, 3, 10, 11, 100, 101, 250])
def test_each_of_many_channels_hears_every_event_in_order(
    server: channels.Channels, open_gateway: Open, count: int
) -> None:
    gateway = open_gateway(server)
    names = [f"private-wallet-{count}-{number}" for number in range(count)]
    listened = {names[0], names[len(names) // 2], names[-1]}
    with connect(f"ws://127.0.0.1:{server.port}/app/{server.key}?protocol=7") as listener:
        socket_id = receive(listener)["data"]["socket_id"]
        for name in listened:
            data = {"channel": name, **gateway.authenticate(socket_id, name)}
            listener.send(json.dumps({"event": "pusher:subscribe", "data": data}))
            receive(listener)
        gateway.trigger([event(number) for number in range(3)], names)
        heard = [receive(listener) for _ in range(3 * len(listened))]
    for name in listened:
        told = [one["data"]["sequence"] for one in heard if one["channel"] == name]
        assert told == [0, 1, 2]


def test_a_signature_is_the_protocols(server: channels.Channels, open_gateway: Open) -> None:
    signed = open_gateway(server).authenticate("12.34", CHANNEL)
    text = f"12.34:{CHANNEL}".encode()
    digest = hmac.new(server.secret.encode(), text, hashlib.sha256).hexdigest()
    assert signed == {"auth": f"{server.key}:{digest}"}


@pytest.mark.parametrize("malformed", ["", "12", "12.34:private-x", "a.b"])
def test_a_malformed_socket_id_is_not_signed(
    server: channels.Channels, open_gateway: Open, malformed: str
) -> None:
    with pytest.raises(ValueError, match="socket"):
        open_gateway(server).authenticate(malformed, CHANNEL)


def test_a_server_that_is_away_is_told_from_one_that_refuses(
    start_channels: Callable[[], channels.Channels], open_gateway: Open
) -> None:
    server = start_channels()
    with pytest.raises(pusher.PusherRejected):
        open_gateway(server, pusher_secret="another secret").trigger([event(1)], [CHANNEL])
    gateway = open_gateway(server)
    gateway.check()
    server.kill()
    with pytest.raises(pusher.PusherUnavailable):
        gateway.trigger([event(1)], [CHANNEL])
    server.start()
    gateway.trigger([event(1)], [CHANNEL])


@pytest.mark.parametrize("status", ["500 Internal Server Error", "429 Too Many", "200 OK"])
def test_trouble_of_the_server_is_no_refusal(
    server: channels.Channels, open_gateway: Open, status: str
) -> None:
    answer = f"HTTP/1.1 {status}\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhtml".encode()
    with socket.create_server(("127.0.0.1", 0)) as troubled:

        def serve() -> None:
            connection, _ = troubled.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        gateway = open_gateway(server, pusher_port=str(troubled.getsockname()[1]))
        with pytest.raises(pusher.PusherUnavailable):
            gateway.trigger([event(1)], [CHANNEL])
        thread.join()


def test_too_much_data_is_refused(server: channels.Channels, open_gateway: Open) -> None:
    large = pusher.Event("transaction.posted", json.dumps("x" * 20_000))
    with pytest.raises(pusher.PusherRejected):
        open_gateway(server).trigger([large], [CHANNEL])


def test_without_settings_there_is_no_gateway() -> None:
    assert pusher.PusherGateway.from_settings(make_settings()) is None
