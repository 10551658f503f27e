"""Open sockets: pinged by the server, without keeping unneeded data."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import os
import socket
import weakref
from collections.abc import Callable

import pytest

from app.http import sockets
from tests.app.conftest import Api
from tests.waiting import block_until

_CLOSE, _PING, _PONG = 0x88, 0x89, 0x8A


def shake_hands(api: Api) -> socket.socket:
    """A WebSocket of which nobody answers the pings."""
    opened = socket.create_connection((api.host, api.port), timeout=20)
    key = base64.b64encode(os.urandom(16)).decode()
    opened.sendall(
        f"GET /graphql HTTP/1.1\r\nHost: {api.host}:{api.port}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += opened.recv(1)
    assert head.startswith(b"HTTP/1.1 101")
    return opened


def read_frame(opened: socket.socket) -> tuple[int, bytes]:
    kind, length = opened.recv(1), opened.recv(1)
    return kind[0], opened.recv(length[0])


def test_a_client_that_answers_is_asked_again_and_one_that_does_not_is_closed(
    start_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[tuple[sockets.Sockets, sockets.Socket]] = []
    add = sockets.Sockets.add

    def noted(self: sockets.Sockets, socket: sockets.Socket) -> None:
        add(self, socket)
        added.append((self, socket))

    monkeypatch.setattr(sockets.Sockets, "add", noted)
    api = start_api()
    with shake_hands(api) as opened:
        block_until(lambda: added)
        [(pinging, server_side)] = added

        def pass_interval() -> None:
            for _ in range(sockets.PING_SECONDS):
                assert pinging._timer is not None
                pinging._timer.cancel()
                pinging._take_turn()

        for _ in range(2):
            api.loop.call_soon_threadsafe(pass_interval)
            kind, payload = read_frame(opened)
            assert kind == _PING
            mask = bytes(4)
            opened.sendall(bytes([_PONG, 0x80 | len(payload)]) + mask + payload)
            block_until(lambda: server_side.pending_ping_payload is None)
        api.loop.call_soon_threadsafe(pass_interval)
        kind, _ = read_frame(opened)
        assert kind == _PING
        api.loop.call_soon_threadsafe(pass_interval)
        kind, reason = read_frame(opened)
        assert kind == _CLOSE
        assert int.from_bytes(reason[:2], "big") == 1011
        assert opened.recv(1) == b""


@pytest.mark.anyio
async def test_the_inbox_gives_what_came_in_order_and_waits_for_more() -> None:
    emptied: list[None] = []
    inbox = sockets._Inbox(lambda: emptied.append(None))
    inbox.put_nowait(1)
    inbox.put_nowait(2)
    assert [await inbox.get(), len(emptied), await inbox.get(), len(emptied)] == [1, 0, 2, 1]
    assert inbox.empty()
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(3)
    assert await waiting == 3


@pytest.mark.anyio
async def test_the_gate_holds_all_who_wait_until_it_opens() -> None:
    gate = sockets._Gate()
    await gate.wait()
    gate.clear()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    waiting[0].cancel()
    gate.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert done[1:] == [None, None]


def test_a_message_in_endless_fragments_is_not_gathered(api: Api) -> None:
    with shake_hands(api) as opened:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            opened.sendall(b"\x01\x80mask" + b"\x00\x80mask" * 2_000)
        opcode, payload = read_frame(opened)
        assert opcode == _CLOSE
        assert int.from_bytes(payload[:2]) == 1009


def test_an_open_socket_keeps_neither_its_handshake_nor_a_dictionary_of_attributes(
    start_api: Callable[..., Api],
) -> None:
    # Those of earlier tests may end at any time.
    before = weakref.WeakSet(_open_sockets())
    with shake_hands(start_api()):
        block_until(lambda: [each for each in _open_sockets() if each not in before])
        [opened] = [each for each in _open_sockets() if each not in before]
        kept = {"facts", "path", "type"}
        block_until(lambda: opened.turn is not None and set(opened.scope) == kept)
        assert vars(opened) == {}
        assert not hasattr(opened, "request")


def _open_sockets() -> list[sockets.Socket]:
    return [each for each in gc.get_objects() if type(each) is sockets.Socket]
