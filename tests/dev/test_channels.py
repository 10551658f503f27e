"""The embedded Channels server, checked with Pusher's own Python library and against the protocol."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pusher
import pusher.errors
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from dev import channels

Start = Callable[[], channels.Channels]
CHANNEL = "private-wallet-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[channels.Channels]:
    log = tmp_path_factory.mktemp("channels") / "channels.log"
    server = channels.Channels(app_id="4711", key="key", secret="secret", log=log)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def library(server: channels.Channels) -> Iterator[pusher.Pusher]:
    client = library_for(server)
    yield client
    client._pusher_client.http.session.close()


def library_for(server: channels.Channels, secret: str | None = None) -> pusher.Pusher:
    return pusher.Pusher(
        app_id=server.app_id,
        key=server.key,
        secret=secret or server.secret,
        host="127.0.0.1",
        port=server.port,
        ssl=False,
    )


def open_socket(server: channels.Channels, path: str | None = None) -> ClientConnection:
    path = path or f"/app/{server.key}?protocol=7&client=js&version=8.4.0&flash=false"
    return connect(f"ws://127.0.0.1:{server.port}{path}")


def receive(socket: ClientConnection) -> dict:
    return json.loads(socket.recv(timeout=10))


def establish(socket: ClientConnection) -> str:
    message = receive(socket)
    assert message["event"] == "pusher:connection_established"
    data = json.loads(message["data"])
    assert data["activity_timeout"] == 120
    return data["socket_id"]


def subscribe(socket: ClientConnection, channel: str, auth: str | None = None) -> dict:
    data = {"channel": channel, **({"auth": auth} if auth else {})}
    socket.send(json.dumps({"event": "pusher:subscribe", "data": data}))
    return receive(socket)


def test_a_private_channel_delivers_to_whom_the_library_has_signed_for(
    server: channels.Channels, library: pusher.Pusher
) -> None:
    with open_socket(server) as socket:
        socket_id = establish(socket)
        auth = library.authenticate(CHANNEL, socket_id)["auth"]
        assert subscribe(socket, CHANNEL, auth) == {
            "event": "pusher_internal:subscription_succeeded",
            "channel": CHANNEL,
            "data": "{}",
        }
        batch = [
            {"channel": CHANNEL, "name": "transaction.posted", "data": {"sequence": number}}
            for number in range(1, 4)
        ]
        assert library.trigger_batch(batch) == {}
        for number in range(1, 4):
            assert receive(socket) == {
                "event": "transaction.posted",
                "channel": CHANNEL,
                "data": json.dumps({"sequence": number}),
            }


def test_a_wrong_signature_for_a_private_channel_is_refused(server: channels.Channels) -> None:
    with open_socket(server) as socket, open_socket(server) as other:
        socket_id = establish(socket)
        foreign = library_for(server).authenticate(CHANNEL, establish(other))["auth"]
        for auth in (None, f"{server.key}:00", foreign, f"{server.key}:ä"):
            refused = subscribe(socket, CHANNEL, auth)
            assert refused["event"] == "pusher:error"
            assert refused["data"]["code"] == 4009
        good = library_for(server).authenticate(CHANNEL, socket_id)["auth"]
        assert subscribe(socket, CHANNEL, good)["channel"] == CHANNEL


def test_public_channels_are_open_and_can_be_left(
    server: channels.Channels, library: pusher.Pusher
) -> None:
    with open_socket(server) as socket:
        establish(socket)
        assert subscribe(socket, "news")["event"] == "pusher_internal:subscription_succeeded"
        assert library.channels_info("new", ["subscription_count"]) == {
            "channels": {"news": {"subscription_count": 1}}
        }
        assert library.channel_info("news")["occupied"] is True
        socket.send(json.dumps({"event": "pusher:unsubscribe", "data": {"channel": "news"}}))
        ping(socket)
        assert library.channel_info("news")["occupied"] is False


def ping(socket: ClientConnection) -> None:
    socket.send(json.dumps({"event": "pusher:ping", "data": {}}))
    assert receive(socket) == {"event": "pusher:pong", "data": "{}"}


def test_the_sender_can_be_left_out(server: channels.Channels, library: pusher.Pusher) -> None:
    with open_socket(server) as sender, open_socket(server) as listener:
        sender_id = establish(sender)
        establish(listener)
        subscribe(sender, "news")
        subscribe(listener, "news")
        library.trigger("news", "told", {"a": 1}, socket_id=sender_id)
        assert receive(listener)["event"] == "told"
        ping(sender)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/app/another-key?protocol=7", 4001),
        ("/elsewhere?protocol=7", 4005),
        ("/app/{key}?protocol=seven", 4006),
        ("/app/{key}?protocol=99", 4007),
        ("/app/{key}", 4008),
    ],
)
def test_a_handshake_that_cannot_stand_is_closed_with_its_code(
    server: channels.Channels, path: str, code: int
) -> None:
    with open_socket(server, path.format(key=server.key)) as socket:
        error = receive(socket)
        assert error["event"] == "pusher:error"
        assert error["data"]["code"] == code
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
        assert socket.close_code == code


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        "[1]",
        '{"data": {}}',
        '{"event": "client-typing", "channel": "news", "data": {}}',
        '{"event": "pusher:subscribe", "data": {"channel": "no spaces"}}',
        '{"event": "pusher:subscribe", "data": {"channel": "presence-room"}}',
        '{"event": "pusher:subscribe", "data": 7}',
        '{"event": "unheard-of", "data": {}}',
    ],
)
def test_what_a_client_may_not_say_is_an_error_and_the_connection_lives(
    server: channels.Channels, message: str
) -> None:
    with open_socket(server) as socket:
        establish(socket)
        socket.send(message)
        assert receive(socket)["event"] == "pusher:error"
        ping(socket)


def test_the_library_is_refused_with_another_secret(server: channels.Channels) -> None:
    client = library_for(server, "another secret")
    with pytest.raises(pusher.errors.PusherBadAuth, match="Invalid signature"):
        client.channels_info()
    client._pusher_client.http.session.close()


def test_too_much_data_answers_413(server: channels.Channels, library: pusher.Pusher) -> None:
    library.trigger("news", "told", "x" * 10_240)
    with pytest.raises(pusher.errors.PusherBadStatus, match="413"):
        library.trigger("news", "told", "x" * 10_241)
    event = {"channel": "news", "name": "told", "data": "x"}
    with pytest.raises(pusher.errors.PusherBadRequest, match="at most 10"):
        library.trigger_batch([dict(event) for _ in range(11)])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"auth_timestamp": str(int(time.time()) - 601)}, "Timestamp expired"),
        ({"auth_timestamp": "now"}, "Unix timestamp"),
        ({"auth_version": "2.0"}, "auth_version"),
        ({"auth_key": "another"}, "Unknown auth_key"),
        ({"body_md5": "0" * 32}, "body_md5"),
    ],
)
def test_a_request_that_is_not_signed_as_it_should_answers_401(
    server: channels.Channels, changes: dict[str, str], sentence: str
) -> None:
    body = json.dumps({"name": "told", "channel": "news", "data": "x"}).encode()
    query = {
        "auth_key": server.key,
        "auth_timestamp": str(int(time.time())),
        "auth_version": "1.0",
        "body_md5": hashlib.md5(body).hexdigest(),
        **changes,
    }
    path = f"/apps/{server.app_id}/events"
    text = "\n".join(["POST", path, "&".join(f"{k}={query[k]}" for k in sorted(query))])
    query["auth_signature"] = hmac.new(
        server.secret.encode(), text.encode(), hashlib.sha256
    ).hexdigest()
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}?{urlencode(query)}", data=body
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert answer.code == 401
        assert sentence in answer.read().decode()


def test_it_is_at_the_same_address_after_kill_9(start_channels: Start) -> None:
    server = start_channels()
    port = server.port
    with open_socket(server) as socket:
        establish(socket)
        server.kill()
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
    server.start()
    assert server.port == port
    with open_socket(server) as socket:
        establish(socket)
