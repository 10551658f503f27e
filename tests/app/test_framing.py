"""The delimitation of requests under attack through raw sockets: chunks, trailers, pipelining, handshakes."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable

import pytest

from tests.app.conftest import ALPHA, LOGIN, PASSWORD
from tests.app.test_edge import POST, connect, read_all, status_of

__all__ = ["connect"]

CHUNKED = POST.replace(b"Content-Length: 27", b"Transfer-Encoding: chunked")
TYPENAME = b'{"query":"{ __typename }"}'
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
CLOSE = b"Connection: close\r\n"


def chunk(content: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(content), extension, content)


@pytest.mark.parametrize(
    "trailer",
    [b"Authorization: Bearer nonsense\r\n", b"Host: evil.example\r\n", b"A: a\r\n" * 200],
    ids=["a credential", "a second host", "more than there may be headers"],
)
def test_trailers_are_not_headers(connect: Callable[..., socket.socket], trailer: bytes) -> None:
    connection = connect()
    connection.sendall(CHUNKED + CLOSE + b"\r\n" + chunk(TYPENAME) + b"0\r\n" + trailer + b"\r\n")
    answer = read_all(connection)
    assert status_of(answer) == 200
    assert answer.endswith(b'{"data":{"__typename":"Query"}}')


@pytest.mark.parametrize(
    "rest",
    [b"0\r\n" + b"A: a\r\n" * 2**20, b"0\r\nA: " + b"a" * 8 * 2**20, b"5;a=" + b"a" * 8 * 2**20],
    ids=["endless trailers", "an endless trailer", "an endless chunk extension"],
)
def test_what_frames_a_body_has_a_limit(connect: Callable[..., socket.socket], rest: bytes) -> None:
    connection = connect()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(CHUNKED + b"\r\n" + chunk(TYPENAME) + rest)
    assert status_of(read_all(connection)) == 431


def test_a_body_in_many_chunks_is_served(connect: Callable[..., socket.socket]) -> None:
    connection = connect()
    # Its framing alone is larger than a head may be.
    body = TYPENAME + b" " * 20_000
    chunks = b"".join(chunk(body[at : at + 1]) for at in range(len(body)))
    connection.sendall(CHUNKED + CLOSE + b"\r\n" + chunks + b"0\r\n\r\n")
    assert status_of(read_all(connection)) == 200


@pytest.mark.parametrize("body", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_handshake_with_a_body_is_refused(
    connect: Callable[..., socket.socket], body: bytes
) -> None:
    connection = connect()
    connection.sendall(HANDSHAKE + body + b"\r\n")
    assert status_of(read_all(connection)) == 400


@pytest.mark.parametrize("body", [b"", b"Content-Length: 5\r\n"], ids=["alone", "with a body"])
def test_a_handshake_does_not_take_the_connection_from_an_answer_that_is_due(
    connect: Callable[..., socket.socket],
    capsys: pytest.CaptureFixture[str],
    body: bytes,
) -> None:
    connection = connect()
    first = CHUNKED + b"\r\n" + chunk(TYPENAME) + b"0\r\n\r\n"
    connection.sendall(first + HANDSHAKE + body + b"\r\n")
    answer = read_all(connection)
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer.lower()
    assert answer.endswith(b'{"data":{"__typename":"Query"}}')
    assert "request failed" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("queued", [0, 1, 2])
def test_a_refusal_of_a_later_body_does_not_come_before_the_answers_that_are_due(
    connect: Callable[..., socket.socket], queued: int
) -> None:
    body = json.dumps(
        {"query": LOGIN, "variables": {"input": {"email": ALPHA, "password": PASSWORD}}}
    ).encode()
    first = POST.replace(b": 27", b": %d" % len(body)) + b"\r\n" + body
    between = (CHUNKED + b"\r\n" + chunk(TYPENAME) + b"0\r\n\r\n") * queued
    connection = connect()
    connection.sendall(first + between + CHUNKED + b"\r\n5\r\nhello\r\nnonsense")
    answer = read_all(connection)
    assert status_of(answer) == 200
    assert answer.count(b"HTTP/1.1 200") == 1 + queued
    assert answer.count(b"HTTP/1.1") == 1 + queued
    assert answer.partition(b"HTTP/1.1 200")[2].split(b"HTTP/1.1 200")[0].count(b'"SignedIn"') == 1


@pytest.mark.parametrize(
    "coding", [b"gzip, chunked", b"chunked, chunked", b"identity, chunked", b"chunked, gzip"]
)
@pytest.mark.parametrize("path", [b"/graphql", b"/healthz"])
def test_a_coding_beneath_the_chunks_is_refused(
    connect: Callable[..., socket.socket], coding: bytes, path: bytes
) -> None:
    connection = connect()
    head = CHUNKED.replace(b": chunked", b": " + coding).replace(b"/graphql", path)
    connection.sendall(head + b"\r\n" + chunk(TYPENAME) + b"0\r\n\r\n")
    # The parser itself refuses what does not end in chunks, or is in chunks twice.
    is_left_to_us = coding in (b"gzip, chunked", b"identity, chunked")
    assert status_of(read_all(connection)) == (501 if is_left_to_us else 400)


def test_two_headers_are_one_coding_after_the_other(connect: Callable[..., socket.socket]) -> None:
    connection = connect()
    head = CHUNKED.replace(b"Transfer", b"Transfer-Encoding: gzip\r\nTransfer")
    connection.sendall(head + b"\r\n" + chunk(TYPENAME) + b"0\r\n\r\n")
    assert status_of(read_all(connection)) in (400, 501)
    connection = connect()
    spelled = CHUNKED.replace(b": chunked", b":  Chunked ")
    connection.sendall(spelled + CLOSE + b"\r\n" + chunk(TYPENAME) + b"0\r\n\r\n")
    assert status_of(read_all(connection)) == 200
