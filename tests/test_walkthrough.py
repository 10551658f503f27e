"""The first ten minutes of a new user, from `./wallet up` to a received payment, with the public
JavaScript clients as subscribers."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev import node, processes
from dev.up import building
from settings import ROOT, Settings
from tests.waiting import PATIENCE_SECONDS, block_until

JUDGES = ROOT / "tests" / "judges"
PASSWORD = "mini@Wallet025"
ALPHA, BETA = "user.alpha@demo.app", "user.beta@demo.app"

LOGIN = """
mutation ($input: LoginInput!) { login(input: $input) {
  ... on SignedIn { credentials { accessToken } viewer { id user { id name } emailVerifiedAt } }
  ... on UserError { message }
} }
"""
ME = "{ viewer { sequence balance { amount currency } user { name } } }"
CHANNEL = "{ wallet { pusher { key host port useTls authEndpoint channel } } }"
ADD = """
mutation ($input: AddBalanceInput!) { addBalance(input: $input) {
  ... on BalanceAdded { replayed viewer { balance { amount } } }
  ... on UserError { message }
} }
"""
FIND = "query ($query: String!) { searchUsers(query: $query) { nodes { id name emailHint } } }"
SEND = """
mutation ($input: SendMoneyInput!) { sendMoney(input: $input) {
  ... on MoneySent { replayed transaction { reference sequence } viewer { balance { amount } } }
  ... on UserError { message }
} }
"""
REGISTER = """
mutation ($input: RegisterInput!) { register(input: $input) {
  ... on RegistrationReceived { email }
  ... on UserError { message }
} }
"""
VERIFY = """
mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) {
  ... on EmailVerified { email }
  ... on UserError { message }
} }
"""


class Wallet:
    """A running `./wallet up`, and the short ways to use its API."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.url = f"http://localhost:{port}"
        self._output = folder / "output"
        ours = {name.upper() for name in Settings.model_fields}
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [str(ROOT / "wallet"), "up", "--port", str(port), "--data", str(folder / "data")],
                cwd="/", env=environment, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def wait_until_ready(self) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, self._output.read_text()
            try:
                return self.client.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        block_until(is_ready)

    def stop(self) -> None:
        """Ctrl-C, and everything ends."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE_SECONDS) == 0, self._output.read_text()
        assert processes.port_is_free("127.0.0.1", self.port)

    def ask(self, document: str, token: str | None = None, /, **variables: Any) -> Any:
        """The data of the answer. The token's header is left out where there is none."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = self.client.post(
            "/graphql", json={"query": document, "variables": variables}, headers=headers
        ).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def sign_in(self, email: str, password: str = PASSWORD) -> tuple[str, dict[str, Any]]:
        found = self.ask(LOGIN, input={"email": email, "password": password})["login"]
        assert "credentials" in found, found
        return found["credentials"]["accessToken"], found["viewer"]

    def balance(self, token: str) -> str:
        amount: str = self.ask(ME, token)["viewer"]["balance"]["amount"]
        return amount


class Judge:
    """One of the JavaScript clients, and what it has said so far."""

    def __init__(self, script: str, **variables: str) -> None:
        # Its errors come with its findings: a judge that breaks says so in the test's failure.
        self.process = subprocess.Popen(
            [str(node.node_path()), str(JUDGES / script)],
            env={**node.environment(), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._heard: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, key: str) -> Any:
        """The next finding of that kind."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {key!r} was heard, only {self._heard}") from None
            assert line is not None, f"the judge ended without {key!r}: {self._heard}"
            self._heard.append(line)
            finding = json.loads(line) if line.startswith("{") else {}
            if key in finding:
                return finding[key]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def judges() -> Iterator[Callable[..., Judge]]:
    started: list[Judge] = []

    def start(script: str, **variables: str) -> Judge:
        started.append(Judge(script, **variables))
        return started[-1]

    try:
        yield start
    finally:
        for judge in started:
            judge.end()


@pytest.fixture
def wallet(service_folder: Path) -> Iterator[Wallet]:
    # What `up` and the judges would fetch and build the first time.
    assert building.build() == []
    node.ensure_installed(JUDGES)
    wallet = Wallet(service_folder, processes.free_port())
    try:
        wallet.wait_until_ready()
        yield wallet
    finally:
        wallet.stop()


def test_a_strangers_first_ten_minutes(wallet: Wallet) -> None:
    with judges() as judge:
        _two_people_and_a_program(wallet, judge)
        _a_newcomer(wallet, judge)


def _two_people_and_a_program(wallet: Wallet, judge: Callable[..., Judge]) -> None:
    """Alpha and Beta watch, money moves, and a pusher-js listener is told the same."""
    playground = wallet.client.get("/graphql", headers={"accept": "text/html"})
    assert playground.status_code == 200
    assert "text/html" in playground.headers["content-type"]
    (alpha, _), (beta, beta_viewer) = wallet.sign_in(ALPHA), wallet.sign_in(BETA)
    socket = f"ws://127.0.0.1:{wallet.port}/graphql"
    # From the newest transaction on: what happens between connecting and subscribing comes too.
    newest = {t: str(wallet.ask(ME, t)["viewer"]["sequence"]) for t in (alpha, beta)}
    watchers = [
        judge("subscribe.mjs", URL=socket, TOKEN=token, AFTER=newest[token])
        for token in (alpha, beta)
    ]
    pusher = _pusher(wallet, judge, beta)
    for watcher in watchers:
        watcher.wait_for("connected")
    pusher.wait_for("subscription_succeeded")

    added = wallet.ask(ADD, alpha, input={"amount": "50.00", "idempotencyKey": "walk-add-1"})
    assert added["addBalance"] == {"replayed": False, "viewer": {"balance": {"amount": "1050.00"}}}
    assert watchers[0].wait_for("event")["balance"]["amount"] == "1050.00"
    [found] = wallet.ask(FIND, alpha, query="eta")["searchUsers"]["nodes"]
    assert found == {
        "id": beta_viewer["user"]["id"],
        "name": "User Beta",
        "emailHint": "u…a@demo.app",
    }
    request = {
        "recipient": {"userId": found["id"]},
        "amount": "12.34",
        "note": "lunch",
        "idempotencyKey": "walk-send-1",
    }
    sent = wallet.ask(SEND, alpha, input=request)["sendMoney"]
    assert sent["viewer"]["balance"]["amount"] == "1037.66"
    assert wallet.ask(SEND, alpha, input=request)["sendMoney"]["replayed"] is True

    event_of_alpha, event_of_beta = (watcher.wait_for("event") for watcher in watchers)
    pushed = pusher.wait_for("event")
    assert event_of_alpha["balance"] == {"amount": "1037.66", "currency": "USD"}
    assert event_of_beta["balance"] == {"amount": "1012.34", "currency": "USD"}
    assert event_of_beta["transaction"]["note"] == "lunch"
    assert event_of_beta["transaction"]["counterparty"]["name"] == "User Alpha"
    assert pushed["sequence"] == event_of_beta["sequence"]
    assert pushed["balance"] == event_of_beta["balance"]
    told = event_of_beta["transaction"]
    in_push = {key: pushed["transaction"][key] for key in told}
    in_push["counterparty"] = {key: in_push["counterparty"][key] for key in ("id", "name")}
    assert in_push == told
    assert {told["reference"], event_of_alpha["transaction"]["reference"]} == {
        sent["transaction"]["reference"]
    }


def _pusher(wallet: Wallet, judge: Callable[..., Judge], token: str) -> Judge:
    told = wallet.ask(CHANNEL, token)["wallet"]["pusher"]
    return judge(
        "pusher.mjs",
        KEY=told["key"],
        HOST=told["host"],
        PORT=str(told["port"]),
        TLS=str(told["useTls"]).lower(),
        AUTH_ENDPOINT=told["authEndpoint"],
        CHANNEL=told["channel"],
        TOKEN=token,
    )


def _a_newcomer(wallet: Wallet, judge: Callable[..., Judge]) -> None:
    """Registers, reads the mail, verifies, signs in, is found and is paid."""
    email, password = "delta.newcomer@example.com", "four walls and a roof"
    registration = {"name": "Delta Newcomer", "email": email, "password": password}
    assert wallet.ask(REGISTER, input=registration)["register"] == {"email": email}

    def mails() -> list[dict[str, Any]]:
        caught: list[dict[str, Any]] = wallet.client.get("/dev/mail.json").json()
        return [mail for mail in caught if email in mail["to"]]

    block_until(mails)
    [mail] = mails()
    [link] = {link for link in mail["links"] if "/verify-email#token=" in link}
    assert link.startswith(wallet.url)
    assert link in mail["text"]
    assert wallet.client.get(link).status_code == 200

    alpha, _ = wallet.sign_in(ALPHA)
    assert wallet.ask(FIND, alpha, query="newcomer")["searchUsers"]["nodes"] == []
    token = re.sub(r".*#token=", "", link)
    assert "message" in wallet.ask(VERIFY, input={"token": token})["verifyEmail"]
    confirmed = {"token": token, "password": password}
    assert wallet.ask(VERIFY, input=confirmed)["verifyEmail"] == {"email": email}
    assert "message" in wallet.ask(VERIFY, input=confirmed)["verifyEmail"]

    delta, viewer = wallet.sign_in(email, password)
    assert viewer["emailVerifiedAt"] is not None
    watcher = judge(
        "subscribe.mjs", URL=f"ws://127.0.0.1:{wallet.port}/graphql", TOKEN=delta, AFTER="0"
    )
    [found] = wallet.ask(FIND, alpha, query="newcomer")["searchUsers"]["nodes"]
    wallet.ask(
        SEND,
        alpha,
        input={
            "recipient": {"userId": found["id"]},
            "amount": "1",
            "idempotencyKey": "walk-send-2",
        },
    )
    event = watcher.wait_for("event")
    assert (event["sequence"], event["balance"]["amount"]) == (1, "1.00")
    assert wallet.balance(delta) == "1.00"
