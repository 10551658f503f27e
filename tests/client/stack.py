"""The whole wallet as `./wallet up` starts it, with users for the tests."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from dotenv import dotenv_values

from dev import processes
from domain.people import passwords
from persistence.delivery import epochs
from persistence.engine.database import Database
from persistence.operators import operators
from persistence.people import registrations
from settings import ROOT, Settings
from tests.waiting import PATIENCE_SECONDS, block_until
from torture.operators import SECOND_FACTOR

PASSWORD = "mini@Wallet025"

LOGIN = """
mutation ($input: LoginInput!) { login(input: $input) {
  ... on SignedIn { credentials { accessToken } viewer { id user { id } } }
  ... on UserError { message }
} }
"""
ADD = """
mutation ($input: AddBalanceInput!) { addBalance(input: $input) {
  __typename ... on UserError { message }
} }
"""
SEND = """
mutation ($input: SendMoneyInput!) { sendMoney(input: $input) {
  __typename ... on UserError { message }
} }
"""
CREATE_TOKEN = """
mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { __typename } }
"""
SEAL = "{ viewer { transactions(first: 1) { nodes { seal } } } }"
BALANCE = "{ viewer { balance { amount } } }"
SENT = """
{ viewer { transactions(first: 100, filter: {kind: TRANSFER}) {
  nodes { direction amount { amount } note }
} } }
"""


@dataclass
class Person:
    """A user with a wallet, and shortcuts to operations of the API."""

    stack: Stack
    name: str
    email: str
    password: str = PASSWORD
    _token: str = ""

    @property
    def token(self) -> str:
        if not self._token:
            credentials = {"email": self.email, "password": self.password}
            found = self.stack.ask(LOGIN, input=credentials)["login"]
            assert "credentials" in found, found
            self._token = found["credentials"]["accessToken"]
        return self._token

    def add(self, amount: str) -> None:
        added = self.stack.ask(
            ADD, self.token, input={"amount": amount, "idempotencyKey": self.stack.new_key()}
        )
        assert added["addBalance"]["__typename"] == "BalanceAdded", added

    def send(
        self,
        amount: str,
        to: Person,
        note: str | None = None,
        metadata: Sequence[dict[str, str]] = (),
    ) -> None:
        request = {
            "recipient": {"email": to.email},
            "amount": amount,
            "note": note,
            "idempotencyKey": self.stack.new_key(),
            "metadata": [*metadata],
        }
        sent = self.stack.ask(SEND, self.token, input=request)
        assert sent["sendMoney"]["__typename"] == "MoneySent", sent

    def create_api_token(self, name: str) -> None:
        request = {"name": name, "scopes": ["READ_PROFILE"]}
        created = self.stack.ask(CREATE_TOKEN, self.token, input=request)
        assert created["createApiToken"]["__typename"] == "ApiTokenCreated", created

    @property
    def balance(self) -> str:
        amount: str = self.stack.ask(BALANCE, self.token)["viewer"]["balance"]["amount"]
        return amount

    @property
    def newest_seal(self) -> str:
        [newest] = self.stack.ask(SEAL, self.token)["viewer"]["transactions"]["nodes"]
        seal: str = newest["seal"]
        return seal

    @property
    def transfers(self) -> list[dict[str, Any]]:
        """Newest first."""
        viewer = self.stack.ask(SENT, self.token)["viewer"]
        lines: list[dict[str, Any]] = viewer["transactions"]["nodes"]
        return lines


class Stack:
    """A running `up`."""

    def __init__(self, folder: Path, port: int, **settings: str) -> None:
        self.url = f"http://localhost:{port}"
        self.data = folder / "data"
        self._output = folder / "output"
        self._numbers = itertools.count(1)
        ours = {name.upper() for name in Settings.model_fields}
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [
                    *[sys.executable, "-P", "-m", "app.cli", "up"],
                    *["--port", str(port), "--data", str(self.data)],
                ],
                cwd="/",
                env={**environment, "PYTHONPATH": str(ROOT), "RATE_LIMIT_FACTOR": "0", **settings},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def wait_until_ready(self) -> None:
        block_until(lambda: "Ready" in self.said or self.process.poll() is not None)
        assert "Ready" in self.said, self.said

    @property
    def said(self) -> str:
        return self._output.read_text()

    def stop(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE_SECONDS) == 0, self.said

    @contextmanager
    def second_api(self, **settings: str) -> Iterator[str]:
        """Start another process of the same wallet with other settings; returns its address."""
        port = processes.free_port()
        url = f"http://localhost:{port}"
        found = dotenv_values(self.data / "env")
        services = {name: value for name, value in found.items() if value}
        ours = {"PYTHONPATH": str(ROOT), "APP_URL": url, "RATE_LIMIT_FACTOR": "0", **settings}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.cli", "serve", "--port", str(port)],
            cwd="/",
            env={**os.environ, **services, **ours},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            block_until(lambda: processes.accepts_connections("127.0.0.1", port))
            yield url
        finally:
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0

    def ask(self, document: str, token: str | None = None, /, **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": document, "variables": variables}
        answer = self.http.post("/graphql", json=body, headers=headers).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def new_key(self) -> str:
        return f"browser-test-{next(self._numbers):06}"

    def new_person(self, name: str, balance: str | None = None) -> Person:
        """A verified user that no other test uses."""
        number = next(self._numbers)
        email = f"person.{number}@example.com"
        person = Person(self, name, email)
        self._register(name, email)
        if balance:
            person.add(balance)
        return person

    def new_operator(self, name: str, email: str, *, has_factor: bool = True) -> Person:
        """A user who is an operator, with a session that a second factor has just confirmed."""
        person = Person(self, name, email)
        self._register(name, email)
        assert person.token
        key = dotenv_values(self.data / "env").get("AUDIT_KEY") or ""
        self._change(lambda database: operators.add(database, email, audit_key=key.encode()))
        if not has_factor:
            return person
        url = dotenv_values(self.data / "env")["DATABASE_URL"]
        assert url is not None
        with psycopg.connect(url) as connection:
            [row] = connection.execute("SELECT id FROM users WHERE email = %s", [email])
            for statement in SECOND_FACTOR:
                connection.execute(statement, [[*row]])
        return person

    def _register(self, name: str, email: str) -> None:
        hashed = passwords.hash_password(PASSWORD, rounds=4)
        self._change(
            lambda database: registrations.register_verified(
                database, name=name, email=email, password_hash=hashed
            )
        )

    def _change(self, change: Callable[[Database], Awaitable[object]]) -> None:
        url = dotenv_values(self.data / "env")["DATABASE_URL"]
        assert url is not None

        async def run() -> None:
            database = await Database.open(url, pool_size=1)
            await change(database)
            await database.close()

        # Playwright's event loop runs in this thread.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, run()).result()

    def accounts(self) -> list[tuple[Any, ...]]:
        """What verifying an address or resetting a password would change."""
        url = dotenv_values(self.data / "env")["DATABASE_URL"]
        assert url is not None
        with psycopg.connect(url) as connection:
            return [
                *connection.execute("SELECT id, email_verified_at, password_hash FROM users"),
                *connection.execute("SELECT id, ended_at FROM links"),
                *connection.execute("SELECT address, user_id FROM email_addresses"),
            ]

    def password_hash(self, email: str) -> str:
        """The stored hash of the password of the only user with that address."""
        url = dotenv_values(self.data / "env")["DATABASE_URL"]
        assert url is not None
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT password_hash FROM users WHERE email = %s", [email])
            [(stored,)] = found.fetchall()
        return str(stored)

    def begin_epoch(self) -> None:
        """As after a restore to an earlier point in time, while the processes are running."""
        url = dotenv_values(self.data / "env")["DATABASE_URL"]
        assert url is not None
        epochs.begin(url)

    def mail_to(self, email: str, subject: str) -> dict[str, Any]:
        """The newest mail to that address, once it has arrived."""
        found: list[dict[str, Any]] = []

        def has_come() -> bool:
            caught = self.http.get("/dev/mail.json").json()
            found[:] = [m for m in caught if email in m["to"] and re.search(subject, m["subject"])]
            return bool(found)

        block_until(has_come)
        return found[0]
