"""DNS rebinding: any site can give this machine a name, so only known host names are served."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import websockets.exceptions
from websockets.sync.client import connect

from app.http import hosts
from tests.app.conftest import ALPHA, LOGIN, PASSWORD, Api
from tests.app.test_edge import read_all, status_of

ADDRESSES = [
    "/",
    "/graphql?query={__typename}",
    "/schema.graphql",
    "/healthz",
    "/readyz",
    "/metrics",
    "/dev/mail",
    "/dev/mail.json",
    "/assets/pages.css",
    "/nothing",
]


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mails")
    (folder / "1.eml").write_bytes(
        b"To: a@demo.app\r\nSubject: Secret\r\n\r\nhttp://127.0.0.1/\r\n"
    )
    return folder


def test_a_name_that_a_page_gave_this_machine_is_not_served(
    api: Api, start_api: Callable[..., Api], mails: Path
) -> None:
    private = start_api(database_url=api.settings.database_url, mails=mails)
    assert private.client.get("/dev/mail.json").json()[0]["subject"] == "Secret"
    for host in ("rebound.example", f"rebound.example:{private.port}", "127.0.0.1.rebound.example"):
        for address in ADDRESSES:
            answer = private.client.get(address, headers={"host": host})
            assert answer.status_code == 421, address
            assert "Secret" not in answer.text
        signing_in = private.post(
            LOGIN, {"input": {"email": ALPHA, "password": PASSWORD}}, host=host
        )
        assert signing_in.status_code == 421
        assert "set-cookie" not in signing_in.headers
        assert private.client.post("/pusher/auth", headers={"host": host}).status_code == 421
        preflight = {
            "host": host,
            "origin": f"http://{host}",
            "access-control-request-method": "POST",
        }
        answer = private.client.options("/graphql", headers=preflight)
        assert answer.status_code == 421
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [None, "http://rebound.example"])
def test_a_socket_under_such_a_name_is_refused(api: Api, origin: str | None) -> None:
    with (
        socket.create_connection((api.host, api.port), timeout=20) as connection,
        pytest.raises(websockets.exceptions.InvalidStatus) as refused,
        connect("ws://rebound.example/graphql", sock=connection, origin=origin),
    ):
        pass
    assert refused.value.response.status_code == 421


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("localhost.:8000", True),
        ("wallet.localhost:1", True),
        ("127.0.0.1", True),
        ("192.168.1.7:8000", True),
        ("[::1]", True),
        ("[::1]:8000", True),
        ("wallet.example.org", True),
        ("Wallet.Example.org.:443", True),
        ("example.org", False),
        ("evil.wallet.example.org", False),
        ("localhost.evil.example", False),
        ("evillocalhost", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example:8000@127.0.0.1", False),
        ("127.0.0.1:8000, evil.example", False),
        ("2130706433", False),
        ("::1", False),
        ("", False),
        ("[]", False),
    ],
)
def test_localhost_addresses_and_the_host_of_app_url_are_served(host: str, is_served: bool) -> None:
    assert hosts.is_accepted(host, "wallet.example.org") is is_served


@pytest.mark.parametrize(
    ("app_url", "shows_mail", "is_served"),
    [
        ("http://localhost:8000", False, False),
        ("http://192.168.1.7:8000", False, False),
        ("http://[fd00::1]:8000", False, False),
        # A public one is no more open under one name than under another.
        ("https://wallet.example.org", False, True),
        ("https://wallet.example.org", True, False),
    ],
)
def test_a_private_service_alone_is_particular_about_its_name(
    start_api: Callable[..., Api], mails: Path, app_url: str, shows_mail: bool, is_served: bool
) -> None:
    api = start_api(app_url=app_url, mails=mails if shows_mail else None)
    answer = api.client.get("/healthz", headers={"host": "another.example"})
    assert answer.status_code == (200 if is_served else 421)
    assert api.client.get("/healthz").status_code == 200
    # Which trusts those on this machine, also where the service is public.
    metrics = api.client.get("/metrics", headers={"host": "another.example"})
    assert metrics.status_code == (403 if is_served else 421)
    assert api.client.get("/metrics").status_code == 200


def test_a_request_names_one_host(api: Api) -> None:
    for head, status in (
        (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (
            b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            400,
        ),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", 421),
    ):
        with socket.create_connection((api.host, api.port), timeout=20) as connection:
            connection.sendall(head)
            assert status_of(read_all(connection)) == status, head


def ask(api: Api, target: str, host: str, more: str = "") -> bytes:
    with socket.create_connection((api.host, api.port), timeout=20) as connection:
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n"
        connection.sendall(head.encode())
        return read_all(connection)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://127.0.0.1/healthz", 200),
        ("HTTP://localhost:8000/graphql?query={__typename}", 200),
        ("https://[::1]:8000/healthz", 200),
        ("http://rebound.example/healthz", 421),
        ("http://rebound.example:80/graphql?query={__typename}", 421),
        ("http://127.0.0.1@rebound.example/healthz", 400),
        ("http://rebound.example@127.0.0.1/healthz", 400),
        ("ftp://127.0.0.1/healthz", 400),
        ("http:///healthz", 400),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "rebound.example"])
def test_the_host_of_an_absolute_target_counts_instead_of_the_header(
    api: Api, target: str, status: int, host: str
) -> None:
    assert status_of(ask(api, target, host)) == status


def test_a_socket_with_an_absolute_target_is_opened_under_our_names_alone(api: Api) -> None:
    handshake = (
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: x\r\n"
        "Connection: Upgrade\r\n"
    )
    assert status_of(ask(api, "http://rebound.example/graphql", "127.0.0.1", handshake)) == 421
    with socket.create_connection((api.host, api.port), timeout=20) as connection:
        head = f"GET http://127.0.0.1/graphql HTTP/1.1\r\nHost: rebound.example\r\n{handshake}\r\n"
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 101"
