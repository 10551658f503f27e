"""The requests of the load generator, and the answers that it accepts."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from bench import wallet
from bench.generator import Template, is_accepted, is_whole

TASK = {"host": "127.0.0.1", "port": 80, "path": "/graphql", "run": "abc"}


def test_each_request_is_whole_and_has_a_key_of_its_own() -> None:
    template = Template(TASK, asdict(wallet.SEND), recipient_bytes=4)
    for number in (1, 99_999_999):
        head, _, body = template.fill(b"token", b"them", number).partition(b"\r\n\r\n")
        assert b"Authorization: Bearer token" in head
        assert f"Content-Length: {len(body)}".encode() in head
        sent = json.loads(body)
        assert sent["query"] == wallet.SEND.document
        assert sent["variables"]["input"]["recipient"] == {"userId": "them"}
        assert sent["variables"]["input"]["idempotencyKey"] == f"abc-{number:08}"
        assert 0.01 <= float(sent["variables"]["input"]["amount"]) <= 5


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
    ],
)
def test_an_answer_ends_where_it_says(answer: bytes, whole: bool) -> None:
    assert is_whole(answer) is whole


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"data":{"__typename":"MoneySent"}}', True),
        (b'HTTP/1.1 200 OK\r\n\r\n{"data":{"__typename":"InsufficientFunds"}}', False),
        (b'HTTP/1.1 500 Oops\r\n\r\n{"data":{"__typename":"MoneySent"}}', False),
        (b'HTTP/1.1 200 OK\r\n\r\n{"data":{"__typename":"MoneySent"},"errors":[{}]}', False),
    ],
)
def test_only_what_was_asked_for_counts(answer: bytes, accepted: bool) -> None:
    assert is_accepted(answer, b'"MoneySent"') is accepted
