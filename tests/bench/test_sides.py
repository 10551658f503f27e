"""The wallet's side: its answers are checked, and every answer is in the ledgers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from bench import answers, load, services, users, wallet
from bench.comparisons import MIXED, PAGE, TRANSFERS
from bench.services import Services
from bench.sides import Ledgers, Server
from dev import postgres, valkey

USERS = 20


@pytest.fixture
def stack(database_url: str, redis_url: str, tmp_path: Path) -> Services:
    environment = services.environment_of(database_url, redis_url)
    server, memory = cast(postgres.Postgres, None), cast(valkey.Valkey, None)
    return Services(tmp_path, server, memory, environment, services.settings_of(environment))


def test_the_wallet_answers_as_compared_and_every_answer_is_in_its_ledgers(stack: Services) -> None:
    payments = users.create(
        stack.database_url, USERS, audit_key=stack.settings.sealing_key, payments=users.PAYMENTS
    )
    tokens = users.write_tokens(
        stack.folder / "tokens", USERS, issuer=stack.issuer, secret=stack.secret
    )
    ledgers = Ledgers(stack.database_url, audited=stack.settings, moved=payments)
    with services.api(stack) as api:
        server = Server("wallet", stack.graphql_url, api, tokens, ledgers, wallet.REQUESTS)
        ledgers.moved += answers.prove(
            server.name, server.url, tokens,
            read=wallet.READ, page=wallet.READ_PAGE, send=wallet.SEND,
        )  # fmt: skip
        measured = server.measure(MIXED, connections=4, seconds=1)
        pages = server.measure(PAGE, connections=4, seconds=1)
        once = load.run(
            server.url, tokens, [wallet.SEND], connections=4, seconds=60, each_once=True
        )
    assert measured.operations > 0
    assert pages.operations > 0
    assert once.moved == USERS
    ledgers.moved += once.moved
    ledgers.check()
    ledgers.moved += 1
    with pytest.raises(RuntimeError, match="lack one"):
        ledgers.check()


def test_a_side_may_be_measured_at_some_numbers_of_connections_alone(stack: Services) -> None:
    server = Server(
        "some", "", cast(Any, None), Path(), Ledgers(""), {TRANSFERS: [wallet.SEND]}, [32]
    )
    assert server.takes_part(TRANSFERS, 32)
    assert not server.takes_part(TRANSFERS, 8)
    assert not server.takes_part(MIXED, 32)


# ================================================================ servers that answer differently


def viewer(balance: str, sequence: int) -> dict[str, Any]:
    return {
        "id": "one", "email": "one@bench.example", "sequence": sequence,
        "user": {"id": "one", "name": "One"}, "balance": {"amount": balance, "currency": "USD"},
    }  # fmt: skip


def sent(balance: str, sequence: int) -> dict[str, Any]:
    money = {"amount": "1.23", "currency": "USD"}
    return {
        "__typename": "MoneySent",
        "transaction": {
            "id": "t", "reference": "r", "sequence": sequence, "amount": money,
            "balanceAfter": {"amount": balance}, "createdAt": "2026-01-01T00:00:00Z",
            "counterparty": {"id": "two", "name": "Two"},
        },
        "viewer": {"sequence": sequence, "balance": {**money, "amount": balance}},
        "replayed": False,
    }  # fmt: skip


@contextmanager
def answering(*said: dict[str, Any]) -> Iterator[str]:
    """A server that gives these answers in turn."""
    waiting = list(said)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": waiting.pop(0)}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/graphql"
        finally:
            server.shutdown()
            thread.join()


READ_FIRST = {"viewer": viewer("10.00", 1)}


@pytest.fixture
def prove(tmp_path: Path) -> Callable[..., int]:
    tokens = tmp_path / "two"
    tokens.write_text("one token-of-one\ntwo token-of-two\n")

    def proved(*said: dict[str, Any]) -> int:
        with answering(*said) as url:
            return answers.prove(
                "it", url, tokens, read=wallet.READ, page=wallet.READ_PAGE, send=wallet.SEND
            )

    return proved


def page(newest: int, count: int, *, more: bool) -> dict[str, Any]:
    money = {"amount": "1.23", "currency": "USD"}
    edges = [
        {
            "cursor": str(sequence),
            "node": {
                "id": "t", "reference": "r", "sequence": sequence, "kind": "TRANSFER",
                "direction": "OUTGOING", "amount": money, "fee": {"amount": "0.00"},
                "counterparty": {"id": "two", "name": "Two"}, "note": None,
                "balanceAfter": {"amount": "1.00"}, "createdAt": "2026-01-01T00:00:00Z",
            },
        }
        for sequence in range(newest, newest - count, -1)
    ]  # fmt: skip
    ends = {"hasNextPage": more, "endCursor": edges[-1]["cursor"]}
    return {"viewer": {"transactions": {"edges": edges, "pageInfo": ends}}}


def answered(newest: int) -> list[dict[str, Any]]:
    """Answers until the pages."""
    return [
        {"viewer": viewer("10.00", newest - 1)},
        {"sendMoney": sent("8.77", newest)},
        {"viewer": viewer("8.77", newest)},
    ]


def test_answers_that_agree_are_taken(prove: Callable[..., int]) -> None:
    assert prove(*answered(25), page(25, 20, more=True), page(5, 5, more=False)) == 1


@pytest.mark.parametrize("second", [page(4, 4, more=False), page(24, 5, more=False)])
def test_a_server_whose_pages_do_not_continue_is_not_measured(
    prove: Callable[..., int], second: dict[str, Any]
) -> None:
    with pytest.raises(RuntimeError, match="do not continue"):
        prove(*answered(25), page(25, 20, more=True), second)


def test_a_server_with_a_smaller_page_is_not_measured(prove: Callable[..., int]) -> None:
    with pytest.raises(RuntimeError, match="another page"):
        prove(*answered(25), page(25, 19, more=True))


@pytest.mark.parametrize("after", [viewer("10.00", 2), viewer("8.77", 1), viewer("8.00", 2)])
def test_a_server_that_does_not_move_what_it_says_is_not_measured(
    prove: Callable[..., int], after: dict[str, Any]
) -> None:
    with pytest.raises(RuntimeError, match="is inconsistent"):
        prove(READ_FIRST, {"sendMoney": sent("8.77", 2)}, {"viewer": after})


def test_a_server_that_answers_with_less_is_not_measured(prove: Callable[..., int]) -> None:
    less = sent("8.77", 2)
    del less["transaction"]["counterparty"]
    with pytest.raises(RuntimeError, match="other fields"):
        prove(READ_FIRST, {"sendMoney": less}, {"viewer": viewer("8.77", 2)})
